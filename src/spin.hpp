// Looking for the next bytes before going to sleep. Private.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace ferrule::detail {

/// Being woken costs a thread tens of microseconds when the peer runs on another core, and a peer on the same core the
/// time to wake it; looking again costs a fraction of one. So a thread whose bytes come in quick succession looks for a
/// moment before it sleeps. This decides when: it does no I/O and knows no clock. Held by a direction, used under its
/// lock.
class spin {
public:
    using time_point = std::chrono::steady_clock::time_point;

    static constexpr std::chrono::microseconds longest{50};
    /// A wait as short as this, being woken included, would have been shorter without the sleep.
    static constexpr std::chrono::microseconds quick{100};
    static constexpr unsigned patience = 3;

    /// Whether bytes came quickly of late. If not, nothing else needs to be asked, the time least of all.
    [[nodiscard]] bool pays() const noexcept { return fruitless_ < patience; }

    /// There is nothing to read, and `received` bytes have come so far: whether to look again instead of sleeping.
    /// `once`: there is one core, so whoever is to send runs now or not at all.
    [[nodiscard]] bool look_again(time_point now, std::uint64_t received, bool once) noexcept
    {
        if (!since_ || received != received_) {
            if (since_)
                fruitless_ = 0;
            since_ = now;
            received_ = received;
            return true;
        }
        if (!once && now - *since_ < longest)
            return true;
        ++fruitless_;
        return false;
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
    unsigned fruitless_ = patience; // until traffic is seen
    std::optional<time_point> since_;
    std::uint64_t received_ = 0;
};

} // namespace ferrule::detail
