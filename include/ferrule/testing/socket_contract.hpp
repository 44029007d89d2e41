// The contract suite for `socket_like` types, and for ferrule on top of them. It needs no test framework.
#pragma once

#include <ferrule/testing/connection_kind.hpp>

#include <span>
#include <string_view>

namespace ferrule::testing {

/// How a check calls endpoints.
enum class call_style : unsigned char {
    blocking,
    awaitable, // co_await, without a completion token
    callback   // with a completion token
};

/// One check of the contract. The checks have static lifetime.
/// Thread safety: any thread may call any member at any time.
class contract_check {
public:
    /// The promise that the check tests, such as "P1", or "socket_like" for the duties of the type itself.
    [[nodiscard]] std::string_view promise() const noexcept { return promise_; }
    /// The promise as a sentence.
    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    /// Whether the check applies to such connections.
    [[nodiscard]] bool applies_to(const connection_kind& kind) const noexcept { return applies_(kind); }
    /// Makes as many connections as it needs, and tests them in every `call_style`. Starts threads, which have ended
    /// when it returns. Blocks, for a few seconds at most if the contract is kept. A wait that might not end is given
    /// up after `timeout_in_seconds`. Throws `contract_failure`, and what `kind.connect` throws.
    FERRULE_TESTING_EXPORT void run(const connection_kind& kind) const;

    /// How long a check waits for something that should happen immediately, in seconds.
    static constexpr unsigned timeout_in_seconds = 20;

    using predicate = bool (*)(const connection_kind&) noexcept;
    using function = void (*)(const connection_kind&, call_style);
    /// For the suite itself.
    constexpr contract_check(std::string_view promise, std::string_view name, predicate applies, function f) noexcept
        : promise_(promise),
          name_(name),
          applies_(applies),
          check_(f)
    {
    }

private:
    std::string_view promise_;
    std::string_view name_;
    predicate applies_;
    function check_;
};

/// Returns all checks. To test your own type:
///
///     for (const auto& check : socket_contract())
///         if (check.applies_to(kind))
///             check.run(kind);
[[nodiscard]] FERRULE_TESTING_EXPORT std::span<const contract_check> socket_contract() noexcept;

} // namespace ferrule::testing
