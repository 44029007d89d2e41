// Messages instead of bytes.
#pragma once

#include <ferrule/duplex.hpp>
#include <ferrule/framing/varint.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

namespace ferrule {

namespace detail {

/// What is to be reported for the exception that is being handled: its own code, if it has one of ours.
inline error_code thrown_code() noexcept
{
    try {
        throw;
    } catch (const error& e) {
        return e.code();
    } catch (...) {
        return errc::framing_failed;
    }
}

/// A framing at work on a stream that others may read as well.
template <framing Framing>
class framing_state {
public:
    framing_state(Framing f, const ferrule::limits& l) : framing_(std::move(f)), limits_(l) {}

    [[nodiscard]] decoder_ref decoder() noexcept { return {this, &framing_state::decode}; }
    [[nodiscard]] const Framing& framing() const noexcept { return framing_; }
    [[nodiscard]] const ferrule::limits& limits() const noexcept { return limits_; }
    [[nodiscard]] auto load(bytes payload) const { return framing_.load(std::move(payload)); }

    static decode_result decode(void* self, byte_view buffered, std::uint64_t position)
    {
        auto& s = *static_cast<framing_state*>(self);
        if constexpr (requires { s.framing_.reset(); }) {
            if (position != s.expected_)
                s.framing_.reset(); // somebody else has read in between
            s.expected_ = position;
        }
        const decode_result r = s.framing_.decode(buffered, s.limits_);
        if (r.what() == decode_result::outcome::frame)
            s.expected_ = position + r.size();
        return r;
    }

private:
    Framing framing_;
    ferrule::limits limits_;
    std::uint64_t expected_ = 0; // where the decoder believes to be
};

/// One receive of a framing whose frames have something attached.
template <attached_framing Framing>
class attached_receive {
public:
    explicit attached_receive(std::shared_ptr<framing_state<Framing>> s) noexcept : state_(std::move(s)) {}

    [[nodiscard]] decoder_ref decoder() noexcept { return {this, &attached_receive::decode}; }
    [[nodiscard]] auto load(bytes payload) const { return state_->framing().load(std::move(payload), attached_); }

private:
    static decode_result decode(void* self, byte_view buffered, std::uint64_t position)
    {
        auto& r = *static_cast<attached_receive*>(self);
        const decode_result found = framing_state<Framing>::decode(r.state_.get(), buffered, position);
        if (found.what() == decode_result::outcome::frame)
            r.attached_ = r.state_->framing().attached(position);
        return found;
    }

    std::shared_ptr<framing_state<Framing>> state_;
    decltype(std::declval<const Framing&>().attached(0)) attached_{};
};

/// The receiving functions of `message_reader` and `message_duplex`. What `recv_functions` says of ending early, errors,
/// threads and `async_` twins holds here for whole messages. Further errors: `frame_error` with `errc::malformed` or
/// `errc::too_large`; the bytes in question stay in the stream, so every later read reports the same until somebody
/// takes them as bytes. What the framing throws is rethrown.
template <class Self, framing Framing>
class message_recv_functions {
public:
    using message_type = typename Framing::message_type;

    /// The next message, whole.
    message_type recv(const until& limit = {})
    {
        read_result r;
        const auto& by = receiver();
        if (const error_code ec = run(self().channel(), request(by), limit, r))
            throw_error(ec, r.data, r.transferred);
        return load(by, std::move(r.data));
    }
    message_type recv(const until& limit, error_code& ec)
    {
        read_result r;
        const auto& by = receiver();
        try {
            ec = run(self().channel(), request(by), limit, r);
            if (!ec)
                return load(by, std::move(r.data));
        } catch (...) {
            ec = thrown_code();
        }
        if constexpr (byte_framing<Framing>)
            return std::move(r.data);
        else
            return {};
    }
    /// The same into an object whose memory is used again, so that a steady stream of messages allocates none. On error
    /// the object is unchanged.
    void recv_into(message_type& message, const until& limit = {})
        requires byte_framing<Framing>
    {
        read_result r;
        read_request q = request(state_);
        q.reuse = &message;
        if (const error_code ec = run(self().channel(), q, limit, r))
            throw_error(ec, r.data, r.transferred);
    }
    /// `async_recv_into(message [, limit] [, token])`: completes with the number of bytes. The message must live until
    /// completion.
    template <limit_or_token... LimitAndToken>
        requires byte_framing<Framing>
    auto async_recv_into(message_type& message, LimitAndToken&&... limit_and_token);
    /// The next message if it has arrived whole, else nothing. Does not wait. Throws for errors and at the end.
    std::optional<message_type> try_recv()
    {
        read_result r;
        const auto& by = receiver();
        if (!run_now(self().channel(), request(by), r))
            return std::nullopt;
        return load(by, std::move(r.data));
    }
    /// `async_recv([limit] [, token])`.
    template <limit_or_token... LimitAndToken>
    auto async_recv(LimitAndToken&&... limit_and_token);

