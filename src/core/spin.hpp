// Looking for the next bytes before going to sleep. Private.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

namespace ferrule::detail {

/// Decides whether a thread that waits for bytes looks for them for a moment, giving its core away between the looks, before
/// it sleeps. Being woken by a peer on another core takes tens of microseconds, and a look a fraction of one. So a
/// conversation can become much faster; a stream whose sender sets the pace cannot, and would only take processor time.
///
/// Which of the two it is shows by trying: a few waits are spent the other way, and what brings more bytes per second is
/// kept for a while, longer each time that it is confirmed. Looking has to bring a good deal more. So it is never slower
/// than sleeping but for the trials, and costs processor time only where it makes a conversation faster.
///
/// Does no I/O and knows no clock. Held by a direction, used under its lock.
/// What it is worth: `./run bench --only "two cores/round trip"`, ferrule blocking beside raw, which sleeps: 0.2 of its time
/// over a socketpair, 0.1 over a pipe. On one core nothing is lost. To learn costs either end some 20 sleeps in the first 300
/// round trips, and few afterwards. What it costs where it is of no use: `tests/unit/spin.cpp`.
class spin {
public:
    using time_point = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::microseconds longest{50}; // a look
    /// A longer silence is no part of a conversation.
    static constexpr std::chrono::milliseconds silence{1};
    static constexpr unsigned window = 8;         // waits, after which the pace is known
    static constexpr unsigned trial = 4;          // waits the other way
    static constexpr unsigned shortest_trust = 4; // windows between two trials
    static constexpr unsigned longest_trust = 1024;
    static constexpr unsigned most_in_vain = 3; // one after the other
    static constexpr double gain = 1.15;

    /// There is nothing to read, and `received` bytes have come so far: whether to look again instead of sleeping.
    [[nodiscard]] bool look(time_point now, std::uint64_t received) noexcept
    {
        if (!waiting_ || received != received_)
            begin(now, received);
        in_vain_now_ = looks_ && now - began_ >= longest;
        return looks_ && !in_vain_now_;
    }

    /// The wait is over: the thread has slept, or the operation ends.
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
        if (looks_ && in_vain_ == most_in_vain)
            decide(false);
        else if (since_last <= silence && !changed_) {
            if (++waits_ < (looks_ == prefers_looking_ ? window : trial))
                return;
            if (received != window_received_)
                end_window(now - window_began_, static_cast<double>(received - window_received_));
        }
        changed_ = looks_ != looked; // the next wait begins as the other way has left it
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
        trust_ = confirmed ? std::min((look ? 4 : 2) * trust_, longest_trust) : shortest_trust;
        looks_ = prefers_looking_ = look;
        windows_ = in_vain_ = 0;
    }

    bool prefers_looking_ = false;
    bool looks_ = false; // differs during a trial
    unsigned trust_ = shortest_trust;
    unsigned windows_ = shortest_trust - 1; // since the last trial; the first is early, as a conversation may be short
    std::array<double, 2> pace_{};          // asleep, looking: bytes per nanosecond

    bool changed_ = false;
    unsigned waits_ = 0; // in this window
    time_point window_began_{};
    std::uint64_t window_received_ = 0;

    bool waiting_ = false;
    time_point began_{};
    std::uint64_t received_ = 0;
    bool in_vain_now_ = false; // the wait was longer than a look
    unsigned in_vain_ = 0;
};

} // namespace ferrule::detail
