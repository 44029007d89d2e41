// A descriptor and its two directions. Private.
#pragma once

#include "src/spin.hpp"
#include "src/wait_point.hpp"

#include <ferrule/bytes.hpp>
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

class channel : public std::enable_shared_from_this<channel> {
public:
    explicit channel(std::unique_ptr<any_descriptor> d)
        : fd(std::move(d)),
          packets(fd->kind() == transfer_kind::message)
    {
    }
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;
    ~channel();

    [[nodiscard]] side& of(direction d) noexcept { return d == direction::read ? reading : writing; }
    /// The one who holds the direction's lock goes on only when its context runs.
    void held_by_context(direction d) noexcept { of(d).lock.set_async_holder(); }

    // Whoever is about to call the descriptor enters, so that its number outlives the call. False once closed.
    [[nodiscard]] bool enter() noexcept;
    void leave() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return (users_.load(std::memory_order_acquire) & closed_flag) == 0; }
    /// Refuses everybody from now on, wakes those who wait, and closes (or gives away) the descriptor as soon as nobody
    /// is inside. False if that was done before.
    bool shut(bool keep_handle) noexcept;

    /// What the holder of direction `d` waits for. A reader also waits for room for the unsent tail.
    [[nodiscard]] wait_targets arm(direction d, bool with_tail) noexcept;
    void disarm(direction d) noexcept { fd->disarm(d); }
    /// Whether a reader that waits has to see to the tail. Whoever sends does it himself, and kicks the reader when he
    /// leaves, so this has to be asked again once a kick would be noticed.
    [[nodiscard]] bool tail_is_readers() const noexcept { return has_tail() && !writing.lock.locked(); }
    /// Sends what it can of the tail, if nobody else is sending. False if the descriptor refuses it. The caller has
    /// entered.
    [[nodiscard]] bool push_tail() noexcept;
    /// To be called when a sender has left: its tail may be what a waiting reader has to push.
    void sender_left() noexcept
    {
        if (has_tail())
            reading.point->kick();
    }

    [[nodiscard]] bool has_tail() const noexcept { return unsent.load(std::memory_order_acquire) != 0; }

    const std::unique_ptr<any_descriptor> fd;
    const bool packets; // that have boundaries of their own
    side reading;
    side writing;

    // Held by `reading.lock`:
    bytes buffered;             // read, not delivered
    std::uint64_t position = 0; // bytes delivered before those
    std::size_t last_taken = 0; // bytes of the last frame
    bool drained = false;       // the last read was short: wait before the next
    bool packet_held = false;   // `buffered` is a packet, perhaps an empty one
    error_code read_refused;    // sticky
    spin spinning;
    /// Bytes that have come from the descriptor.
    [[nodiscard]] std::uint64_t received() const noexcept { return position + buffered.size(); }

    // Held by `writing.lock`:
    bytes tail; // the rest of a frame whose send was given up
    error_code write_refused;
    std::atomic<std::size_t> unsent{0}; // the tail's size, for everybody

private:
    static constexpr std::uint32_t closed_flag = 1u << 31;
    void close_descriptor() noexcept;

    std::atomic<std::uint32_t> users_{0};
    bool keep_handle_ = false;
};

/// Leaves the channel at the end of a scope.
class channel_use {
public:
    explicit channel_use(channel& c) noexcept : channel_(c.enter() ? &c : nullptr) {}
    channel_use(const channel_use&) = delete;
    channel_use& operator=(const channel_use&) = delete;
    ~channel_use()
    {
        if (channel_ != nullptr)
            channel_->leave();
    }
    explicit operator bool() const noexcept { return channel_ != nullptr; }

private:
    channel* channel_;
};

} // namespace ferrule::detail
