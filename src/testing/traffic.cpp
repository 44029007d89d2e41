#include "src/testing/traffic.hpp"

#include <ferrule/testing/connection_kind.hpp>

#include <algorithm>

namespace ferrule::testing::kit {

namespace {

bool one_begins_the_other(std::string_view a, std::string_view b)
{
    const std::size_t n = std::min(a.size(), b.size());
    return a.substr(0, n) == b.substr(0, n);
}

} // namespace

void traffic::wrote(std::span<const byte_view> offered, std::size_t n)
{
    std::string out;
    for (const byte_view part : offered)
        out += part.text().substr(0, std::min(part.size(), n - out.size()));
    if (packets) {
        verdict_.expect(out.size() == n, "a packet of another size went out than was offered");
        const auto s = std::ranges::find_if(sends_, [&](const sending& x) { return !x.done && x.wire == out; });
        if (s == sends_.end())
            return verdict_.fail("a packet went out that nobody sends, or that was sent before: " + std::to_string(n) +
                                 " bytes");
        s->done = true;
        packets_.push_back(std::move(out));
        return;
    }
    log_ += out;
    chunk_ends_.push_back(log_.size());
    unmatched_ += out;
    match();
}

bool traffic::fits(const sending& s) const
{
    return !s.done && one_begins_the_other(s.wire, unmatched_);
}

void traffic::match()
{
    while (!unmatched_.empty()) {
        const auto s = std::ranges::find_if(sends_, [&](const sending& x) { return fits(x); });
        if (s == sends_.end())
            return verdict_.fail("bytes went out that belong to no send, or in the middle of another");
        if (s->wire.size() > unmatched_.size())
            return; // no other is complete: no send begins like another
        unmatched_.erase(0, s->wire.size());
        s->done = true;
        // A vanished send that has not begun by now never will.
        std::erase_if(sends_, [](const sending& x) { return x.unknown; });
    }
}

void traffic::read(byte_view data)
{
    if (packets) {
        verdict_.expect(packets_arrived_ < packets_.size() && packets_[packets_arrived_] == data.text(),
                        "the descriptor yielded a packet that was not the next one");
        ++packets_arrived_;
        return;
    }
    verdict_.expect(log_.compare(arrived_, data.size(), data.text()) == 0 && arrived_ + data.size() <= log_.size(),
                    "the descriptor yielded bytes that were not the next ones");
    arrived_ += data.size();
    while (chunks_arrived_ < chunk_ends_.size() && chunk_ends_[chunks_arrived_] <= arrived_)
        ++chunks_arrived_;
}

bool traffic::ambiguous(std::string_view wire) const
{
    return std::ranges::any_of(sends_, [&](const sending& s) {
        return !s.done && (packets ? s.wire == wire : one_begins_the_other(s.wire, wire));
    });
}

sending* traffic::begin(std::string wire)
{
    sends_.push_back({std::move(wire)});
    return &sends_.back();
}

void traffic::sent(sending* s, std::size_t size)
{
    verdict_.expect(size == s->wire.size(), "a send that succeeded reports another size");
    // An empty send completes immediately.
    verdict_.expect(s->done || (!packets && s->wire.empty()), "a send succeeded, but not all of it went out");
    std::erase_if(sends_, [&](const sending& x) { return &x == s; });
}

void traffic::gave_up(sending* s, std::size_t size)
{
    if (size == 0) {
        verdict_.expect(!s->done, "a send reports that nothing of it has left, but it went out");
        std::erase_if(sends_, [&](const sending& x) { return &x == s; });
        match(); // the bytes on the wire must belong to another send
        return;
    }
    verdict_.expect(!packets, "a part of a packet was sent");
    verdict_.expect(size < s->wire.size(), "a send failed, but reports that all of it has left");
    verdict_.expect(s->done || (fits(*s) && unmatched_.size() >= size),
                    "a send reports more bytes than have left of it");
    if (s->done)
        std::erase_if(sends_, [&](const sending& x) { return &x == s; });
    else
        std::erase_if(sends_, [&](const sending& x) { return &x != s && x.unknown; });
    // The rest must come before anything else. `match` checks that the next bytes belong to it, because no other send
    // begins like it.
}

void traffic::vanished(sending* s)
{
    if (s->done || packets || unmatched_.empty() || !fits(*s))
        std::erase_if(sends_, [&](const sending& x) { return &x == s; });
    else
        s->unknown = true;
}

bool traffic::may_remain(std::size_t count, bool under_way) const
{
    const auto remains = [&](std::size_t begun) {
        return count == begun || (under_way && std::ranges::any_of(sends_, [&](const sending& s) {
                                      return !s.done && count == begun + s.wire.size();
                                  }));
    };
    if (unmatched_.empty())
        return remains(0);
    // A few bytes may be the beginning of several sends.
    return std::ranges::any_of(sends_,
                               [&](const sending& s) { return fits(s) && remains(s.wire.size() - unmatched_.size()); });
}

std::size_t traffic::in_transit() const noexcept
{
    if (!packets)
        return log_.size() - arrived_ + (chunk_ends_.size() - chunks_arrived_) * connection_kind::send_cost;
    std::size_t sum = 0;
    for (std::size_t i = packets_arrived_; i < packets_.size(); ++i)
        sum += packets_[i].size() + connection_kind::send_cost;
    return sum;
}

void traffic::deliver(std::string_view data, std::size_t skip, std::size_t consumed)
{
    verdict_.expect(consumed <= arrived_ - delivered_, "more was delivered than the descriptor yielded");
    verdict_.expect(data.size() + skip <= consumed && available().substr(skip, data.size()) == data,
                    "other bytes were delivered than were sent");
    delivered_ = std::min(delivered_ + consumed, arrived_);
}

bool traffic::may_show(std::string_view shown, std::size_t since) const
{
    if (shown.empty())
        return true;
    if (packets)
        return std::ranges::any_of(packets_, [&](const std::string& p) { return p.starts_with(shown); });
    const std::size_t at = log_.find(shown, since);
    return at != std::string::npos && at <= delivered_ && at + shown.size() <= arrived_;
}

} // namespace ferrule::testing::kit
