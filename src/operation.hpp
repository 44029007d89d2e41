// One transfer as a resumable state machine, driven by a blocking loop or by completions. Private.
#pragma once

#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

namespace ferrule::detail {

enum class step : unsigned char {
    done,  // see `result`
    again, // there is more to do at once, but others may want a turn
    wait   // the descriptor has to become ready
};

/// Called only by the holder of the direction's lock, who has entered the channel. Touches the descriptor through `try_`
/// functions alone, so that ending a wait can lose nothing.
class operation {
public:
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;

    /// Goes as far as possible without waiting. `eager`: try the descriptor even if it is known to have had nothing.
    /// May throw what a framing throws.
    [[nodiscard]] virtual step advance(bool eager) = 0;
    /// The descriptor was ready.
    virtual void resumed() noexcept {}
    /// The operation ends with an error: leaves the stream as if it had not begun, or the rest of a frame to the
    /// endpoint. Still under the lock.
    virtual void give_up() noexcept = 0;
    /// After `give_up`: shows the caller what had arrived.
    virtual void report() noexcept {}

    const direction side;
    error_code result;
    /// Do not take anything off the stream yet, say `again` instead: the result could not be delivered at once, and if
    /// it were never delivered, it would be lost.
    bool hold_back = false;

protected:
    explicit operation(direction d) noexcept : side(d) {}

    static constexpr int transfers_per_turn = 16;
};

} // namespace ferrule::detail
