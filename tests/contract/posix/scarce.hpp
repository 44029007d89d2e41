// Memory and descriptors that run out when a test says so. POSIX only; needs the link options of `ferrule_contract`.
#pragma once

#include <cstdint>

namespace ferrule::test {

enum class resource : unsigned char { memory, descriptors };

/// Which of the requests that this thread makes are refused, while it lives. Only what this program itself calls is refused: not
/// what the C library does inside its own calls, nor memory for exceptions.
class scarcity {
public:
    /// Those from the `first` on (1: the very first), `count` of them.
    scarcity(resource r, std::uint64_t first, std::uint64_t count) noexcept;
    /// Of both kinds, one of `one_of` on average, by the dice of `seed`.
    scarcity(std::uint64_t seed, unsigned one_of) noexcept;
    scarcity(const scarcity&) = delete;
    scarcity& operator=(const scarcity&) = delete;
    ~scarcity();

    [[nodiscard]] bool has_refused() const noexcept { return refused_; }

private:
    friend class plenty;
    friend bool refuses(resource r) noexcept;
    [[nodiscard]] bool asked_for(resource r) noexcept;

    scarcity* outer_;
    resource kind_ = resource::memory;
    std::uint64_t first_ = 0;
    std::uint64_t count_ = 0;
    std::uint64_t asked_ = 0;
    std::uint64_t dice_ = 0;
    unsigned one_of_ = 0;
    bool refused_ = false;
};

/// While it lives, nothing is refused: for what a test does itself.
class plenty {
public:
    plenty() noexcept;
    plenty(const plenty&) = delete;
    plenty& operator=(const plenty&) = delete;
    ~plenty();

private:
    scarcity* outer_;
};

/// Objects made with `new` that exist.
[[nodiscard]] std::int64_t live_objects() noexcept;

} // namespace ferrule::test
