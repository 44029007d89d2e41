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

/// The error code for the exception being handled: its own if it is a ferrule `error`, or out of memory, or
/// `framing_failed`.
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

/// Receives by a framing that knows more of a failure than its code. `throw_in_detail(ec)` throws the `error` that fits.
template <class Receiver>
concept detailed = requires(const Receiver& by, const error_code& ec) { by.framing().throw_in_detail(ec); };

/// Throws the exception for a failed receive by `by`, which may be null.
template <class Receiver>
[[noreturn]] void raise(const std::shared_ptr<Receiver>& by, const error_code& ec, const transfer_result& r)
{
    if constexpr (detailed<Receiver>) {
        if (by)
            by->framing().throw_in_detail(ec);
    }
    r.raise(ec);
}

/// The state of a framing on a stream that others may read as well.
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
                s.framing_.reset(); // another reader has taken bytes in between
            s.expected_ = position;
        }
        const decode_result r = s.framing_.decode(buffered, s.limits_);
        if (r.status() == decode_status::frame || r.status() == decode_status::skip)
            s.expected_ = position + r.size();
        return r;
    }

private:
    Framing framing_;
    ferrule::limits limits_;
    std::uint64_t expected_ = 0; // the position after the last frame
};

/// One receive by a framing whose frames carry attachments.
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
        if (found.status() == decode_status::frame)
            r.attached_ = r.state_->framing().attached(position);
        return found;
    }

    std::shared_ptr<framing_state<Framing>> state_;
    decltype(std::declval<const Framing&>().attached(0)) attached_{};
};

/// The receiving functions of `message_reader` and `message_duplex`. The rules of `recv_functions` hold here for whole
/// messages.
/// Throws: what `recv_functions` throws, and `frame_error` with `errc::malformed` or `errc::too_large`. The bad bytes
/// stay in the stream. Every later receive reports the same error until they are taken as bytes. Exceptions of the
/// framing are rethrown.
template <class Self, framing Framing>
class message_recv_functions {
public:
    using message_type = typename Framing::message_type;

    /// Receives the next message, whole.
    message_type recv(const until& timeout = {})
    {
        const auto& by = receiver();
        transfer_result r;
        if (const error_code ec = run(own(), request(by), timeout, r))
            raise(by, ec, r);
        return load(by, std::move(r.data));
    }
    message_type recv(const until& timeout, error_code& ec)
    {
        try {
            const auto& by = receiver();
            transfer_result r = transfer(own(), request(by), timeout, ec);
            if (!ec)
                return load(by, std::move(r.data));
        } catch (...) {
            ec = thrown_code();
        }
        return {};
    }
    message_type recv(error_code& ec) { return recv(until(), ec); }
    /// `async_recv([timeout] [, token])`.
    template <timeout_or_token... TimeoutAndToken>
    auto async_recv(TimeoutAndToken&&... timeout_and_token);

    /// Receives the next message, or nothing at the clean end of the stream. Use it as
    /// `while (auto message = in.next())`.
    std::optional<message_type> next(const until& timeout = {})
    {
        const auto& by = receiver();
        return next_of(by, transfer(own(), next_request(by), timeout));
    }
    /// Returns nothing on error as well.
    std::optional<message_type> next(const until& timeout, error_code& ec)
    {
        try {
            const auto& by = receiver();
            transfer_result r = transfer(own(), next_request(by), timeout, ec);
            if (!ec)
                return next_of(by, std::move(r));
        } catch (...) {
            ec = thrown_code();
        }
        return std::nullopt;
    }
    std::optional<message_type> next(error_code& ec) { return next(until(), ec); }
    /// `async_next([timeout] [, token])` completes with `void(error_code, std::optional<message_type>)`.
    template <timeout_or_token... TimeoutAndToken>
    auto async_next(TimeoutAndToken&&... timeout_and_token);

    /// Like `recv`, but reuses the memory of `message`, so that a steady stream of messages allocates none. On error
    /// `message` is unchanged.
    void recv_into(message_type& message, const until& timeout = {})
        requires byte_framing<Framing>
    {
        (void)transfer(own(), request_into(message), timeout);
        restore(message);
    }
    void recv_into(message_type& message, const until& timeout, error_code& ec)
        requires byte_framing<Framing>
    {
        try {
            (void)transfer(own(), request_into(message), timeout, ec);
            if (!ec)
                restore(message);
        } catch (...) {
            ec = thrown_code();
        }
    }
    /// `async_recv_into(message [, timeout] [, token])` completes with the number of bytes. `message` must live until
    /// completion.
    template <timeout_or_token... TimeoutAndToken>
        requires byte_framing<Framing>
    auto async_recv_into(message_type& message, TimeoutAndToken&&... timeout_and_token);

