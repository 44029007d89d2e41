// Random schedules: events on a connection in any order, checked against a reference.
#pragma once

#include <ferrule/testing/connection_kind.hpp>

#include <cstdint>

namespace ferrule::testing {

/// The length of a schedule.
class schedule_options {
public:
    constexpr schedule_options() noexcept = default;
    constexpr explicit schedule_options(unsigned number_of_steps) noexcept : steps(number_of_steps) {}

    /// Random steps before the connection is drained and its ends compared with the reference.
    unsigned steps = 40;
};

/// Makes one connection and runs random operations on it: blocking calls, callbacks and coroutines, several at a time.
/// They transfer bytes and messages of several framings. They end by deadlines, stop tokens and Asio cancellation, and
/// take part in `||`, `&&` and parallel groups. The descriptors move a few bytes at a time, refuse and fail. Contexts
/// are slow, and end. Ends are half-closed, closed while they send, joined, and handed over. Every result is compared
/// with a reference, and so are the remaining bytes at the end.
///
/// Most schedules run on the calling thread, so the same `seed` repeats the same schedule. It repeats nearly the same
/// one where the system carries bytes on its own, as with TCP. Some schedules run in a strand of a pool with two
/// threads, which has ended when this function returns. Blocks, for some milliseconds if the contract is kept. Throws
/// `contract_failure`, whose text names the kind and the seed, and lists the steps.
FERRULE_TESTING_EXPORT void run_schedule(const connection_kind& kind, std::uint64_t seed,
                                         const schedule_options& options = {});

} // namespace ferrule::testing
