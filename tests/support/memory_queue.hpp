// Connections in memory: what one end sends, and the other receives.
#pragma once

#include "support/doorbell.hpp"

#include <ferrule/socket_like.hpp>

#include <boost/system/errc.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace ferrule::test {

/// Bounded, with a handle to wait with for each side. Derived classes say how elements go in and out.
template <class Element>
class memory_queue {
public:
    explicit memory_queue(std::size_t capacity) : capacity_(capacity) { ring(); }
    memory_queue(const memory_queue&) = delete;
    memory_queue& operator=(const memory_queue&) = delete;
    virtual ~memory_queue() = default;

    io_result read(std::span<std::byte> in) noexcept
    {
        const std::lock_guard guard(mutex_);
        if (held_.empty())
            return ended_ ? io_result::end() : io_result::would_block();
        const io_result r = take(in);
        ring();
        return r;
    }
    io_result write(std::span<const byte_view> out) noexcept
    {
        const std::lock_guard guard(mutex_);
        if (deaf_)
            return io_result::failed(boost::system::errc::make_error_code(boost::system::errc::broken_pipe));
        const io_result r = put(out);
        ring();
        return r;
    }
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
    // With the lock held. For `take` there is something.
    virtual io_result take(std::span<std::byte> in) noexcept = 0;
    virtual io_result put(std::span<const byte_view> out) noexcept = 0;

    std::deque<Element> held_;
    const std::size_t capacity_;

private:
    void ring() noexcept
    {
        data_.set(!held_.empty() || ended_);
        room_.set(held_.size() < capacity_ || deaf_);
    }

    std::mutex mutex_;
    bool ended_ = false;
    bool deaf_ = false;
    doorbell data_;
    doorbell room_;
};

/// One end of a connection; models `socket_like`.
template <class Queue>
class memory_end {
public:
    memory_end(std::shared_ptr<Queue> in, std::shared_ptr<Queue> out) noexcept
        : in_(std::move(in)),
          out_(std::move(out))
    {
    }
    /// `capacity`: elements that a direction holds before writing would block.
    static std::pair<descriptor, descriptor> pair(std::size_t capacity)
    {
        auto there = std::make_shared<Queue>(capacity);
        auto back = std::make_shared<Queue>(capacity);
        return {memory_end(back, there), memory_end(there, back)};
    }

    [[nodiscard]] transfer_kind kind() const noexcept { return Queue::kind; }
    io_result try_read(std::span<std::byte> in) noexcept { return in_->read(in); }
    io_result try_write(std::span<const byte_view> out) noexcept { return out_->write(out); }
    readiness arm(direction d) noexcept { return (d == direction::read ? in_ : out_)->arm(d); }
    error_code shutdown_write() noexcept
    {
        out_->end(direction::write);
        return {};
    }
    void close() noexcept
    {
        out_->end(direction::write);
        in_->end(direction::read);
    }

private:
    std::shared_ptr<Queue> in_;
    std::shared_ptr<Queue> out_;
};

} // namespace ferrule::test
