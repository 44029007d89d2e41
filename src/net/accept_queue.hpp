// Connections that are ready, and the stream that announces them. Private.
#pragma once

#include "platform/caught.hpp"

#include <ferrule/detail/accepted.hpp>
#include <ferrule/socket_like.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace ferrule::detail {

class accept_queue {
public:
    void put(descriptor d)
    {
        const std::lock_guard guard(mutex_);
        ready_.push_back(std::move(d));
    }
    [[nodiscard]] std::optional<descriptor> take()
    {
        const std::lock_guard guard(mutex_);
        if (ready_.empty())
            return std::nullopt;
        std::optional<descriptor> d = std::move(ready_.front());
        ready_.pop_front();
        return d;
    }

    /// What is being done, for the text of an exception, such as "ferrule: connecting to tcp://localhost:80".
    void describe(std::string task)
    {
        const std::lock_guard guard(mutex_);
        task_ = std::move(task);
    }
    /// What has failed, which follows the task.
    void explain(std::string failures)
    {
        const std::lock_guard guard(mutex_);
        failures_ = std::move(failures);
    }
    [[nodiscard]] std::string explanation() const
    {
        const std::lock_guard guard(mutex_);
        return failures_;
    }
    /// Who knows more of a failure: `f(ec)` throws the exception that fits, or returns. Called before anybody receives.
    void fail_by(std::function<void(const error_code&)> f) { details_ = std::move(f); }
    [[noreturn]] void fail(const error_code& ec) const
    {
        if (details_)
            details_(ec);
        std::string text;
        {
            const std::lock_guard guard(mutex_);
            text = task_ + failures_;
        }
        if (text.empty())
            throw_error(ec);
        throw_in_context(ec, text);
    }

private:
    mutable std::mutex mutex_;
    std::deque<descriptor> ready_;
    std::string task_;
    std::string failures_;
    std::function<void(const error_code&)> details_;
};

/// A stream in which each byte stands for a connection in an `accept_queue`. `State::read` makes as many connections as
/// is possible immediately. `State::events` tells when it can continue, and `State::more` whether there are more
/// already.
template <class State>
class connection_stream {
public:
    explicit connection_stream(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        try {
            return state_->read(in);
        } catch (...) {
            return io_result::failed(os::caught());
        }
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::failed(errc::wrong_direction); }
    [[nodiscard]] readiness arm(direction) noexcept
    {
        return state_->more() ? readiness::now() : state_->events.wait_handle();
    }
    [[nodiscard]] bool can(direction d) const noexcept { return d == direction::read; }
    void close() noexcept { state_.reset(); }

private:
    std::unique_ptr<State> state_;
};

} // namespace ferrule::detail
