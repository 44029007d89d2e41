// Taking bytes off a stream. Private.
#pragma once

#include "src/core/channel.hpp"
#include "src/core/operation.hpp"

#include <ferrule/detail/requests.hpp>

#include <optional>
#include <utility>
#include <variant>

namespace ferrule::detail {

/// The part that streams and packets share. It looks into the buffer, reads more while the buffer does not suffice, and
/// takes only at the end. So an operation that ends early has nothing to give back.
///
///     look ─┬─ take ───────────── done (or `again`, while the result is held back)
///      ▲    ├─ failed ─────────── done
///      │    └─ need ── read ─┬─ would block ── wait
///      └──────── moved ──────┘
class read_operation : public operation {
public:
    read_operation(channel& c, const read_request& request, transfer_result& r) noexcept
        : operation(direction::read, r),
          channel_(c),
          request_(request)
    {
    }

    [[nodiscard]] step advance(bool now) final;
    void resumed() noexcept final { channel_.drained = false; }
    error_code give_up(ending) noexcept final;

protected:
    /// The result of a look at the buffer.
    class finding {
    public:
        enum class what : unsigned char { nothing, need, take, failed };
        /// The request asks for no bytes.
        static finding nothing() noexcept { return {what::nothing, 0, 0, 0, {}}; }
        static finding need(std::size_t n) noexcept { return {what::need, n, 0, 0, {}}; }
        /// With an error, the operation takes the bytes and still fails.
        static finding take(std::size_t skip, std::size_t size, std::size_t drop = 0, error_code ec = {}) noexcept
        {
            return {what::take, skip, size, drop, ec};
        }
        /// `bad` is the number of bytes to blame, as far as is known.
        static finding failed(error_code ec, std::size_t bad = SIZE_MAX) noexcept
        {
            return {what::failed, bad, 0, 0, ec};
        }

        what kind;
        std::size_t skip; // or the bytes needed, or the bytes to blame
        std::size_t size;
        std::size_t drop;
        error_code error;

    private:
        finding(what w, std::size_t a, std::size_t b, std::size_t c, error_code ec) noexcept
            : kind(w),
              skip(a),
              size(b),
              drop(c),
              error(ec)
        {
        }
    };

    /// May throw `std::bad_alloc` and exceptions of a framing, as may `read` and `take`.
    [[nodiscard]] virtual finding look() = 0;
    /// Makes one attempt to read at least `needed` bytes.
    [[nodiscard]] virtual io_result read(std::size_t needed) = 0;
    virtual void take(const finding& f) = 0;
    /// Called when the peer has ended the stream.
    virtual void at_end() = 0;

    /// Whether an attempt has left nothing.
    void note_drained(bool yes) noexcept;
    [[nodiscard]] bool fills_memory() const noexcept
    {
        return request_.kind == read_request::what::into || request_.kind == read_request::what::some_into;
    }

    channel& channel_;
    const read_request& request_;
    std::size_t filled_ = 0;           // bytes already in the caller's memory
    bool is_between_messages_ = false; // all that is buffered
    bool found_nothing_ = false;       // in the descriptor, which was asked; nor for the whole of a gap

private:
    [[nodiscard]] step go_on(bool now);
    void begin_gap();

    std::optional<finding> held_back_; // found, not yet taken
    std::size_t bad_ = SIZE_MAX;       // bytes to show with an error
    bool delivered_ = false;           // the bytes are taken, so an error shows no others
};

class stream_read final : public read_operation {
public:
    using read_operation::read_operation;

private:
    [[nodiscard]] finding look() override;
    [[nodiscard]] finding look_for_separator();
    [[nodiscard]] finding look_for_frame();
    [[nodiscard]] finding look_for_partial();
    [[nodiscard]] decode_result decode();
    [[nodiscard]] io_result read(std::size_t needed) override;
    void take(const finding& f) override;
    void at_end() override;
};

/// Reads packets. The buffer holds at most one packet.
class packet_read final : public read_operation {
public:
    using read_operation::read_operation;

private:
    [[nodiscard]] finding look() override;
    [[nodiscard]] io_result read(std::size_t needed) override;
    void take(const finding& f) override;
    void at_end() override;
};

/// The operation that serves a request. The request must stay in place until the operation ends.
class read_by_kind {
public:
    read_by_kind(channel& c, const read_request& request, transfer_result& r) noexcept
        : one_(std::in_place_type<stream_read>, c, request, r)
    {
        if (c.packets)
            one_.emplace<packet_read>(c, request, r);
    }
    operator operation&() noexcept
    {
        if (packet_read* const p = std::get_if<packet_read>(&one_))
            return *p;
        return std::get<stream_read>(one_);
    }

private:
    std::variant<stream_read, packet_read> one_;
};

} // namespace ferrule::detail
