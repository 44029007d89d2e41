// Interrupts an operation at its k-th call of the descriptor. Private.
#pragma once

#include "src/testing/calls.hpp"
#include "src/testing/expect.hpp"
#include "src/testing/faults.hpp"

#include <stop_token>
#include <string>

namespace ferrule::testing::kit {

enum class interruption : unsigned char { stop, deadline, failure, cancel };
inline constexpr interruption all_interruptions[] = {interruption::stop, interruption::deadline, interruption::failure,
                                                     interruption::cancel};

inline const char* name(interruption i)
{
    static constexpr const char* names[] = {"stop token", "deadline", "failing call", "Asio cancellation"};
    return names[static_cast<std::size_t>(i)];
}

class interrupter {
public:
    /// Interrupts call number `k`. Every call moves only a few bytes.
    interrupter(interruption i, std::size_t k, asio::cancellation_type type) : what_(i)
    {
        script->max_read = script->max_written = 1 + k % 9;
        script->at = k;
        script->what = i == interruption::failure ? faults::fault::failure : faults::fault::would_block;
        script->also = [this, type] {
            if (what_ == interruption::stop)
                stop_.request_stop();
            if (what_ == interruption::cancel)
                signal_.emit(type);
        };
    }
    interrupter(const interrupter&) = delete;
    interrupter& operator=(const interrupter&) = delete;

    [[nodiscard]] descriptor around(descriptor d) { return scripted(std::move(d), script); }
    /// The timeout of the next call.
    [[nodiscard]] until limit() const
    {
        if (script->reached)
            return timeout;
        switch (what_) {
        case interruption::stop: return {timeout, stop_.get_token()};
        case interruption::deadline: return deadline::now();
        default: return timeout;
        }
    }
    [[nodiscard]] asio::cancellation_slot slot() { return signal_.slot(); }

    /// Checks that the interruption explains the error of a failed call.
    void check(error_code ec) const
    {
        switch (what_) {
        case interruption::stop:
        case interruption::cancel: return expect_error(ec, errc::cancelled, "an interrupted call");
        case interruption::deadline: return expect_error(ec, errc::timed_out, "an interrupted call");
        case interruption::failure: return expect_error(ec, script->failure, "an interrupted call");
        }
    }

    const std::shared_ptr<faults> script = std::make_shared<faults>();

private:
    std::stop_source stop_;
    asio::cancellation_signal signal_;
    interruption what_;
};

/// Calls `attempt(interrupter&, k)` for every interruption that `s` can meet, at every call, until `k` is not reached.
template <class Attempt>
void interrupt_everywhere(const connection_kind& kind, style s, asio::cancellation_type type, Attempt attempt)
{
    for (const interruption i : all_interruptions) {
        if (i == interruption::cancel && s != style::callback)
            continue;
        bool reached = true;
        // If calls are skipped, each style and interruption skips different ones.
        std::size_t k = (static_cast<std::size_t>(s) + 2 * static_cast<std::size_t>(i)) % kind.stride;
        for (; reached; k += kind.stride * (1 + k / 40)) {
            const note circumstances(std::string("interrupted at call ") + std::to_string(k) + " by " + name(i));
            interrupter x(i, k, type);
            attempt(x, i);
            reached = x.script->reached;
        }
    }
}

} // namespace ferrule::testing::kit
