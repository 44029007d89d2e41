// A script that interferes at one chosen call. Private.
#pragma once

#include "src/testing/scripted.hpp"

#include <atomic>
#include <boost/system/errc.hpp>
#include <functional>

namespace ferrule::testing::kit {

/// Shared by a check and the descriptor. One thread at a time, except for `waits`.
class faults final : public script {
public:
    /// What happens at call number `at` (the first is 0), counted over reads and writes.
    enum class fault : unsigned char { none, would_block, failure };

    std::size_t most_read = SIZE_MAX; // bytes per call
    std::size_t most_written = SIZE_MAX;
    std::size_t at = SIZE_MAX;
    fault what = fault::none;
    std::function<void()> also; // at that call

    std::size_t calls = 0;
    bool reached = false;
    std::size_t received = 0;
    std::size_t most_asked_beyond = 0; // the largest buffer offered, less what had been received
    std::atomic<std::size_t> waits{0}; // how often somebody was about to wait
    error_code failure = boost::system::errc::make_error_code(boost::system::errc::io_error);

    /// The next `n` calls are told that nothing can be moved, whatever can.
    void refuse(std::size_t n)
    {
        what = fault::would_block;
        at = calls;
        also = [this, n]() mutable {
            if (--n != 0)
                at = calls;
        };
    }

    std::optional<io_result> before(direction d, std::size_t& most) noexcept override
    {
        if (d == direction::read)
            most_asked_beyond = std::max(most_asked_beyond, most > received ? most - received : 0);
        most = std::min(most, d == direction::read ? most_read : most_written);
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
        if (r.what() == io_result::status::moved)
            received += r.size();
    }
    bool arming(direction) noexcept override
    {
        ++waits;
        return false;
    }
};

} // namespace ferrule::testing::kit
