// The reference: what one direction of a connection may carry and deliver. Private.
#pragma once

#include <ferrule/socket_like.hpp>

#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::testing::kit {

/// The first thing that was wrong.
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

/// One send, as bytes on the wire.
class sending {
public:
    std::string wire;
    bool done = false;    // all of it is on the wire
    bool unknown = false; // nobody was told what became of it
};

/// Watches both ends of one direction. The descriptors report what passes them; calls report what they came to.
///
/// What is on the wire must be whole sends, one after the other (P2); what is delivered must be what is on the wire, in
/// order and once (P1, P9).
class traffic {
public:
    traffic(transfer_kind kind, verdict& v) noexcept : packets(kind == transfer_kind::message), verdict_(v) {}

    // ---- from the descriptors
    /// The first `n` bytes of `offered` went out; for packets, all.
    void wrote(std::span<const byte_view> offered, std::size_t n);
    /// These were read.
    void read(byte_view data);

    // ---- sends
    /// Whether a send of these bytes could be mistaken for one that is under way.
    [[nodiscard]] bool ambiguous(std::string_view wire) const;
    sending* begin(std::string wire);
    void sent(sending* s, std::size_t size);
    /// A send ended with an error after `size` bytes.
    void gave_up(sending* s, std::size_t size);
    /// A send ended without telling.
    void vanished(sending* s);
    /// Bytes of the frame that has begun, and how long it is; 0 and 0 if there is none.
    [[nodiscard]] std::size_t begun() const noexcept { return unmatched_.size(); }
    [[nodiscard]] std::size_t unsent() const;
    /// Whether `close` may say that so many bytes did not leave. A send that is under way counts, those behind it do not.
    [[nodiscard]] bool may_remain(std::size_t count, bool under_way) const;
    /// What has not yet been read, as `connection_kind::room` counts.
    [[nodiscard]] std::size_t in_transit() const noexcept;

    // ---- receives, of a stream
    [[nodiscard]] std::string_view available() const { return std::string_view(log_).substr(delivered_); }
    [[nodiscard]] std::string_view held() const
    {
        return std::string_view(log_).substr(delivered_, arrived_ - delivered_);
    }
    /// The next bytes were delivered; `consumed` of the stream were taken off for it.
    void deliver(std::string_view data, std::size_t skip, std::size_t consumed);
    // ---- of packets
    [[nodiscard]] const std::string* next_packet() const
    {
        return next_ < packets_.size() ? &packets_[next_] : nullptr;
    }
    [[nodiscard]] bool packet_held() const noexcept { return next_ < packets_arrived_; }
    void deliver_packet() { ++next_; }

    /// Whether everything that went out was delivered.
    [[nodiscard]] bool drained() const noexcept { return packets ? none_from(next_) : delivered_ == log_.size(); }
    [[nodiscard]] bool all_read() const noexcept
    {
        return packets ? none_from(packets_arrived_) : arrived_ == log_.size();
    }
    [[nodiscard]] std::size_t delivered() const noexcept { return delivered_; }
    /// Whether an error may show these bytes as having arrived, if they were looked at when `since` had been delivered.
    [[nodiscard]] bool may_show(std::string_view shown, std::size_t since) const;

    const bool packets;
    bool writer_ended = false; // half-closed or closed
    bool complete = true;      // all that is on the wire will arrive
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
    std::list<sending> sends_; // of which not all is on the wire, and which may still get there
    std::string unmatched_;    // the beginning of a frame
    std::string log_;
    std::size_t arrived_ = 0;
    std::size_t delivered_ = 0;
    std::vector<std::string> packets_;
    std::size_t packets_arrived_ = 0;
    std::size_t next_ = 0;
    std::vector<std::size_t> chunk_ends_; // where each write has ended in the log
    std::size_t chunks_arrived_ = 0;
};

} // namespace ferrule::testing::kit