    /// Takes what has arrived of the next message off the stream, as bytes; see `reader::take_partial`.
    bytes take_partial(const until& limit = {}) { return as_reader().take_partial(limit); }
    bytes take_partial(const until& limit, error_code& ec) { return as_reader().take_partial(limit, ec); }
    template <limit_or_token... LimitAndToken>
    auto async_take_partial(LimitAndToken&&... limit_and_token);

protected:
    message_recv_functions() noexcept = default;
    message_recv_functions(Framing f, const ferrule::limits& l)
        : state_(std::make_shared<framing_state<Framing>>(std::move(f), l))
    {
    }

private:
    [[nodiscard]] const Self& self() const { return static_cast<const Self&>(*this); }
    [[nodiscard]] reader as_reader() const { return {self().channel(), self().limits()}; }
    /// What decodes and loads for one call.
    [[nodiscard]] decltype(auto) receiver() const
    {
        if constexpr (attached_framing<Framing>)
            return state_ ? std::make_shared<attached_receive<Framing>>(state_) : nullptr;
        else
            return (state_);
    }
    [[nodiscard]] read_request request(const auto& by) const
    {
        read_request r(read_request::what::frame, self().limits().max_payload());
        if (by)
            r.decoder = by->decoder();
        return r;
    }
    message_type load(const auto& by, bytes payload) const
    {
        if constexpr (byte_framing<Framing>)
            return payload;
        else
            return by->load(std::move(payload));
    }

    std::shared_ptr<framing_state<Framing>> state_;
};

/// The sending functions of `message_writer` and `message_duplex`. What `send_functions` says holds here for whole
/// frames; counts include the framing's own bytes. A message that the framing refuses (`errc::too_large`, …) or throws
/// on sends nothing and leaves the endpoint usable.
template <class Self, framing Framing>
class message_send_functions {
public:
    using message_type = typename Framing::message_type;
    /// What is sent: one or several buffers that make up one message, or a value.
    using sent_type = std::conditional_t<byte_framing<Framing>, buffers, message_type>;

    std::size_t send(const sent_type& message, const until& limit = {})
    {
        write_request r(write_request::what::send);
        if (const error_code ec = encode(message, r.frame))
            throw_error(ec);
        std::size_t transferred = 0;
        if (const error_code ec = run(self().channel(), r, limit, transferred))
            throw_error(ec, {}, transferred);
        return transferred;
    }
    std::size_t send(const sent_type& message, const until& limit, error_code& ec)
    {
        write_request r = request(message);
        std::size_t transferred = 0;
        ec = run(self().channel(), r, limit, transferred);
        return transferred;
    }
    /// See `writer::try_send`.
    [[nodiscard]] bool try_send(const sent_type& message)
    {
        write_request r(write_request::what::send);
        if (const error_code ec = encode(message, r.frame))
            throw_error(ec);
        return run_now(self().channel(), r);
    }
    /// See `writer::try_flush`.
    [[nodiscard]] bool try_flush() { return as_writer().try_flush(); }
    /// `async_send(message [, limit] [, token])`. The bytes of a byte message must live until completion; a value is
    /// encoded before the call returns.
    template <limit_or_token... LimitAndToken>
    auto async_send(const sent_type& message, LimitAndToken&&... limit_and_token);

    /// Sends what an interrupted send left behind.
    void flush(const until& limit = {}) { as_writer().flush(limit); }
    void flush(const until& limit, error_code& ec) { as_writer().flush(limit, ec); }
    template <limit_or_token... LimitAndToken>
    auto async_flush(LimitAndToken&&... limit_and_token);

