// Random schedules: everything that can happen to a connection, in any order, held against a reference.
#pragma once

#include <ferrule/testing/connection_kind.hpp>

#include <cstdint>

namespace ferrule::testing {

/// How long and how wild a schedule is.
class schedule_options {
public:
    constexpr schedule_options() noexcept = default;
    constexpr explicit schedule_options(unsigned number_of_steps) noexcept : steps(number_of_steps) {}

    /// Random steps before the connection is drained and its ends compared with the reference.
    unsigned steps = 40;
};

/// Makes one connection and does random things with it: blocking calls, callbacks and coroutines, several at once, in
/// bytes and in the messages of several framings, with deadlines, stop tokens, Asio cancellation, `||`, `&&` and parallel
/// groups. The descriptors move a few bytes at a time, refuse and fail. Contexts are slow, and end. Ends are half-closed,
/// closed while they send, joined, and handed over. Every result is compared with a reference at once, and what is left at
/// the end too.
///
/// Most run in the calling thread, so that the same `seed` does the same again (where the system carries bytes over by
/// itself, as with TCP, nearly the same); some in a strand of a pool with two threads, which has ended when this returns.
/// Blocks; some milliseconds where the contract is kept. Throws `contract_failure`, whose text names the kind and the seed
/// and lists the steps.
FERRULE_TESTING_EXPORT void run_schedule(const connection_kind& kind, std::uint64_t seed,
                                         const schedule_options& options = {});

} // namespace ferrule::testing
