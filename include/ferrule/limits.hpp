// How much a peer may make us hold.
#pragma once

#include <cstddef>

namespace ferrule {

/// Limits of one object. They hold for both directions: what would be refused on arrival is not sent either.
class limits {
public:
    constexpr limits() noexcept = default;
    constexpr explicit limits(std::size_t max_payload) noexcept : max_payload_(max_payload) {}

    /// Largest payload of a message, and most bytes that `recv_until`, `recv_line` and `recv_all` collect, in bytes,
    /// inclusive. A frame that announces more is refused before memory is allocated for it.
    [[nodiscard]] constexpr std::size_t max_payload() const noexcept { return max_payload_; }

private:
    std::size_t max_payload_ = std::size_t{64} << 20;
};

} // namespace ferrule
