// The contract suite: what every `socket_like` type has to keep, and ferrule over it. Needs no test framework.
#pragma once

#include <ferrule/testing/connection_kind.hpp>

#include <span>
#include <string_view>

namespace ferrule::testing {

/// How a check calls the endpoints.
enum class call_style : unsigned char {
    blocking,
    awaitable, // co_await, without a completion token
    callback   // with a completion token
};

/// One check of the contract. Values of static lifetime; every member may be called by any thread at any time.
class contract_check {
public:
    /// The promise that the check is about, such as "P1"; "socket_like" for what the type itself must do.
    [[nodiscard]] std::string_view promise() const noexcept { return promise_; }
    /// What is promised, as a sentence.
    [[nodiscard]] std::string_view name() const noexcept { return name_; }
    /// Whether the check says anything about such connections.
    [[nodiscard]] bool applies_to(const connection_kind& kind) const noexcept { return applies_(kind); }
    /// Makes as many connections as it needs and tries them in every `call_style`. Blocks; a few seconds at most where
    /// the contract is kept, since every wait that might not end is given up after `patience`. Starts threads, which
    /// have ended when it returns. Throws `contract_failure`, and what `kind.connect` throws.
    FERRULE_TESTING_EXPORT void run(const connection_kind& kind) const;

    /// How long a check waits for something that should happen at once.
    static constexpr unsigned patience_in_seconds = 20;

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

/// All checks. To try a type of your own:
///
///     for (const auto& check : socket_contract())
///         if (check.applies_to(kind))
///             check.run(kind);
[[nodiscard]] FERRULE_TESTING_EXPORT std::span<const contract_check> socket_contract() noexcept;

} // namespace ferrule::testing
