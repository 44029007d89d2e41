// Both directions.
#pragma once

#include <ferrule/reader.hpp>
#include <ferrule/writer.hpp>

namespace ferrule {

/// An end that sends and receives, independently: a send and a receive never wait for each other.
class duplex : public endpoint, public detail::recv_functions<duplex>, public detail::send_functions<duplex> {
public:
    duplex() noexcept = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::unsupported`); see `adopt` for whose the handle
    /// is then.
    explicit duplex(descriptor d, const ferrule::limits& l = {})
        : endpoint(detail::open_channel(std::move(d).require(direction::read).require(direction::write)), l)
    {
    }
    /// Shares the channel of another endpoint.
    duplex(detail::channel_ptr shared, const ferrule::limits& l) noexcept : endpoint(std::move(shared), l) {}

    /// The halves, which share everything with this object; closing one closes all.
    operator reader() const { return {channel(), limits()}; }
    operator writer() const { return {channel(), limits()}; }
};

} // namespace ferrule
