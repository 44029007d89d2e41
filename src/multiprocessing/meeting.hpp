// A connection on the way to being one: its handshake, without waiting. Private.
#pragma once

#include <ferrule/python/authentication.hpp>

#include "platform/net.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <new>
#include <span>

namespace ferrule::python::detail {

class arrivals {
public:
    void put(os::socket_handle s)
    {
        const std::lock_guard guard(mutex_);
        ready_.push_back(std::move(s));
    }
    [[nodiscard]] os::socket_handle take()
    {
        const std::lock_guard guard(mutex_);
        if (ready_.empty())
            return {};
        os::socket_handle s = std::move(ready_.front());
        ready_.pop_front();
        return s;
    }

private:
    std::mutex mutex_;
    std::deque<os::socket_handle> ready_;
};

/// A socket and its handshake.
class meeting {
public:
    enum class state : unsigned char { reading, writing, done };

    meeting(os::socket_handle s, handshake h) : socket_(std::move(s)), handshake_(std::move(h)) {}

    /// As far as it goes now. Throws `error` if it cannot be done.
    state advance();
    [[nodiscard]] os::socket_handle& socket() noexcept { return socket_; }

private:
    os::socket_handle socket_;
    handshake handshake_;
    bytes in_;  // of one frame, never more: what follows the handshake is not ours
    bytes out_; // what has not left yet
};

/// A stream of which each byte is a connection in `arrivals`. `State` makes them in `read`, as far as that goes now, and has
/// `events` that tell when it goes on.
template <class State>
class arriving_stream {
public:
    explicit arriving_stream(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        try {
            return state_->read(in);
        } catch (const error& e) {
            return io_result::failed(e.code());
        } catch (const std::bad_alloc&) {
            return io_result::failed(boost::system::errc::make_error_code(boost::system::errc::not_enough_memory));
        }
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::failed(errc::wrong_direction); }
    [[nodiscard]] readiness arm(direction) noexcept { return readiness::readable(state_->events.handle()); }
    [[nodiscard]] bool can(direction d) const noexcept { return d == direction::read; }
    void close() noexcept { state_.reset(); }

private:
    std::unique_ptr<State> state_;
};

} // namespace ferrule::python::detail