    /// Receives the next message if it has arrived whole, else returns nothing. Never waits. Throws on errors and at
    /// the end of the stream.
    std::optional<message_type> try_recv()
    {
        transfer_result r;
        const auto& by = receiver();
        if (!run_now(own(), request(by), r))
            return std::nullopt;
        return load(by, std::move(r.data));
    }

    /// Returns a copy of what has arrived of an unfinished message, as bytes. Returns nothing if the message is whole.
    /// The bytes stay in the stream. Waits only for other receives, at most until `timeout`.
    bytes peek_partial(const until& timeout = {}) { return transfer(own(), peeking(), timeout).data; }
    bytes peek_partial(const until& timeout, error_code& ec) { return transfer(own(), peeking(), timeout, ec).data; }
    /// Takes the bytes that `peek_partial` shows off the stream, and nothing behind them. A refused message
    /// (`errc::too_large`) is taken as far as it has arrived, up to its end if the framing knows it. What arrives later
    /// of an unfinished message counts as the beginning of the next.
    bytes take_partial(const until& timeout = {}) { return transfer(own(), partial_request(), timeout).data; }
    bytes take_partial(const until& timeout, error_code& ec)
    {
        return transfer(own(), partial_request(), timeout, ec).data;
    }
    template <timeout_or_token... TimeoutAndToken>
    auto async_take_partial(TimeoutAndToken&&... timeout_and_token);

    /// The number of bytes that framings have dropped from the stream as noise. Only framings that find the next good
    /// frame by themselves drop any, such as `slip`, `cobs`, and these with `checksummed`.
    [[nodiscard]] std::uint64_t skipped() const noexcept { return detail::skipped(own()); }

protected:
    message_recv_functions() noexcept = default;
    message_recv_functions(Framing f, const ferrule::limits& l)
        : state_(std::make_shared<framing_state<Framing>>(std::move(f), l))
    {
    }
    /// For an object about to take `d` over. If this throws, an adopted handle belongs to the caller again.
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
    [[nodiscard]] const channel_ptr& own() const { return self().channel(); }
    /// The object that decodes and loads for one call.
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
    /// For calls that may outlive this object.
    [[nodiscard]] read_request lasting_request(const auto& by) const
    {
        read_request r = request(by);
        r.keep_alive = by;
        return r;
    }
    /// Converts what an asynchronous call receives to a message.
    auto convert(const auto& by) const;
    std::optional<message_type> next_of(const auto& by, transfer_result&& r) const
    {
        return r.ended ? std::nullopt : std::optional<message_type>(load(by, std::move(r.data)));
    }
    message_type load(const auto& by, bytes payload) const
    {
        if constexpr (byte_framing<Framing>)
            return restored(by->framing(), std::move(payload));
        else
            return by->load(std::move(payload));
    }
    void restore(message_type& received) const
    {
        if constexpr (restoring_framing<Framing>)
            received = state_->load(std::move(received));
    }

    std::shared_ptr<framing_state<Framing>> state_;
};

/// The sending functions of `message_writer` and `message_duplex`. The rules of `send_functions` hold here for whole
/// frames. Counts include the framing's own bytes. If the framing refuses a message (`errc::too_large`, …) or throws,
/// nothing is sent and the endpoint stays usable.
template <class Self, framing Framing>
class message_send_functions {
public:
    using message_type = typename Framing::message_type;
    /// The parameter of a send: one or several buffers that form one message, or a value.
    using sent_type = std::conditional_t<byte_framing<Framing>, buffers, message_type>;

    std::size_t send(const sent_type& message, const until& timeout = {})
    {
        return transfer(self().channel(), request<false>(message), timeout).transferred;
    }
    std::size_t send(const sent_type& message, const until& timeout, error_code& ec)
    {
        return transfer(self().channel(), request<true>(message), timeout, ec).transferred;
    }
    std::size_t send(const sent_type& message, error_code& ec) { return send(message, until(), ec); }
    /// Takes ownership of the bytes, so that an unsent rest need not be copied.
    template <std::same_as<bytes> Bytes> // excludes what braces may convert to
    std::size_t send(Bytes&& message, const until& timeout = {})
        requires byte_framing<Framing>
    {
        return transfer(self().channel(), owning_request<false>(std::move(message)), timeout).transferred;
    }
    template <std::same_as<bytes> Bytes>
    std::size_t send(Bytes&& message, const until& timeout, error_code& ec)
        requires byte_framing<Framing>
    {
        const auto owning = [&] { return owning_request<true>(std::move(message)); };
        return transfer_made(self().channel(), owning, timeout, ec).transferred;
    }
    /// See `writer::try_send`.
    [[nodiscard]] bool try_send(const sent_type& message)
    {
        write_request r = request<false>(message);
        return run_now(self().channel(), r);
    }
    /// See `writer::try_flush`.
    [[nodiscard]] bool try_flush() { return as_writer().try_flush(); }
    /// `async_send(message [, timeout] [, token])`. A value is encoded before the call returns. Temporary byte messages
    /// that own their bytes are copied, `bytes&&` is moved, and others must live until completion.
    template <timeout_or_token... TimeoutAndToken>
    auto async_send(const sent_type& message, TimeoutAndToken&&... timeout_and_token);
    template <std::same_as<bytes> Bytes, timeout_or_token... TimeoutAndToken>
        requires byte_framing<Framing>
    auto async_send(Bytes&& message, TimeoutAndToken&&... timeout_and_token);

