// Sending and receiving over one endpoint.
#pragma once

#include <ferrule/reader.hpp>
#include <ferrule/writer.hpp>

namespace ferrule {

/// An endpoint that sends and receives independently. A send and a receive never wait for each other.
class duplex : public endpoint, public detail::recv_functions<duplex>, public detail::send_functions<duplex> {
public:
    duplex() noexcept = default;
    /// Takes the descriptor over. Throws `usage_error` (`errc::wrong_direction`, `errc::bad_descriptor`). An adopted
    /// handle then belongs to the caller again.
    explicit duplex(descriptor d, const ferrule::limits& l = {})
        : endpoint(detail::open_channel(std::move(d).require(direction::read).require(direction::write)), l)
    {
    }
    /// Joins two endpoints, such as a process's standard streams. The result receives from `in` and sends to `out`. A
    /// receive that waits then pushes the unsent tail of an interrupted send. Takes over the buffered input of `in` and
    /// the unsent tail of `out`. Every other copy of the two is closed. The result has no native handle.
    /// Throws: `error`, leaving both unchanged: `errc::busy` (an operation is under way), `errc::closed`,
    /// `errc::wrong_direction`, `errc::unsupported` (one has packets, the other a stream), `errc::torn` (`in` has an
    /// unsent tail), `errc::read_ahead` (`out` has buffered input).
    duplex(const reader& in, const writer& out) : endpoint(detail::join(in.channel(), out.channel()), in.limits()) {}
    /// Shares the channel of another endpoint.
    duplex(detail::channel_ptr shared, const ferrule::limits& l) noexcept : endpoint(std::move(shared), l) {}

    /// The two halves share everything with this object; closing one closes all.
    operator reader() const { return {channel(), limits()}; }
    operator writer() const { return {channel(), limits()}; }
};

} // namespace ferrule
