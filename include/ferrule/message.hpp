// Messages instead of bytes.
#pragma once

#include <ferrule/duplex.hpp>
#include <ferrule/framing/varint.hpp>

#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

namespace ferrule {

namespace detail {

/// What is to be reported for the exception that is being handled: its own code, if it has one of ours, or the lack of memory.
inline error_code thrown_code() noexcept
{
    try {
        throw;
    } catch (const error& e) {
        return e.code();
    } catch (const std::bad_alloc&) {
        return no_memory();
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
        transfer_result r;
        const auto& by = receiver();
        if (const error_code ec = run(self().channel(), request(by), limit, r))
            r.raise(ec);
        return load(by, std::move(r.data));
    }
    message_type recv(const until& limit, error_code& ec)
    {
        transfer_result r;
        try {
            const auto& by = receiver();
            ec = run(self().channel(), request(by), limit, r);
            if (!ec)
                return load(by, std::move(r.data));
        } catch (...) {
            ec = thrown_code();
        }
        return {};
    }
    message_type recv(error_code& ec) { return recv(until(), ec); }
    /// `async_recv([limit] [, token])`.
    template <limit_or_token... LimitAndToken>
    auto async_recv(LimitAndToken&&... limit_and_token);

    /// The next message, or nothing at the clean end of the stream: `while (auto message = in.next())`.
    std::optional<message_type> next(const until& limit = {})
    {
        transfer_result r;
        const auto& by = receiver();
        if (const error_code ec = run(self().channel(), next_request(by), limit, r))
            r.raise(ec);
        return next_of(by, r);
    }
    /// Nothing also on error.
    std::optional<message_type> next(const until& limit, error_code& ec)
    {
        transfer_result r;
        try {
            const auto& by = receiver();
            ec = run(self().channel(), next_request(by), limit, r);
            if (!ec)
                return next_of(by, r);
        } catch (...) {
            ec = thrown_code();
        }
        return std::nullopt;
    }
    std::optional<message_type> next(error_code& ec) { return next(until(), ec); }
    /// `async_next([limit] [, token])`: completes with `void(error_code, std::optional<message_type>)`.
    template <limit_or_token... LimitAndToken>
    auto async_next(LimitAndToken&&... limit_and_token);

    /// `recv` into an object whose memory is used again, so that a steady stream of messages allocates none. On error
    /// the object is unchanged.
    void recv_into(message_type& message, const until& limit = {})
        requires byte_framing<Framing>
    {
        transfer_result r;
        if (const error_code ec = run(self().channel(), request_into(message), limit, r))
            r.raise(ec);
    }
    void recv_into(message_type& message, const until& limit, error_code& ec)
        requires byte_framing<Framing>
    {
        transfer_result r;
        try {
            ec = run(self().channel(), request_into(message), limit, r);
        } catch (...) {
            ec = thrown_code();
        }
    }
    /// `async_recv_into(message [, limit] [, token])`: completes with the number of bytes. The message must live until
    /// completion.
    template <limit_or_token... LimitAndToken>
        requires byte_framing<Framing>
    auto async_recv_into(message_type& message, LimitAndToken&&... limit_and_token);

    /// The next message if it has arrived whole, else nothing. Does not wait. Throws for errors and at the end.
    std::optional<message_type> try_recv()
    {
        transfer_result r;
        const auto& by = receiver();
        if (!run_now(self().channel(), request(by), r))
            return std::nullopt;
        return load(by, std::move(r.data));
    }

    /// A copy of what has arrived of an unfinished message, as bytes; nothing of one that is whole. It stays in the
    /// stream. Waits only for other receives, until `limit`.
    bytes peek_partial(const until& limit = {}) { return take(peeking(), limit); }
    bytes peek_partial(const until& limit, error_code& ec) { return take(peeking(), limit, ec); }
    /// Takes the same off the stream, and nothing behind it: a message that is refused (`errc::too_large`) goes as far as
    /// it has arrived, or whole if it has and its framing knows where it ends. What arrives later of an unfinished message
    /// is taken for the beginning of the next.
    bytes take_partial(const until& limit = {}) { return take(partial_request(), limit); }
    bytes take_partial(const until& limit, error_code& ec) { return take(partial_request(), limit, ec); }
    template <limit_or_token... LimitAndToken>
    auto async_take_partial(LimitAndToken&&... limit_and_token);

protected:
    message_recv_functions() noexcept = default;
    message_recv_functions(Framing f, const ferrule::limits& l)
        : state_(std::make_shared<framing_state<Framing>>(std::move(f), l))
    {
    }
    /// For an object that is about to take `d` over, and cannot if this throws.
    template <class F>
    static std::shared_ptr<framing_state<Framing>> make_state(descriptor& d, F&& f, const ferrule::limits& l)
    {
        try {
            return std::make_shared<framing_state<Framing>>(std::forward<F>(f), l);
        } catch (...) {
            d.give_back();
            throw;
        }
    }
    /// Shares the framing of another object of the same endpoint.
    explicit message_recv_functions(std::shared_ptr<framing_state<Framing>> s) noexcept : state_(std::move(s)) {}
    [[nodiscard]] const std::shared_ptr<framing_state<Framing>>& state() const noexcept { return state_; }

private:
    [[nodiscard]] const Self& self() const { return static_cast<const Self&>(*this); }
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
    [[nodiscard]] read_request next_request(const auto& by) const
    {
        read_request r = request(by);
        r.end_is_nothing = true;
        return r;
    }
    [[nodiscard]] read_request request_into(message_type& message) const
    {
        read_request r = request(state_);
        r.reuse = &message;
        return r;
    }
    [[nodiscard]] read_request partial_request() const
    {
        read_request r = request(state_);
        r.kind = read_request::what::partial;
        return r;
    }
    [[nodiscard]] read_request peeking() const
    {
        read_request r = partial_request();
        r.peek = true;
        return r;
    }
    /// For calls that may outlast this object.
    [[nodiscard]] read_request lasting_request(const auto& by) const
    {
        read_request r = request(by);
        r.keep_alive = by;
        return r;
    }
    /// What makes a message of what an asynchronous call receives.
    auto convert(const auto& by) const;
    bytes take(const read_request& request, const until& limit)
    {
        transfer_result r;
        if (const error_code ec = run(self().channel(), request, limit, r))
            r.raise(ec);
        return std::move(r.data);
    }
    bytes take(const read_request& request, const until& limit, error_code& ec)
    {
        transfer_result r;
        ec = run(self().channel(), request, limit, r);
        return ec ? bytes() : std::move(r.data);
    }
    std::optional<message_type> next_of(const auto& by, transfer_result& r) const
    {
        return r.ended ? std::nullopt : std::optional<message_type>(load(by, std::move(r.data)));
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
        return run_or_throw(throwing_request(message), limit);
    }
    std::size_t send(const sent_type& message, const until& limit, error_code& ec)
    {
        return run_or_set(request(message), limit, ec);
    }
    std::size_t send(const sent_type& message, error_code& ec) { return send(message, until(), ec); }
    /// The same with bytes that the send owns, so that an unsent rest need not be copied.
    template <std::same_as<bytes> Bytes> // not what braces may convert to
    std::size_t send(Bytes&& message, const until& limit = {})
        requires byte_framing<Framing>
    {
        return run_or_throw(owning_request<false>(std::move(message)), limit);
    }
    template <std::same_as<bytes> Bytes>
    std::size_t send(Bytes&& message, const until& limit, error_code& ec)
        requires byte_framing<Framing>
    {
        try {
            return run_or_set(owning_request<true>(std::move(message)), limit, ec);
        } catch (const std::bad_alloc&) {
            ec = no_memory();
            return 0;
        }
    }
    /// See `writer::try_send`.
    [[nodiscard]] bool try_send(const sent_type& message)
    {
        write_request r = throwing_request(message);
        return run_now(self().channel(), r);
    }
    /// See `writer::try_flush`.
    [[nodiscard]] bool try_flush() { return as_writer().try_flush(); }
    /// `async_send(message [, limit] [, token])`. A value is encoded before the call returns. Of byte messages, temporaries
    /// that own their bytes are copied, `bytes&&` is moved, and others must live until completion.
    template <limit_or_token... LimitAndToken>
    auto async_send(const sent_type& message, LimitAndToken&&... limit_and_token);
    template <std::same_as<bytes> Bytes, limit_or_token... LimitAndToken>
        requires byte_framing<Framing>
    auto async_send(Bytes&& message, LimitAndToken&&... limit_and_token);

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
    [[nodiscard]] const Framing& sent_with() const noexcept { return framing_; }

private:
    [[nodiscard]] const Self& self() const { return static_cast<const Self&>(*this); }
    [[nodiscard]] writer as_writer() const { return {self().channel(), self().limits()}; }
    /// Throws what is wrong with the message.
    write_request throwing_request(const sent_type& message) const
    {
        write_request r(write_request::what::send);
        if (const error_code ec = encode(message, r.frame))
            throw_error(ec);
        return r;
    }
    /// Notes what is wrong with it.
    write_request request(const sent_type& message) const
    {
        write_request r(write_request::what::send);
        try {
            r.refused = encode(message, r.frame);
        } catch (...) {
            r.refused = thrown_code();
        }
        return r;
    }
    template <bool Notes>
    write_request owning_request(bytes&& message) const
    {
        write_request r(write_request::what::send);
        const byte_view held = r.frame.hold(std::move(message));
        try {
            r.refused = encode(held, r.frame);
        } catch (...) {
            if constexpr (!Notes)
                throw;
            r.refused = thrown_code();
        }
        return r;
    }
    /// For calls that may outlast the expression that makes them.
    template <bool Notes>
    write_request lasting_request(const sent_type& message) const
    {
        if constexpr (byte_framing<Framing>)
            if (message.has_temporaries())
                return owning_request<Notes>(message.copy());
        if constexpr (Notes)
            return request(message);
        write_request r(write_request::what::send);
        r.refused = encode(message, r.frame); // what that throws, a call without a token throws
        return r;
    }
    std::size_t run_or_throw(write_request r, const until& limit)
    {
        transfer_result result;
        if (const error_code ec = run(self().channel(), r, limit, result))
            result.raise(ec);
        return result.transferred;
    }
    std::size_t run_or_set(write_request r, const until& limit, error_code& ec)
    {
        transfer_result result;
        ec = run(self().channel(), r, limit, result);
        return result.transferred;
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

template <framing Framing>
class message_duplex;

/// Receives the messages of one framing.
template <framing Framing = varint>
class message_reader : public endpoint, public detail::message_recv_functions<message_reader<Framing>, Framing> {
    using functions = detail::message_recv_functions<message_reader<Framing>, Framing>;

public:
    message_reader() noexcept = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::unsupported`).
    explicit message_reader(descriptor d, Framing f = {}, const ferrule::limits& l = {})
        : message_reader(functions::make_state(d, std::move(f), l), std::move(d), l)
    {
    }
    /// Shares a byte object: its descriptor, its locks and the bytes that it has read ahead. Raw and message users
    /// exclude each other, and each starts at the byte where the other has stopped.
    explicit message_reader(const reader& shared, Framing f = {}, const ferrule::limits& l = {})
        : endpoint(shared.channel(), l),
          functions(std::move(f), l)
    {
    }

    /// The same endpoint in bytes, which begin where the next message would.
    [[nodiscard]] reader as_bytes() const { return {channel(), limits()}; }

    /// The same endpoint with another framing, such as another end of line for one call: `in.with(lines("\r")).recv()`.
    /// Costs one allocation at most.
    template <framing Other>
    [[nodiscard]] message_reader<Other> with(Other f) const
    {
        return message_reader<Other>(as_bytes(), std::move(f), limits());
    }

private:
    friend class message_duplex<Framing>;
    message_reader(const endpoint& shared, std::shared_ptr<detail::framing_state<Framing>> same)
        : endpoint(shared),
          functions(std::move(same))
    {
    }
    // Takes the descriptor over when nothing else can fail.
    message_reader(std::shared_ptr<detail::framing_state<Framing>> s, descriptor&& d, const ferrule::limits& l)
        : endpoint(reader(std::move(d), l)),
          functions(std::move(s))
    {
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

    /// The same endpoint in bytes. They go out behind the messages sent before.
    [[nodiscard]] writer as_bytes() const { return {channel(), limits()}; }

    /// See `message_reader::with`.
    template <framing Other>
    [[nodiscard]] message_writer<Other> with(Other f) const
    {
        return message_writer<Other>(as_bytes(), std::move(f), limits());
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
        : message_duplex(receiving::make_state(d, f, l), std::move(d), std::move(f), l)
    {
    }
    /// Shares a byte object, as `message_reader` and `message_writer` do.
    explicit message_duplex(const duplex& shared, Framing f = {}, const ferrule::limits& l = {})
        : endpoint(shared.channel(), l),
          receiving(f, l),
          sending(std::move(f), l)
    {
    }

    /// The same endpoint in bytes, as those of `message_reader` and `message_writer`.
    [[nodiscard]] duplex as_bytes() const { return {channel(), limits()}; }
    /// The halves, which share everything with this object; closing one closes all.
    operator message_reader<Framing>() const { return {*this, receiving::state()}; }
    operator message_writer<Framing>() const
    {
        return message_writer<Framing>(writer(channel(), limits()), sending::sent_with(), limits());
    }

    /// See `message_reader::with`.
    template <framing Other>
    [[nodiscard]] message_duplex<Other> with(Other f) const
    {
        return message_duplex<Other>(as_bytes(), std::move(f), limits());
    }

private:
    // Takes the descriptor over when nothing else can fail.
    message_duplex(std::shared_ptr<detail::framing_state<Framing>> s, descriptor&& d, Framing&& f,
                   const ferrule::limits& l)
        : endpoint(duplex(std::move(d), l)),
          receiving(std::move(s)),
          sending(std::move(f), l)
    {
    }
};

} // namespace ferrule
