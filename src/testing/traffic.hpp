// The reference: the bytes that one direction of a connection may carry and deliver. Private.
#pragma once

#include <ferrule/socket_like.hpp>

#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::testing::kit {

/// The first error found.
class verdict {
public:
    void fail(const std::string& what)
    {
        if (problem.empty())
            problem = what;
    }
    void expect(bool ok, const char* what)
    {
        if (!ok)
            fail(what);
    }
    std::string problem;
};

/// One send, as its bytes on the wire.
class sending {
public:
    std::string wire;
    bool done = false;    // all of it is on the wire
    bool unknown = false; // its outcome was not reported
};

/// Watches both ends of one direction. The descriptors report the bytes that pass them; calls report their outcomes.
///
/// The bytes on the wire must be whole sends, one after the other (P2). The delivered bytes must be those on the wire,
/// in order and once (P1, P9).
class traffic {
public:
    traffic(transfer_kind kind, verdict& v) noexcept : packets(kind == transfer_kind::message), verdict_(v) {}

    // ---- reports of the descriptors
    /// The first `n` bytes of `offered` were sent; for packets, all.
    void wrote(std::span<const byte_view> offered, std::size_t n);
    /// These bytes were read.
    void read(byte_view data);

    // ---- reports of sends
    /// Whether a send of these bytes could be confused with one under way.
    [[nodiscard]] bool ambiguous(std::string_view wire) const;
    sending* begin(std::string wire);
    void sent(sending* s, std::size_t size);
    /// A send ended with an error after `size` bytes.
    void gave_up(sending* s, std::size_t size);
    /// A send ended without a report.
    void vanished(sending* s);
    /// The bytes of the incomplete frame that were sent; 0 if there is no such frame.
    [[nodiscard]] std::size_t begun() const noexcept { return unmatched_.size(); }
    /// Whether `close` may report `count` unsent bytes. They include a send under way, but not the sends behind it.
    [[nodiscard]] bool may_remain(std::size_t count, bool under_way) const;
    /// The bytes not yet read, as `connection_kind::room` counts.
    [[nodiscard]] std::size_t in_transit() const noexcept;

    // ---- receives of a stream
    [[nodiscard]] std::string_view available() const { return std::string_view(log_).substr(delivered_); }
    [[nodiscard]] std::string_view held() const
    {
        return std::string_view(log_).substr(delivered_, arrived_ - delivered_);
    }
    /// The next bytes were delivered, and `consumed` bytes of the stream were taken off.
    void deliver(std::string_view data, std::size_t skip, std::size_t consumed);
    // ---- receives of packets
    [[nodiscard]] const std::string* next_packet() const
    {
        return next_ < packets_.size() ? &packets_[next_] : nullptr;
    }
    [[nodiscard]] bool packet_held() const noexcept { return next_ < packets_arrived_; }
    void deliver_packet() { ++next_; }

    /// Whether all sent bytes were delivered.
    [[nodiscard]] bool drained() const noexcept { return packets ? none_from(next_) : delivered_ == log_.size(); }
    [[nodiscard]] bool all_read() const noexcept
    {
        return packets ? none_from(packets_arrived_) : arrived_ == log_.size();
    }
    [[nodiscard]] std::size_t delivered() const noexcept { return delivered_; }
    /// Whether an error may show these bytes as partial data, if it looked at them after `since` bytes were delivered.
    [[nodiscard]] bool may_show(std::string_view shown, std::size_t since) const;

    const bool packets;
    bool writer_ended = false; // half-closed or closed
    bool complete = true;      // all bytes on the wire will arrive
    bool reader_gone = false;

private:
    /// Empty packets before the end look like the end.
    [[nodiscard]] bool none_from(std::size_t first) const noexcept
    {
        for (std::size_t i = first; i < packets_.size(); ++i)
            if (!packets_[i].empty() || !writer_ended)
                return false;
        return true;
    }
    [[nodiscard]] bool fits(const sending& s) const;
    void match();

    verdict& verdict_;
    std::list<sending> sends_; // not completely on the wire, and may still get there
    std::string unmatched_;    // the beginning of a frame
    std::string log_;
    std::size_t arrived_ = 0;
    std::size_t delivered_ = 0;
    std::vector<std::string> packets_;
    std::size_t packets_arrived_ = 0;
    std::size_t next_ = 0;
    std::vector<std::size_t> chunk_ends_; // the end of each write in the log
    std::size_t chunks_arrived_ = 0;
};

} // namespace ferrule::testing::kit