    /// Half-close; see `writer::shutdown_send`.
    void shutdown_send(const until& limit = {}) { as_writer().shutdown_send(limit); }
    void shutdown_send(const until& limit, error_code& ec) { as_writer().shutdown_send(limit, ec); }
    template <limit_or_token... LimitAndToken>
    auto async_shutdown_send(LimitAndToken&&... limit_and_token);

protected:
    message_send_functions() = default;
    message_send_functions(Framing f, const ferrule::limits& l) : framing_(std::move(f)), limits_(l) {}

private:
    [[nodiscard]] const Self& self() const { return static_cast<const Self&>(*this); }
    [[nodiscard]] writer as_writer() const { return {self().channel(), self().limits()}; }
    /// For calls that do not throw.
    write_request request(const sent_type& message) const
    {
        write_request r(write_request::what::send);
        try {
            r.refused = encode(message, r.frame);
        } catch (...) {
            r.refused = errc::framing_failed;
        }
        return r;
    }
    error_code encode(const sent_type& message, encoded& out) const
    {
        if constexpr (byte_framing<Framing>)
            return framing_.encode(message.list(), limits_, out);
        else
            return framing_.encode(message, limits_, out);
    }

    Framing framing_{};
    ferrule::limits limits_;
};

} // namespace detail

/// Receives the messages of one framing.
template <framing Framing = varint>
class message_reader : public endpoint, public detail::message_recv_functions<message_reader<Framing>, Framing> {
    using functions = detail::message_recv_functions<message_reader<Framing>, Framing>;

public:
    message_reader() noexcept = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::unsupported`).
    explicit message_reader(descriptor d, Framing f = {}, const ferrule::limits& l = {})
        : message_reader(reader(std::move(d)), std::move(f), l)
    {
    }
    /// Shares a byte object: its descriptor, its locks and the bytes that it has read ahead. Raw and message users
    /// exclude each other, and each starts at the byte where the other has stopped.
    explicit message_reader(const reader& shared, Framing f = {}, const ferrule::limits& l = {})
        : endpoint(shared.channel(), l),
          functions(std::move(f), l)
    {
    }

    /// The same endpoint with another framing, such as another end of line for one call: `in.with(lines("\r")).recv()`.
    /// Costs one allocation at most.
    template <framing Other>
    [[nodiscard]] message_reader<Other> with(Other f) const
    {
        return message_reader<Other>(reader(channel(), limits()), std::move(f), limits());
    }
};

/// Sends the messages of one framing.
template <framing Framing = varint>
class message_writer : public endpoint, public detail::message_send_functions<message_writer<Framing>, Framing> {
    using functions = detail::message_send_functions<message_writer<Framing>, Framing>;

public:
    message_writer() = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::unsupported`).
    explicit message_writer(descriptor d, Framing f = {}, const ferrule::limits& l = {})
        : message_writer(writer(std::move(d)), std::move(f), l)
    {
    }
    /// Shares a byte object, with its lock.
    explicit message_writer(const writer& shared, Framing f = {}, const ferrule::limits& l = {})
        : endpoint(shared.channel(), l),
          functions(std::move(f), l)
    {
    }

    /// See `message_reader::with`.
    template <framing Other>
    [[nodiscard]] message_writer<Other> with(Other f) const
    {
        return message_writer<Other>(writer(channel(), limits()), std::move(f), limits());
    }
};

/// Sends and receives the messages of one framing.
template <framing Framing = varint>
class message_duplex : public endpoint,
                       public detail::message_recv_functions<message_duplex<Framing>, Framing>,
                       public detail::message_send_functions<message_duplex<Framing>, Framing> {
    using receiving = detail::message_recv_functions<message_duplex<Framing>, Framing>;
    using sending = detail::message_send_functions<message_duplex<Framing>, Framing>;

public:
    using message_type = typename Framing::message_type;

    message_duplex() = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::unsupported`).
    explicit message_duplex(descriptor d, Framing f = {}, const ferrule::limits& l = {})
        : message_duplex(duplex(std::move(d)), std::move(f), l)
    {
    }
    /// Shares a byte object, as `message_reader` and `message_writer` do.
    explicit message_duplex(const duplex& shared, Framing f = {}, const ferrule::limits& l = {})
        : endpoint(shared.channel(), l),
          receiving(f, l),
          sending(std::move(f), l)
    {
    }

    /// See `message_reader::with`.
    template <framing Other>
    [[nodiscard]] message_duplex<Other> with(Other f) const
    {
        return message_duplex<Other>(duplex(channel(), limits()), std::move(f), limits());
    }
};

} // namespace ferrule
