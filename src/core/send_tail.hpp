// The rest of a frame whose send was given up. Private.
#pragma once

#include <ferrule/bytes.hpp>

#include <atomic>
#include <cstddef>
#include <utility>

namespace ferrule::detail {

/// Changed by the holder of the write lock alone; anyone may ask for the size at any time.
class send_tail {
public:
    [[nodiscard]] byte_view view() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    /// Keeps these bytes; the tail is empty before.
    void keep(bytes rest) noexcept
    {
        bytes_ = std::move(rest);
        publish();
    }
    /// The first `n` bytes, at most all, have left.
    void sent(std::size_t n) noexcept
    {
        bytes_.drop_front(n);
        if (bytes_.empty())
            bytes_.reset();
        publish();
    }

    /// All of it; the tail is empty.
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
