// Random numbers whose seed can be given again: FERRULE_SEED=n.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace ferrule::test {

/// The seed of this run, printed so that a failure can be repeated.
inline std::uint32_t seed()
{
    static const std::uint32_t value = [] {
        const char* given = std::getenv("FERRULE_SEED");
        const auto s = given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                        : static_cast<std::uint32_t>(std::random_device()());
        std::printf("FERRULE_SEED=%u\n", s);
        return s;
    }();
    return value;
}

class dice {
public:
    explicit dice(std::uint32_t stream) : engine_(seed() * 2654435761u + stream) {}
    /// 0 … n−1
    std::uint32_t operator()(std::uint32_t n)
    {
        return std::uniform_int_distribution<std::uint32_t>(0, n - 1)(engine_);
    }
    bool one_in(std::uint32_t n) { return (*this)(n) == 0; }

private:
    std::mt19937 engine_;
};

} // namespace ferrule::test
