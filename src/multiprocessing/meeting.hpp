// A connection on the way to being one: its handshake, without waiting. Private.
#pragma once

#include <ferrule/python/authentication.hpp>

#include "platform/net.hpp"

#include <deque>
#include <mutex>

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

} // namespace ferrule::python::detail
