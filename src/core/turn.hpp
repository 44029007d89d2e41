// The turn of one operation in a direction. Private.
#pragma once

#include "src/core/channel.hpp"
#include "src/core/operation.hpp"

#include <utility>

namespace ferrule::detail {

/// The period from taking the lock until the direction is left in order. The creator holds the lock.
class turn {
public:
    turn() noexcept = default;
    turn(channel& c, operation& op) noexcept : channel_(&c), op_(&op) {}
    turn(turn&& other) noexcept : channel_(std::exchange(other.channel_, nullptr)), op_(other.op_) {}
    turn& operator=(turn&& other) noexcept
    {
        std::swap(channel_, other.channel_);
        std::swap(op_, other.op_);
        return *this;
    }
    ~turn()
    {
        if (channel_ == nullptr)
            return;
        error_code nobodys;
        give_up(operation::ending::failed, nobodys);
    }

    explicit operator bool() const noexcept { return channel_ != nullptr; }

    /// Goes as far as possible without waiting. If the channel is closed, returns `done` with `errc::closed`. Passes on
    /// exceptions of a framing.
    [[nodiscard]] step advance(bool now, const channel_use& use)
    {
        if (use)
            return op_->advance(now);
        op_->result = errc::closed;
        return step::done;
    }

    /// Ends a successful operation.
    void end() noexcept
    {
        if (channel_ == nullptr)
            return;
        channel& c = *std::exchange(channel_, nullptr);
        if (op_->side == direction::read)
            c.spinning.done();
        const bool leaves_rest = op_->side == direction::write && c.holds_rest();
        c.of(op_->side).lock.unlock();
        if (leaves_rest) // a waiting reader may have to push it
            c.reading.point->wake();
    }
    /// Ends a failed operation with the error `ec`, which a worse error may replace.
    void give_up(operation::ending how, error_code& ec) noexcept
    {
        if (channel_ != nullptr) {
            if (const error_code worse = op_->give_up(how))
                ec = worse;
        }
        end();
    }
    /// Ends the operation, which has failed if `ec` is set.
    void end(error_code& ec) noexcept { ec ? give_up(operation::ending::failed, ec) : end(); }

private:
    channel* channel_ = nullptr;
    operation* op_ = nullptr;
};

} // namespace ferrule::detail
