// See platform/on_stop.hpp.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

namespace ferrule::os {

/// Destroys it later, when much else has been put off. Any thread.
void put_off(std::shared_ptr<void> what) noexcept;

/// Calls `F` once when the token's stop is requested, or at once if it has been; from its destruction on no more.
///
/// Not `std::stop_callback` itself: where it has to wait for a call that is just ending, as after each stop, it waits for ever
/// now and then with MinGW's library (GCC 12: an atomic's wait looks at the value before it takes the mutex that the notifier
/// does not take). So what has been called, or may be, is destroyed when that is long over.
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
