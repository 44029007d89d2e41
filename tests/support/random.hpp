// Random numbers that every run repeats. FERRULE_SEED=n sets another seed; FERRULE_SEED=random explores.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

namespace ferrule::test {

/// The number in this environment variable, or `otherwise`.
inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise)
{
    const char* given = std::getenv(variable);
    return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

/// The seed of this run, printed so that a failure can be repeated.
inline std::uint64_t seed()
{
    static const std::uint64_t value = [] {
        const char* given = std::getenv("FERRULE_SEED");
        const bool random = given != nullptr && std::string_view(given) == "random";
        const std::uint64_t s =
            random ? std::random_device()() * std::uint64_t{1'000'000} : number_from("FERRULE_SEED", 1);
        std::printf("FERRULE_SEED=%llu\n", static_cast<unsigned long long>(s));
        return s;
    }();
    return value;
}

class dice {
public:
    explicit dice(std::uint32_t stream) : engine_(static_cast<std::uint32_t>(seed() * 2654435761u + stream)) {}
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
