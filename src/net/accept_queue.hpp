// A connection on the way to being one: its handshake, without waiting. Private.
#pragma once

#include <ferrule/python/authentication.hpp>

#include "platform/net.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace ferrule::python::detail {

class arrivals {
public:
    void put(descriptor d)
    {
        const std::lock_guard guard(mutex_);
        ready_.push_back(std::move(d));
    }
    [[nodiscard]] std::optional<descriptor> take()
    {
        const std::lock_guard guard(mutex_);
        if (ready_.empty())
            return std::nullopt;
        std::optional<descriptor> d = std::move(ready_.front());
        ready_.pop_front();
        return d;
    }

private:
    std::mutex mutex_;
    std::deque<descriptor> ready_;
};

/// A connection and its handshake.
class meeting {
public:
    meeting(descriptor d, handshake h) : connection_(std::move(d)), handshake_(std::move(h)) {}

    /// As far as it goes now. What it waits for, which is not `now()`; nothing when it is done. Throws `error` if it cannot be
    /// done.
    [[nodiscard]] std::optional<readiness> advance();
    /// When it is done.
    [[nodiscard]] descriptor take() && { return std::move(connection_); }

private:
    /// Each returns true if it has moved something.
    [[nodiscard]] bool send();
    [[nodiscard]] bool receive();

    descriptor connection_;
    handshake handshake_;
    bytes in_;  // of one message, never more: what follows the handshake is not ours
    bytes out_; // what has not left yet
    bool sends_ = false;
    std::optional<direction> waits_;
};

/// A stream of which each byte is a connection in `arrivals`. `State` makes them in `read`, as far as that goes now, has
/// `events` that tell when it goes on, and says whether there is `more` already.
template <class State>
class arriving_stream {
public:
    explicit arriving_stream(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        try {
            return state_->read(in);
        } catch (...) {
            return io_result::failed(os::caught());
        }
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::failed(errc::wrong_direction); }
    [[nodiscard]] readiness arm(direction) noexcept
    {
        return state_->more() ? readiness::now() : state_->events.news();
    }
    [[nodiscard]] bool can(direction d) const noexcept { return d == direction::read; }
    void close() noexcept { state_.reset(); }

private:
    std::unique_ptr<State> state_;
};

} // namespace ferrule::python::detail
