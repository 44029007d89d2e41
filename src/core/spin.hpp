// Polling briefly for the next bytes before sleeping. Private.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace ferrule::detail {

/// Decides whether a thread that waits for bytes polls for a moment before it sleeps, yielding its core between polls.
/// A wake-up by a peer on another core takes tens of microseconds, a poll a fraction of one. So polling can make a
/// conversation much faster. A stream paced by its sender only wastes processor time.
///
/// Trials tell the two apart. A few waits are spent the other way, and the way that moves more bytes per second is kept
/// for a while. Each confirmation prolongs that time. Polling must win by a clear margin. So, apart from the trials,
/// this is never slower than sleeping, and uses processor time only where it makes a conversation faster.
///
/// Does no I/O and reads no clock. Belongs to a direction and is used under its lock.
/// Benefit: `./run bench --only "two cores/round trip"`, ferrule blocking beside raw, which sleeps. It takes 0.2 of
/// raw's time over a socketpair, 0.1 over a pipe. On one core nothing is lost. Learning costs either end about 20
/// sleeps in the first 300 round trips, and few afterwards. Cost without benefit: `tests/unit/core/spin.cpp`.
class spin {
public:
    using time_point = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::microseconds max_look{50}; // polling time in one wait
    /// A longer silence is not part of a conversation.
    static constexpr std::chrono::milliseconds silence{1};
    static constexpr unsigned window = 8;         // waits after which the pace is known
    static constexpr unsigned trial = 4;          // waits spent the other way
    static constexpr unsigned shortest_trust = 4; // windows between two trials
    static constexpr unsigned max_trust = 1024;
    static constexpr unsigned max_in_vain = 3; // consecutive waits
    static constexpr double gain = 1.15;

    /// Called when there is nothing to read and `received` bytes have come so far. Returns whether to poll again
    /// instead of sleeping.
    [[nodiscard]] bool look(time_point now, std::uint64_t received) noexcept
    {
        if (!waiting_ || received != received_)
            begin(now, received);
        in_vain_now_ = looks_ && now - began_ >= max_look;
        return looks_ && !in_vain_now_;
    }

    /// Ends the wait when the thread has slept or the operation ends.
    void done() noexcept { waiting_ = false; }

private:
    void begin(time_point now, std::uint64_t received) noexcept
    {
        const auto since_last = now - began_;
        waiting_ = true;
        began_ = now;
        received_ = received;
        in_vain_ = in_vain_now_ ? in_vain_ + 1 : 0;
        const bool looked = looks_;
        if (looks_ && in_vain_ == max_in_vain)
            decide(false);
        else if (since_last <= silence && !changed_) {
            if (++waits_ < (looks_ == prefers_looking_ ? window : trial))
                return;
            if (received != window_received_)
                end_window(now - window_began_, static_cast<double>(received - window_received_));
        }
        changed_ = looks_ != looked; // the next wait begins in the state that the other way left
        waits_ = 0;
        window_began_ = now;
        window_received_ = received;
    }

    void end_window(std::chrono::nanoseconds took, double bytes) noexcept
    {
        const double pace = bytes / static_cast<double>(took.count());
        if (looks_)
            pace_[1] = std::max(pace, pace_[1] / 2); // one slow window may be a trial of the other end
        else
            pace_[0] = pace;
        const bool looking_pays = pace_[1] > gain * pace_[0];
        if (looks_ != prefers_looking_)
            decide(looking_pays);
        else if (++windows_ >= trust_ || (looks_ && !looking_pays))
            looks_ = !looks_; // try the other way
    }

    void decide(bool look) noexcept
    {
        const bool confirmed = look == prefers_looking_ && looks_ != look;
        // A trial of sleeping costs a conversation most.
        trust_ = confirmed ? std::min((look ? 4 : 2) * trust_, max_trust) : shortest_trust;
        looks_ = prefers_looking_ = look;
        windows_ = in_vain_ = 0;
    }

    bool prefers_looking_ = false;
    bool looks_ = false; // differs during a trial
    unsigned trust_ = shortest_trust;
    unsigned windows_ = shortest_trust - 1; // since the last trial. The first is early for short conversations
    std::array<double, 2> pace_{};          // asleep, polling: bytes per nanosecond

    bool changed_ = false;
    unsigned waits_ = 0; // in this window
    time_point window_began_{};
    std::uint64_t window_received_ = 0;

    bool waiting_ = false;
    time_point began_{};
    std::uint64_t received_ = 0;
    bool in_vain_now_ = false; // the wait was longer than a poll
    unsigned in_vain_ = 0;
};

} // namespace ferrule::detail
