// See platform/on_stop.hpp.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

namespace ferrule::os {

/// Destroys `what` after 64 further calls. Thread-safe.
void put_off(std::shared_ptr<void> what) noexcept;

/// Calls `F` once when the token's stop is requested, immediately if it already was, and never after its destruction.
///
/// The destructor of `std::stop_callback` waits for a call that is just ending. With MinGW's library (GCC 12), it
/// sometimes waits for ever. There an atomic's wait reads the value before it takes the mutex, which the notifier does
/// not take. So a callback that has been called, or may be, is destroyed long afterwards.
template <class F>
class on_stop {
public:
    on_stop(const std::stop_token& t, F f) : token_(t), state_(std::make_shared<state>(std::move(f)))
    {
        state_->callback.emplace(t, call{state_.get()});
    }
    on_stop(const on_stop&) = delete;
    on_stop& operator=(const on_stop&) = delete;
    ~on_stop()
    {
        phase before = phase::waits;
        const bool never_called = state_->now.compare_exchange_strong(before, phase::over);
        while (state_->now != phase::over && state_->caller != std::this_thread::get_id())
            std::this_thread::yield();
        if (!never_called || token_.stop_requested())
            put_off(std::move(state_));
    }

private:
    enum class phase : unsigned char { waits, runs, over };

    struct state;
    struct call {
        state* s;
        void operator()() const noexcept
        {
            phase before = phase::waits;
            s->caller = std::this_thread::get_id();
            if (!s->now.compare_exchange_strong(before, phase::runs))
                return;
            s->f();
            s->now = phase::over;
        }
    };
    struct state {
        explicit state(F g) : f(std::move(g)) {}

        F f;
        std::atomic<phase> now{phase::waits};
        std::atomic<std::thread::id> caller{};
        std::optional<std::stop_callback<call>> callback;
    };

    std::stop_token token_;
    std::shared_ptr<state> state_;
};

} // namespace ferrule::os
