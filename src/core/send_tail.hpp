// The rest of a frame whose send was given up. Private.
#pragma once

#include <ferrule/bytes.hpp>

#include <atomic>
#include <cstddef>
#include <utility>

namespace ferrule::detail {

/// The unsent tail. Only the holder of the write lock changes it. Any thread may ask for the size at any time.
class send_tail {
public:
    [[nodiscard]] byte_view view() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    /// Keeps these bytes. The tail must be empty before.
    void keep(bytes rest) noexcept
    {
        bytes_ = std::move(rest);
        publish();
    }
    /// Removes the first `n` bytes, which have left. `n` is at most `size()`.
    void sent(std::size_t n) noexcept
    {
        bytes_.drop_front(n);
        if (bytes_.empty())
            bytes_.reset();
        publish();
    }

    /// Returns all bytes and leaves the tail empty.
    [[nodiscard]] bytes release() noexcept
    {
        bytes rest = std::move(bytes_);
        publish();
        return rest;
    }

private:
    void publish() noexcept { size_.store(bytes_.size(), std::memory_order_release); }

    bytes bytes_;
    std::atomic<std::size_t> size_{0};
};

} // namespace ferrule::detail
