// Work as a stream, so that both drivers can wait for its end. Private.
#pragma once

#include "platform/caught.hpp"

#include <ferrule/detail/pending_call.hpp>
#include <ferrule/socket_like.hpp>

#include <exception>
#include <memory>
#include <span>
#include <utility>

namespace ferrule::detail {

/// A stream of one byte, which comes when the work is done. `Work::advance` goes as far as possible immediately and returns
/// whether the work is done; what it throws is kept in the outcome. `Work::wait_handle` is asked after it has returned
/// false. Closing the stream destroys the work.
template <class Work>
class work_stream {
public:
    work_stream(std::unique_ptr<Work> w, std::shared_ptr<work_outcome> o) noexcept
        : work_(std::move(w)),
          outcome_(std::move(o))
    {
    }

    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (told_)
            return io_result::end();
        try {
            if (!work_->advance())
                return io_result::would_block();
        } catch (...) {
            outcome_->thrown = std::current_exception();
            return io_result::failed(os::caught());
        }
        told_ = true;
        in[0] = {};
        return io_result::moved(1);
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::failed(errc::wrong_direction); }
    [[nodiscard]] readiness arm(direction) noexcept { return told_ ? readiness::now() : work_->wait_handle(); }
    [[nodiscard]] bool can(direction d) const noexcept { return d == direction::read; }
    void close() noexcept { work_.reset(); }

private:
    std::unique_ptr<Work> work_;
    std::shared_ptr<work_outcome> outcome_;
    bool told_ = false;
};

} // namespace ferrule::detail
