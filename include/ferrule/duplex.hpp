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
    /// Makes one of two ends, such as a process's standard streams: receives from `in` and sends to `out`, so that a
    /// receive that waits pushes the tail of an interrupted send. Takes both over, with what was read and what was not
    /// sent; every other copy of them is closed. Has no native handle. Throws `error`, leaving both as they were:
    /// `errc::busy` (an operation is under way), `errc::closed`, `errc::wrong_direction`, `errc::unsupported` (packets and a
    /// stream), `errc::torn` (`in` has an unsent tail, or `out` has read ahead).
    duplex(const reader& in, const writer& out) : endpoint(detail::join(in.channel(), out.channel()), in.limits()) {}
    /// Shares the channel of another endpoint.
    duplex(detail::channel_ptr shared, const ferrule::limits& l) noexcept : endpoint(std::move(shared), l) {}

    /// The halves, which share everything with this object; closing one closes all.
    operator reader() const { return {channel(), limits()}; }
    operator writer() const { return {channel(), limits()}; }
};

} // namespace ferrule
