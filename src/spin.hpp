// Looking for the next bytes before going to sleep. Private.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace ferrule::detail {

/// Being woken costs a thread tens of microseconds when the peer runs on another core, and a peer on the same core the
/// time to wake it; looking again costs a fraction of one. So a thread whose bytes come in quick succession looks for a
/// moment before it sleeps, giving its core away between the looks. This decides when: it does no I/O and knows no clock.
/// Held by a direction, used under its lock.
class spin {
public:
    using time_point = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::microseconds longest{50};
    /// A wait as short as this, being woken included, would have been shorter without the sleep.
    static constexpr std::chrono::microseconds quick{100};
    static constexpr unsigned patience = 3;
    /// Giving the core away took so long, and again the next time: somebody else runs on it. Once, it was an interrupt.
    static constexpr std::chrono::microseconds turn{2};
    static constexpr unsigned turns = 2;
    static constexpr unsigned answers_between_probes = 128;

    /// Whether bytes came quickly of late. If not, nothing else needs to be asked, the time least of all. `answer`: what is
    /// waited for was asked for by this thread; a peer on the same core is on its way as soon as the thread sleeps.
    [[nodiscard]] bool pays(bool answer) noexcept
    {
        return fruitless_ < patience && !(answer && is_shared() && ++answers_ % answers_between_probes != 0);
    }

    /// There is nothing to read, and `received` bytes have come so far: whether to look again instead of sleeping.
    [[nodiscard]] bool look_again(time_point now, std::uint64_t received) noexcept
    {
        if (!since_ || received != received_) {
            if (since_)
                fruitless_ = 0;
            since_ = now;
            received_ = received;
            return true;
        }
        if (!is_shared() && now - *since_ < longest) // else whoever is to send has had its turn
            return true;
        ++fruitless_;
        return false;
    }

    /// Giving the core away took so long.
    void gave_way(std::chrono::steady_clock::duration d) noexcept
    {
        turns_of_others_ = d < turn ? 0 : std::min(turns_of_others_ + 1, turns);
    }

    void sleeps(time_point now) noexcept
    {
        if (!since_)
            since_ = now;
    }
    void woke(time_point now) noexcept
    {
        if (now - *since_ < quick)
            fruitless_ = 0;
        since_.reset();
    }

    /// The operation ends.
    void ended(std::uint64_t received) noexcept
    {
        if (since_ && received != received_)
            fruitless_ = 0;
        since_.reset();
    }

private:
    /// The core.
    [[nodiscard]] bool is_shared() const noexcept { return turns_of_others_ == turns; }

    unsigned fruitless_ = patience; // until traffic is seen
    unsigned turns_of_others_ = 0;  // one after the other
    unsigned answers_ = 0;          // that were not looked for
    std::optional<time_point> since_;
    std::uint64_t received_ = 0;
};

} // namespace ferrule::detail
