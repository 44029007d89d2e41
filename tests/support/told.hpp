// A channel whose descriptor is none of the system's: it gives the answers that a test has written down.
#pragma once

#include "src/core/channel.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace ferrule::test {

/// What the descriptor is told, and what has been asked of it.
class told {
public:
    /// What arrives, call by call: bytes (a packet, where there are packets) or an answer. Then `would_block`.
    class arrival {
    public:
        arrival(std::string bytes) : data(std::move(bytes)) {}
        arrival(const char* bytes) : data(bytes) {}
        arrival(io_result r) : answer(r) {}

        std::string data;
        std::optional<io_result> answer;
    };
    std::deque<arrival> arrivals;
    /// How many bytes it takes, call by call; 0: `would_block`. Then all that there are.
    std::deque<std::size_t> room;
    bool reads_as_well = true;
    bool can_shut_down = true;
    std::size_t holds = 0;                               // bytes that it has taken and not sent
    io_result flushed = io_result::moved(0);             // what `try_flush` answers
    std::optional<direction> out_of_date = std::nullopt; // the direction that is told to try again

    std::string written;                 // all of it
    std::deque<std::size_t> sizes;       // of the writes
    std::deque<std::size_t> with_handle; // where in `written` a handle went
    int reads = 0;
    int closed = 0;
};

/// `told` as a descriptor.
class told_descriptor final : public detail::any_descriptor {
public:
    told_descriptor(told& t, transfer_kind k) noexcept : told_(t), kind_(k) {}

    io_result try_read(std::span<std::byte> in) noexcept override
    {
        ++told_.reads;
        if (told_.arrivals.empty())
            return io_result::would_block();
        told::arrival& next = told_.arrivals.front();
        if (next.answer) {
            const io_result r = *next.answer;
            told_.arrivals.pop_front();
            return r;
        }
        const std::size_t n = std::min(next.data.size(), in.size());
        if (kind_ == transfer_kind::message && n < next.data.size())
            return io_result::larger(next.data.size());
        std::copy_n(std::as_bytes(std::span(next.data)).data(), n, in.data());
        next.data.erase(0, n);
        if (next.data.empty())
            told_.arrivals.pop_front();
        return io_result::moved(n);
    }
    io_result try_write(std::span<const byte_view> out) noexcept override { return try_write(out, invalid_handle); }
    io_result try_write(std::span<const byte_view> out, native_handle_type beside) noexcept override
    {
        std::size_t n = SIZE_MAX;
        if (!told_.room.empty()) {
            n = told_.room.front();
            told_.room.pop_front();
        }
        if (n == 0)
            return io_result::would_block();
        if (beside != invalid_handle)
            told_.with_handle.push_back(told_.written.size());
        const std::size_t before = told_.written.size();
        for (const byte_view part : out)
            told_.written += part.text().substr(0, n - (told_.written.size() - before));
        told_.sizes.push_back(told_.written.size() - before);
        return io_result::moved(told_.sizes.back());
    }
    readiness arm(direction d) noexcept override
    {
        return d == direction::read ? readiness::readable(native_handle_type{})
                                    : readiness::writable(native_handle_type{});
    }
    void disarm(direction) noexcept override {}
    void close() noexcept override { ++told_.closed; }
    bool can(direction d) const noexcept override { return told_.reads_as_well || d == direction::write; }
    transfer_kind kind() const noexcept override { return kind_; }
    error_code shutdown_write() noexcept override { return told_.can_shut_down ? error_code() : errc::unsupported; }
    std::size_t unsent() const noexcept override { return told_.holds; }
    io_result try_flush() noexcept override
    {
        if (told_.flushed.status() == io_status::moved)
            told_.holds = 0;
        return told_.flushed;
    }
    bool stale(direction d) const noexcept override { return told_.out_of_date == d; }
    native_handle_type native_handle() const noexcept override { return invalid_handle; }
    native_handle_type release(bytes&) noexcept override { return invalid_handle; }
    bool inheritable() const override { return false; }
    error_code set_inheritable(bool) noexcept override { return errc::unsupported; }

private:
    told& told_;
    transfer_kind kind_;
};

/// A channel over `t`, which outlives it.
class told_channel : public detail::channel {
public:
    explicit told_channel(told& t, transfer_kind k = transfer_kind::stream) : channel(k)
    {
        fd = std::make_unique<told_descriptor>(t, k);
    }
};

} // namespace ferrule::test
