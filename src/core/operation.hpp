// A transfer as a resumable state machine, driven by a blocking loop or by completions. Private.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/detail/requests.hpp>
#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

namespace ferrule::detail {

enum class step : unsigned char {
    done,  // see `result`
    again, // there is more to do immediately, but others may want a turn
    wait   // the descriptor has to become ready
};

/// A deadline of now expires when the operation would have to wait, not while there is something to do.
inline bool is_late(const deadline& d, step s) noexcept
{
    return d.expired() && (s == step::wait || !d.is_now());
}

/// One transfer, called only by the holder of the direction's lock. It touches the descriptor through `try_` functions
/// alone, so that ending a wait can lose nothing.
///
///     advance ─┬─ done ──────────────── the holder leaves; with an error in `result` after `give_up`
///         ▲    ├─ again ─ others run ─┐
///         │    └─ wait ─── ready ─────┤  or the wait ends early: `give_up`
///         └───────────────────────────┘
class operation {
public:
    /// How an unsuccessful operation ends.
    enum class ending : unsigned char {
        failed,   // the caller gets the error
        abandoned // the context has ended, nothing is answered, and the caller's buffers may be gone
    };

    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    /// Goes as far as possible without waiting. `now` tries the descriptor even if the last attempt found nothing.
    /// Passes on exceptions of a framing.
    [[nodiscard]] virtual step advance(bool now) = 0;
    /// Called when the descriptor was ready.
    virtual void resumed() noexcept {}
    /// Leaves the stream as if the operation had not begun, or the rest of a frame to the endpoint. Then puts what had
    /// arrived into the result. Called under the lock. Returns an error that replaces the original one if this fails.
    virtual error_code give_up(ending) noexcept = 0;

    const direction side;
    error_code result;
    transfer_result& out; // in addition to `result`
    /// While set, `advance` takes and sends nothing and returns `again`. An operation whose result is never delivered
    /// must have no effect, and this result cannot be delivered yet.
    bool hold_back = false;
    /// When a wait ends although the descriptor is not ready. The operation then goes on.
    deadline looks_again;

protected:
    /// `r` must stay in place until the operation ends.
    operation(direction d, transfer_result& r) noexcept : side(d), out(r) {}
    ~operation() = default;

    static constexpr int transfers_per_turn = 16;
};

} // namespace ferrule::detail
