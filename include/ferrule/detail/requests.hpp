// What the endpoints ask of the core. The core is compiled; the templates of the public headers only build these.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/deadline.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>
#include <ferrule/framing/framing.hpp>
#include <ferrule/socket_like.hpp>

#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

namespace ferrule::detail {

class channel;
using channel_ptr = std::shared_ptr<channel>;

/// A framing's `decode`, without its type. `position` counts the bytes taken off the stream before `buffered`.
class decoder_ref {
public:
    using function = decode_result (*)(void* self, byte_view buffered, std::uint64_t position);

    decoder_ref() noexcept = default;
    decoder_ref(void* self, function f) noexcept : self_(self), decode_(f) {}
    decode_result operator()(byte_view buffered, std::uint64_t position) const
    {
        return decode_(self_, buffered, position);
    }
    explicit operator bool() const noexcept { return decode_ != nullptr; }

private:
    void* self_ = nullptr;
    function decode_ = nullptr;
};

/// Which bytes to take off the stream.
class read_request {
public:
    enum class what : unsigned char {
        some,      // the first chunk, at most `size` bytes
        exactly,   // `size` bytes
        into,      // as many as fill `into`
        some_into, // the first chunk, at most what fits in `into`
        until,     // up to the first of `separators`
        all,       // everything up to the end
        frame,     // what `decoder` says
        partial    // what was read of an unfinished message; without a decoder all that was read
    };

    explicit read_request(what w, std::size_t n = 0) : size(n), kind(w) {}

    std::size_t size; // bytes; for `until`, `all` and `frame` the limit
    std::span<std::byte> into{};
    std::vector<std::string> separators{};
    decoder_ref decoder{};
    std::shared_ptr<void> keep_alive{}; // what `decoder` points to
    bytes* reuse = nullptr;             // its memory serves the result
    what kind;
    bool strip = false;          // leave the separator out
    bool peek = false;           // leave it in the stream (`partial` only)
    bool end_is_nothing = false; // a clean end is no error
    bool outlived = true;        // the operation never outlives `into`, even if its context ends
};

/// What to send, after an unsent tail.
class write_request {
public:
    enum class what : unsigned char {
        send,     // `frame`; where packets have boundaries, its payload as one packet, even an empty one
        flush,    // nothing more
        shutdown, // then half-close
        close     // then close, whatever has become of the flush
    };

    explicit write_request(what w) noexcept : kind(w) {}

    encoded frame{};
    error_code refused{}; // the framing would not encode the message: report that, send nothing
    what kind;
    bool outlived = true; // the operation never outlives what `frame` only sees, even if its context ends
};

/// What a transfer comes to, beyond its `error_code`.
class transfer_result {
public:
    bytes data{};                // received; on error: the first bytes of what had arrived
    std::size_t transferred = 0; // bytes delivered or sent; on error: bytes that had arrived or left
    bool ended = false;          // the clean end, where that is no error
    bool taken = false;          // with an error: `data`, or the caller's memory, holds the first part of a packet
    std::exception_ptr thrown{}; // by the framing, with `errc::framing_failed`

    /// Throws what fits `ec`, which must be an error.
    [[noreturn]] void raise(const error_code& ec) const
    {
        if (thrown)
            std::rethrow_exception(thrown);
        throw_error(ec, data, transferred);
    }
};

// All may be called by any thread at any time. An endpoint that has no channel is closed.

FERRULE_EXPORT error_code run(const channel_ptr& c, const read_request& request, const until& limit,
                              transfer_result& result);
FERRULE_EXPORT error_code run(const channel_ptr& c, write_request& request, const until& limit,
                              transfer_result& result);

/// Runs a request, and throws what goes wrong.
template <class Request>
transfer_result transfer(const channel_ptr& c, Request&& request, const until& limit)
{
    transfer_result r;
    if (const error_code ec = run(c, request, limit, r))
        r.raise(ec);
    return r;
}
/// Sets `ec` instead. What has not been taken off the stream is not given then; what has left is still told.
template <class Request>
transfer_result transfer(const channel_ptr& c, Request&& request, const until& limit, error_code& ec)
{
    transfer_result r;
    ec = run(c, request, limit, r);
    if constexpr (std::same_as<std::remove_cvref_t<Request>, read_request>)
        if (ec && !r.taken)
            r = {};
    return r;
}
/// The same with a request that `make()` makes, for which there may be no memory.
template <class Make>
transfer_result transfer_made(const channel_ptr& c, Make make, const until& limit, error_code& ec)
{
    try {
        return transfer(c, make(), limit, ec);
    } catch (const std::bad_alloc&) {
        ec = no_memory();
        return {};
    }
}

/// `run` with a deadline of now, for `try_` functions: false if it would have to wait, or for somebody else. Throws for
/// anything else that goes wrong.
FERRULE_EXPORT bool run_now(const channel_ptr& c, const read_request& request, transfer_result& result);
/// True also if only part has left: the channel owns the rest.
FERRULE_EXPORT bool run_now(const channel_ptr& c, write_request& request);

FERRULE_EXPORT readiness arm(const channel_ptr& c, direction d);
FERRULE_EXPORT void disarm(const channel_ptr& c, direction d) noexcept;
FERRULE_EXPORT std::size_t unsent(const channel_ptr& c) noexcept;

FERRULE_EXPORT channel_ptr open_channel(descriptor d);
/// Throws `usage_error` (`errc::wrong_direction`) if the descriptor does not move bytes that way.
FERRULE_EXPORT void require(const channel_ptr& c, direction d);
/// Flushes until the deadline, then closes. Returns the bytes that did not leave.
FERRULE_EXPORT std::size_t close(const channel_ptr& c, const until& limit) noexcept;
FERRULE_EXPORT bool is_open(const channel_ptr& c) noexcept;
/// For somebody else who is to go on with the handle: throws if this endpoint holds a part of either stream (`errc::read_ahead`,
/// `errc::torn`), or is at it (`errc::busy`), or is closed.
FERRULE_EXPORT void require_nothing_held(const channel_ptr& c);
FERRULE_EXPORT bool inheritable(const channel_ptr& c);
FERRULE_EXPORT void set_inheritable(const channel_ptr& c, bool on);
/// Gives the handle away, with the bytes that were read but not delivered.
FERRULE_EXPORT native_handle_type release(const channel_ptr& c, const until& limit, bytes& leftover, error_code& ec);
/// Takes two channels over: reads from the first, writes to the second. Throws `error`, and changes nothing.
FERRULE_EXPORT channel_ptr join(const channel_ptr& in, const channel_ptr& out);

/// The system's handle, which is not closed (and its number not used for anything else) while this object lives.
class FERRULE_EXPORT handle_use {
public:
    explicit handle_use(channel_ptr c) noexcept;
    handle_use(const handle_use&) = delete;
    handle_use& operator=(const handle_use&) = delete;
    ~handle_use();

    /// `invalid_handle` if closed.
    [[nodiscard]] native_handle_type get() const noexcept { return handle_; }

private:
    channel_ptr channel_;
    std::uint32_t entered_;
    native_handle_type handle_ = invalid_handle;
};

} // namespace ferrule::detail
