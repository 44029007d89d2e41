// A script that interferes with one chosen call. Private.
#pragma once

#include "src/testing/scripted.hpp"

#include <atomic>
#include <boost/system/errc.hpp>
#include <functional>

namespace ferrule::testing::kit {

/// Shared by a check and the descriptor. Used by one thread at a time, except for `waits`.
class faults final : public script {
public:
    /// The effect on call number `at` (the first is 0), counted over reads and writes.
    enum class fault : unsigned char { none, would_block, failure };

    std::size_t max_read = SIZE_MAX; // bytes per call
    std::size_t max_written = SIZE_MAX;
    std::size_t at = SIZE_MAX;
    fault what = fault::none;
    std::function<void()> also; // called at that call

    std::size_t calls = 0;
    bool reached = false;
    std::size_t received = 0;
    std::size_t max_asked_beyond = 0;  // the largest buffer offered, minus the bytes received before
    std::atomic<std::size_t> waits{0}; // number of times that a caller was about to wait
    error_code failure = boost::system::errc::make_error_code(boost::system::errc::no_buffer_space); // breaks nothing

    /// Answers "would block" to the next `n` calls.
    void refuse(std::size_t n)
    {
        what = fault::would_block;
        at = calls;
        also = [this, n]() mutable {
            if (--n != 0)
                at = calls;
        };
    }

    std::optional<io_result> before(direction d, std::size_t& max_size) noexcept override
    {
        if (d == direction::read)
            max_asked_beyond = std::max(max_asked_beyond, max_size > received ? max_size - received : 0);
        max_size = std::min(max_size, d == direction::read ? max_read : max_written);
        if (calls++ != at)
            return std::nullopt;
        reached = true;
        if (also)
            also();
        switch (what) {
        case fault::none: break;
        case fault::would_block: return io_result::would_block();
        case fault::failure: return io_result::failed(failure);
        }
        return std::nullopt;
    }
    void has_read(std::span<const std::byte>, const io_result& r) noexcept override
    {
        if (r.status() == io_status::moved)
            received += r.size();
    }
    bool arming(direction) noexcept override
    {
        ++waits;
        return false;
    }
};

} // namespace ferrule::testing::kit