    /// Sends the unsent tail of an interrupted send.
    void flush(const until& timeout = {}) { as_writer().flush(timeout); }
    void flush(const until& timeout, error_code& ec) { as_writer().flush(timeout, ec); }
    template <timeout_or_token... TimeoutAndToken>
    auto async_flush(TimeoutAndToken&&... timeout_and_token);

    /// Half-closes; see `writer::shutdown_send`.
    void shutdown_send(const until& timeout = {}) { as_writer().shutdown_send(timeout); }
    void shutdown_send(const until& timeout, error_code& ec) { as_writer().shutdown_send(timeout, ec); }
    template <timeout_or_token... TimeoutAndToken>
    auto async_shutdown_send(TimeoutAndToken&&... timeout_and_token);

protected:
    message_send_functions() = default;
    message_send_functions(Framing f, const ferrule::limits& l) : framing_(std::move(f)), limits_(l) {}
    [[nodiscard]] const Framing& sent_with() const noexcept { return framing_; }

private:
    [[nodiscard]] const Self& self() const { return static_cast<const Self&>(*this); }
    [[nodiscard]] writer as_writer() const { return {self().channel(), self().limits()}; }
    /// A refusal by the framing is noted in the request. An exception of the framing is noted if `Notes`, else passed
    /// on.
    template <bool Notes>
    write_request request(const sent_type& message) const
    {
        write_request r(write_request::what::send);
        put<Notes>(message, r);
        return r;
    }
    template <bool Notes>
    write_request owning_request(bytes&& message) const
    {
        write_request r(write_request::what::send);
        put<Notes>(r.frame.hold(std::move(message)), r);
        return r;
    }
    /// For calls that may outlive the calling expression.
    template <bool Notes>
    write_request lasting_request(const sent_type& message) const
    {
        if constexpr (byte_framing<Framing>)
            if (message.has_temporaries())
                return owning_request<Notes>(message.copy());
        return request<Notes>(message);
    }
    template <bool Notes>
    void put(const sent_type& message, write_request& r) const
    {
        try {
            r.refused = encode(message, r.frame);
        } catch (...) {
            if constexpr (!Notes)
                throw;
            r.refused = thrown_code();
        }
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
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::bad_descriptor`).
    explicit message_reader(descriptor d, Framing f = {}, const ferrule::limits& l = {})
        : message_reader(functions::make_state(d, std::move(f), l), std::move(d), l)
    {
    }
    /// Shares the descriptor, the locks and the buffered input of a byte object. Byte and message users exclude each
    /// other, and each continues where the other has stopped.
    explicit message_reader(const reader& shared, Framing f = {}, const ferrule::limits& l = {})
        : endpoint(shared.channel(), l),
          functions(std::move(f), l)
    {
    }

    /// Returns this endpoint for bytes, which begin where the next message would.
    [[nodiscard]] reader as_bytes() const { return {channel(), limits()}; }

    /// Returns this endpoint with another framing, such as another end of line for one call:
    /// `in.with(lines("\r")).recv()`. Allocates memory at most once.
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
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::bad_descriptor`).
    explicit message_writer(descriptor d, Framing f = {}, const ferrule::limits& l = {})
        : message_writer(writer(std::move(d)), std::move(f), l)
    {
    }
    /// Shares a byte object and its lock.
    explicit message_writer(const writer& shared, Framing f = {}, const ferrule::limits& l = {})
        : endpoint(shared.channel(), l),
          functions(std::move(f), l)
    {
    }

    /// Returns this endpoint for bytes, which follow the messages sent before.
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
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::bad_descriptor`).
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

    /// Returns this endpoint for bytes; see `as_bytes` of `message_reader` and `message_writer`.
    [[nodiscard]] duplex as_bytes() const { return {channel(), limits()}; }
    /// The two halves share everything with this object; closing one closes all.
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
