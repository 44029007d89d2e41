// One transfer as a resumable state machine, driven by a blocking loop or by completions. Private.
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

/// "Only if possible now" ends when it would have to wait, not while there is something to do.
inline bool is_late(const deadline& d, step s) noexcept
{
    return d.expired() && (s == step::wait || !d.is_now());
}

/// Called only by the holder of the direction's lock. Touches the descriptor through `try_` functions alone, so that
/// ending a wait can lose nothing.
///
///     advance ─┬─ done ──────────────── the holder leaves; with an error in `result` after `give_up`
///         ▲    ├─ again ─ others run ─┐
///         │    └─ wait ─── ready ─────┤  or the wait ends early: `give_up`
///         └───────────────────────────┘
class operation {
public:
    /// How an operation ends that has not succeeded.
    enum class ending : unsigned char {
        failed,   // its caller is told
        abandoned // nobody is told: its context has ended, and the caller's buffers may be gone
    };

    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    /// Goes as far as possible without waiting. `eager`: tries the descriptor even if it is known to have had nothing.
    /// May throw what a framing throws.
    [[nodiscard]] virtual step advance(bool eager) = 0;
    /// The descriptor was ready.
    virtual void resumed() noexcept {}
    /// Leaves the stream as if the operation had not begun, or the rest of a frame to the endpoint; then shows the
    /// caller what had arrived. Still under the lock. Returns what is to be reported instead of the reason, if that cannot be
    /// done.
    virtual error_code give_up(ending) noexcept = 0;

    const direction side;
    error_code result;
    transfer_result& out; // beyond `result`
    /// Take nothing off the stream and send nothing yet, but say `again`: the result could not be delivered
    /// immediately, and what is never delivered must not have happened.
    bool hold_back = false;

protected:
    /// `r` stays where it is until the operation ends.
    operation(direction d, transfer_result& r) noexcept : side(d), out(r) {}
    ~operation() = default;

    static constexpr int transfers_per_turn = 16;
};

} // namespace ferrule::detail
