// Takes bytes off a stream. Private.
#pragma once

#include "src/channel.hpp"
#include "src/operation.hpp"

#include <ferrule/detail/requests.hpp>

#include <optional>
#include <utility>
#include <variant>

namespace ferrule::detail {

/// What streams and packets share: look into the buffer, read more while that does not suffice, and take only at the end,
/// so that an operation that ends early has nothing to give back.
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

    [[nodiscard]] step advance(bool eager) final;
    void resumed() noexcept final { channel_.drained = false; }
    error_code give_up(ending) noexcept final;

protected:
    /// What a look at the buffer says.
    class finding {
    public:
        enum class what : unsigned char { nothing, need, take, failed };
        /// No bytes were asked for.
        static finding nothing() noexcept { return {what::nothing, 0, 0, 0, {}}; }
        static finding need(std::size_t n) noexcept { return {what::need, n, 0, 0, {}}; }
        /// With an error: takes, and fails all the same.
        static finding take(std::size_t skip, std::size_t size, std::size_t drop = 0, error_code ec = {}) noexcept
        {
            return {what::take, skip, size, drop, ec};
        }
        /// `bad`: as far as is known, only that many bytes are to blame.
        static finding failed(error_code ec, std::size_t bad = SIZE_MAX) noexcept
        {
            return {what::failed, bad, 0, 0, ec};
        }

        what kind;
        std::size_t skip; // or the bytes needed, or to blame
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

    /// May throw what a framing throws, and `std::bad_alloc`, as `read` and `take` may.
    [[nodiscard]] virtual finding look() = 0;
    /// One attempt to read at least `needed` bytes.
    [[nodiscard]] virtual io_result read(std::size_t needed) = 0;
    virtual void take(const finding& f) = 0;
    /// The peer has ended the stream.
    virtual void at_end() = 0;

    [[nodiscard]] bool fills_memory() const noexcept
    {
        return request_.kind == read_request::what::into || request_.kind == read_request::what::some_into;
    }

    channel& channel_;
    const read_request& request_;
    std::size_t filled_ = 0; // bytes that are in the caller's memory already

private:
    [[nodiscard]] step go_on(bool eager);

    std::optional<finding> held_back_; // found, not yet taken
    std::size_t bad_ = SIZE_MAX;       // bytes to show, of an error
    bool delivered_ = false;           // what there is to show has been shown
};

class stream_read final : public read_operation {
public:
    using read_operation::read_operation;

private:
    [[nodiscard]] finding look() override;
    [[nodiscard]] finding look_for_separator();
    [[nodiscard]] finding look_for_frame() const;
    [[nodiscard]] finding look_for_partial() const;
    [[nodiscard]] io_result read(std::size_t needed) override;
    void take(const finding& f) override;
    void at_end() override;
};

/// Where packets have boundaries, the buffer holds one packet at most.
class packet_read final : public read_operation {
public:
    using read_operation::read_operation;

private:
    [[nodiscard]] finding look() override;
    [[nodiscard]] io_result read(std::size_t needed) override;
    void take(const finding& f) override;
    void at_end() override;
};

/// The operation that serves a request, which stays where it is until it ends.
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
