// A framing that delivers accepted connections as messages.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/duplex.hpp>
#include <ferrule/message.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace ferrule::detail {

/// The connections that are ready but not yet returned.
class accept_queue;
/// Takes the oldest connection. There is one for each byte of the stream that belongs to the queue.
[[nodiscard]] FERRULE_EXPORT descriptor take(accept_queue& q);

/// Throws the `error` that fits, with what the queue knows of the failure.
[[noreturn]] FERRULE_EXPORT void throw_in_detail(const accept_queue& q, const error_code& ec);

/// Reads a stream in which each byte stands for a connection in an `accept_queue`.
class accepted_stream {
public:
    explicit accepted_stream(std::shared_ptr<accept_queue> q) noexcept : queue_(std::move(q)) {}

    decode_result decode(byte_view buffered, const limits&) const noexcept
    {
        return buffered.empty() ? decode_result::need_more(1) : decode_result::frame(0, 1);
    }
    [[noreturn]] void throw_in_detail(const error_code& ec) const { detail::throw_in_detail(*queue_, ec); }

protected:
    [[nodiscard]] descriptor next() const { return take(*queue_); }

private:
    std::shared_ptr<accept_queue> queue_;
};

/// The framing of such a stream. A message is a connection.
template <class Framing>
class accepted : public accepted_stream {
public:
    using message_type = message_duplex<Framing>;

    accepted(std::shared_ptr<accept_queue> q, Framing f, const limits& l)
        : accepted_stream(std::move(q)),
          framing_(std::move(f)),
          limits_(l)
    {
    }

    error_code encode(const message_type&, const limits&, encoded&) const noexcept { return errc::unencodable; }
    message_type load(const bytes&) const { return message_type(next(), framing_, limits_); }

private:
    Framing framing_;
    limits limits_;
};

/// For connections of bytes.
template <>
class accepted<void> : public accepted_stream {
public:
    using message_type = duplex;
    using accepted_stream::accepted_stream;

    error_code encode(const duplex&, const limits&, encoded&) const noexcept { return errc::unencodable; }
    duplex load(const bytes&) const { return duplex(next()); }
};

/// A timeout or a token, rather than the framing, the limits or the options of another overload.
template <class T>
concept no_connect_argument =
    timeout_or_token<T> && !framing<std::remove_cvref_t<T>> && !std::same_as<std::remove_cvref_t<T>, limits> &&
    !requires(const std::remove_cvref_t<T>& o) { o.settings(); };

/// A reader of the stream that `start(queue)` makes.
template <class Framing, class Start, class... FramingAndLimits>
message_reader<accepted<Framing>> connections(Start start, FramingAndLimits... rest)
{
    std::shared_ptr<accept_queue> q;
    descriptor d = start(q);
    return message_reader<accepted<Framing>>(std::move(d), accepted<Framing>(std::move(q), std::move(rest)...));
}

} // namespace ferrule::detail
