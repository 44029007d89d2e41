// What one end of a connection in memory sends, and the other receives.
#pragma once

#include "support/doorbell.hpp"

#include <ferrule/socket_like.hpp>

#include <boost/system/errc.hpp>
#include <deque>
#include <mutex>

namespace ferrule::test {

/// Bounded, with a handle to wait with for each side. Derived classes say how elements go in and out, under `mutex_`.
template <class Element>
class memory_queue {
public:
    explicit memory_queue(std::size_t capacity) : capacity_(capacity) { ring(); }

    /// The one who writes (reads) is gone.
    void end(direction d) noexcept
    {
        const std::lock_guard guard(mutex_);
        (d == direction::write ? ended_ : deaf_) = true;
        ring();
    }
    readiness arm(direction d) noexcept
    {
        return readiness::readable(d == direction::read ? data_.handle() : room_.handle());
    }

protected:
    [[nodiscard]] io_result nothing_there() const noexcept
    {
        return ended_ ? io_result::end() : io_result::would_block();
    }
    static io_result nobody_there() noexcept
    {
        return io_result::failed(boost::system::errc::make_error_code(boost::system::errc::broken_pipe));
    }
    void ring() noexcept
    {
        data_.set(!held_.empty() || ended_);
        room_.set(held_.size() < capacity_ || deaf_);
    }

    std::mutex mutex_;
    std::deque<Element> held_;
    std::size_t capacity_;
    bool ended_ = false;
    bool deaf_ = false;

private:
    doorbell data_;
    doorbell room_;
};

} // namespace ferrule::test
