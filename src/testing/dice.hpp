// Random numbers that are equal on all systems for equal seeds. Private.
#pragma once

#include <cstdint>

namespace ferrule::testing::kit {

class dice {
public:
    explicit dice(std::uint64_t seed) noexcept : state_(seed) {}

    /// A number from 0 to n−1.
    std::size_t operator()(std::size_t n) noexcept
    {
        // splitmix64
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return static_cast<std::size_t>((z ^ (z >> 31)) % n);
    }
    bool one_in(std::size_t n) noexcept { return (*this)(n) == 0; }

private:
    std::uint64_t state_;
};

} // namespace ferrule::testing::kit
