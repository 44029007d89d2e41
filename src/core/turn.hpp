// The turn of one operation in a direction. Private.
#pragma once

#include "src/channel.hpp"
#include "src/operation.hpp"

#include <utility>

namespace ferrule::detail {

/// From taking the lock to leaving the direction in order, however that comes about. Whoever makes it has taken the lock.
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

    /// Goes as far as possible without waiting. Done with `errc::closed` if the channel is. Throws what a framing throws.
    [[nodiscard]] step advance(bool eager) { return advance(eager, channel_use(*channel_)); }
    [[nodiscard]] step advance(bool eager, const channel_use& use)
    {
        if (use)
            return op_->advance(eager);
        op_->result = errc::closed;
        return step::done;
    }

    /// The operation has succeeded.
    void end() noexcept
    {
        if (channel_ == nullptr)
            return;
        channel& c = *std::exchange(channel_, nullptr);
        if (op_->side == direction::read)
            c.spinning.done();
        c.of(op_->side).lock.unlock();
        // What a sender leaves behind may be what a waiting reader has to push.
        if (op_->side == direction::write && !c.tail.empty())
            c.reading.point->kick();
    }
    /// It has not, for the reason `ec`, or for what is worse and replaces it.
    void give_up(operation::ending how, error_code& ec) noexcept
    {
        if (channel_ != nullptr) {
            if (const error_code worse = op_->give_up(how))
                ec = worse;
        }
        end();
    }
    /// `ec` says whether it has.
    void end(error_code& ec) noexcept { ec ? give_up(operation::ending::failed, ec) : end(); }

private:
    channel* channel_ = nullptr;
    operation* op_ = nullptr;
};

} // namespace ferrule::detail
