// A descriptor and its two directions. Private.
#pragma once

#include "src/core/read_buffer.hpp"
#include "src/core/send_tail.hpp"
#include "src/core/spin.hpp"
#include "src/core/use_count.hpp"
#include "src/core/wait_point.hpp"

#include <ferrule/cross_lock.hpp>
#include <ferrule/socket_like.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <utility>

namespace ferrule::detail {

/// One direction, with its lock and the point where the lock's holder waits.
class channel_half {
public:
    cross_lock lock;
    std::shared_ptr<wait_point> point = std::make_shared<wait_point>();
};

class wait_targets {
public:
    void add(readiness r) noexcept { list_[size_++] = r; }
    [[nodiscard]] std::span<const readiness> list() const noexcept { return {list_.data(), size_}; }
    [[nodiscard]] bool now() const noexcept
    {
        for (const readiness& r : list())
            if (r.is_now())
                return true;
        return false;
    }

private:
    std::array<readiness, 2> list_{readiness::now(), readiness::now()};
    std::size_t size_ = 0;
};

class channel {
public:
    /// The creator sets `fd` once nothing can fail any more.
    explicit channel(transfer_kind k) : packets(k == transfer_kind::message) {}
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel();

    [[nodiscard]] channel_half& of(direction d) noexcept { return d == direction::read ? reading : writing; }

    [[nodiscard]] bool is_open() const noexcept { return !users.is_shut(); }
    /// Refuses all later callers and wakes the waiting ones. Closes the descriptor, or keeps its handle, as soon as no
    /// caller is inside. Returns false if the channel was shut before.
    bool shut(bool keep_handle) noexcept;
    /// Called before each use of the descriptor, so that its number outlives the call. Returns 0 once closed.
    [[nodiscard]] std::uint32_t enter() noexcept
    {
        const std::uint32_t entered = users.enter();
        if (is_open())
            return entered;
        leave(entered);
        return 0;
    }
    void leave(std::uint32_t entered) noexcept
    {
        if (users.leave(entered))
            close_descriptor();
    }

    /// Whether something is left to send: the tail, or what the descriptor itself holds. The caller has entered, or holds
    /// the lock of a direction.
    [[nodiscard]] bool holds_rest() const noexcept { return !tail.empty() || fd->unsent() != 0; }
    /// Whether a waiting reader has to push that rest. A sender pushes it itself and wakes the reader when it leaves. So
    /// ask again once a wake-up would be noticed.
    [[nodiscard]] bool rest_is_readers() const noexcept { return holds_rest() && !writing.lock.locked(); }
    /// Wakes who waits in the other direction if a call in direction `d` has changed what to wait for.
    void tell_other(direction d) noexcept
    {
        const direction other = d == direction::read ? direction::write : direction::read;
        if (fd->stale(other))
            of(other).point->wake();
    }
    /// Sends what it can of the rest, unless a sender is active. False if the descriptor refuses it. The caller has
    /// entered.
    [[nodiscard]] bool push_rest() noexcept;

    std::unique_ptr<any_descriptor> fd;
    const bool packets; // the descriptor keeps message boundaries
    channel_half reading;
    channel_half writing;
    use_count users;

    // Guarded by `reading.lock`:
    read_buffer incoming;
    bool drained = false;                  // the last read was short, so wait before the next
    bool packet_held = false;              // `incoming` is a packet, perhaps an empty one
    std::atomic<std::uint64_t> skipped{0}; // bytes dropped as noise. Any thread may ask
    error_code read_refused;               // sticky
    spin spinning;

    // Guarded by `writing.lock`, except that any thread may ask for the sizes:
    send_tail tail;
    std::atomic<std::size_t> under_way{0}; // bytes of the frame being sent that have not left
    error_code write_refused;              // sticky

private:
    void close_descriptor() noexcept;

    bool keep_handle_ = false; // read by the last caller inside
};

/// Stays inside the channel until it is destroyed.
class channel_use {
public:
    channel_use() noexcept = default;
    explicit channel_use(channel& c) noexcept : channel_(&c), entered_(c.enter()) {}
    channel_use(channel_use&& other) noexcept
        : channel_(std::exchange(other.channel_, nullptr)),
          entered_(std::exchange(other.entered_, 0))
    {
    }
    channel_use& operator=(channel_use&& other) noexcept
    {
        std::swap(channel_, other.channel_);
        std::swap(entered_, other.entered_);
        return *this;
    }
    ~channel_use()
    {
        if (entered_ != 0)
            channel_->leave(entered_);
    }
    /// False once the channel is closed.
    explicit operator bool() const noexcept { return entered_ != 0; }

private:
    channel* channel_ = nullptr;
    std::uint32_t entered_ = 0;
};

} // namespace ferrule::detail
