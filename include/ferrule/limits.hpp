// Limits on what a peer can make this process hold.
#pragma once

#include <cstddef>

namespace ferrule {

/// The limits of one object. They hold in both directions. What would be refused on arrival is not sent either.
class limits {
public:
    constexpr limits() noexcept = default;
    constexpr explicit limits(std::size_t max_payload) noexcept : max_payload_(max_payload) {}

    /// The maximum payload of a message, and of what `recv_until`, `recv_line` and `recv_all` collect, in bytes,
    /// inclusive. The default is 64 MiB. A frame that announces more is refused before memory is allocated for it.
    [[nodiscard]] constexpr std::size_t max_payload() const noexcept { return max_payload_; }

private:
    std::size_t max_payload_ = std::size_t{64} << 20;
};

} // namespace ferrule
