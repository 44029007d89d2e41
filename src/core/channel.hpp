// A descriptor and its two directions. Private.
#pragma once

#include "src/read_buffer.hpp"
#include "src/send_tail.hpp"
#include "src/spin.hpp"
#include "src/use_count.hpp"
#include "src/wait_point.hpp"

#include <ferrule/cross_lock.hpp>
#include <ferrule/socket_like.hpp>

#include <array>
#include <atomic>
#include <memory>

namespace ferrule::detail {

/// One direction: who may use it, and where the one who does waits.
class side {
public:
    cross_lock lock;
    std::shared_ptr<wait_point> point = std::make_shared<wait_point>();
};

/// The targets of one wait.
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
    /// Its maker sets `fd`, once nothing can fail any more.
    explicit channel(transfer_kind k) : packets(k == transfer_kind::message) {}
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel();

    [[nodiscard]] side& of(direction d) noexcept { return d == direction::read ? reading : writing; }

    [[nodiscard]] bool is_open() const noexcept { return !users.is_shut(); }
    /// Refuses everybody from now on, wakes those who wait, and closes the descriptor (or keeps its handle) as soon as
    /// nobody is inside. False if that was done before.
    bool shut(bool keep_handle) noexcept;
    /// Whoever is about to call the descriptor enters, so that its number outlives the call. 0 once closed.
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

    /// Whether a reader that waits has to push the tail. A sender does so itself, and wakes the reader when it leaves, so
    /// this has to be asked again once a wake-up would be noticed.
    [[nodiscard]] bool tail_is_readers() const noexcept { return !tail.empty() && !writing.lock.locked(); }
    /// Sends what it can of the tail, unless there is a sender. False if the descriptor refuses it. The caller has
    /// entered.
    [[nodiscard]] bool push_tail() noexcept;

    std::unique_ptr<any_descriptor> fd;
    const bool packets; // that have boundaries of their own
    side reading;
    side writing;
    use_count users;

    // Held by `reading.lock`:
    read_buffer incoming;
    bool drained = false;     // the last read was short: wait before the next
    bool packet_held = false; // `incoming` is a packet, perhaps an empty one
    error_code read_refused;  // sticky
    spin spinning;

    // Held by `writing.lock`, except that anyone may ask for the sizes:
    send_tail tail;
    std::atomic<std::size_t> under_way{0}; // bytes of the frame being sent that have not left
    error_code write_refused;              // sticky

private:
    void close_descriptor() noexcept;

    bool keep_handle_ = false; // read by the last one inside
};

/// Is inside the channel until the end of a scope.
class channel_use {
public:
    explicit channel_use(channel& c) noexcept : channel_(c), entered_(c.enter()) {}
    channel_use(const channel_use&) = delete;
    channel_use& operator=(const channel_use&) = delete;
    ~channel_use()
    {
        if (entered_ != 0)
            channel_.leave(entered_);
    }
    /// False once the channel is closed.
    explicit operator bool() const noexcept { return entered_ != 0; }

private:
    channel& channel_;
    std::uint32_t entered_;
};

} // namespace ferrule::detail
