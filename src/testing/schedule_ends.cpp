// Operations on whole ends: close, join and handover.
#include "src/testing/schedule.hpp"

#include <algorithm>

namespace ferrule::testing::kit {

void schedule::close_end(end& e)
{
    const record sends = send_under_way(e);
    const record r = begin(e, what::close);
    r->how = all_styles[dice_(3)];
    if (r->how == style::blocking)
        r->limit = dice_.one_in(2) ? until(deadline::now()) : until(std::chrono::microseconds(50));
    else
        choose_limit(*r);
    r->waits_for = r->limit.deadline().is_never() ? sends : nullptr;
    log("#" + std::to_string(r->number) + " close end " + std::to_string(r->end) + " " + name(r->how));
    const until limit = r->limit;
    const auto done = [this, r, &e](const outcome<std::size_t>& o) {
        log("    #" + std::to_string(r->number) + ": " + std::to_string(o.value) + " bytes did not leave");
        if (o.error) // Asio does not start in a coroutine that was cancelled before
            return verdict_.expect(o.error == condition::cancelled && r->cancelled && !r->limit.stop().stop_possible(),
                                   "close() fails");
        if (r->handed_over) // already closed, and the tail was given away
            return verdict_.expect(o.value == 0, "close() counts what was given away");
        verdict_.expect(r->cancelled || e.closed || std::ranges::find(pending_, r->waits_for) == pending_.end(),
                        "close() has not waited for a send");
        closed(e, o.value);
    };
    endpoint& used = e.out != nullptr ? static_cast<endpoint&>(e.to) : e.from;
    perform<std::size_t>(
        r, nullptr, [&] { return used.close(limit); }, [&](auto... token) { return used.async_close(limit, token...); },
        done);
}

// The send that certainly holds its direction: it has begun and does not wait for another call. Null if there is none.
schedule::record schedule::send_under_way(const end& e) const
{
    record found;
    for (const record& p : pending_) {
        if (&ends_[p->end] != &e || p->side() != direction::write)
            continue;
        // A failed send is still pending until its handler runs, which may be after the handler of the close.
        if (found || p->contested || p->how != style::callback || p->sent == nullptr || p->may_time_out || p->refused)
            return nullptr;
        found = p;
    }
    return found;
}

void schedule::closed(end& e, std::size_t unsent)
{
    e.from.close(); // if it is a separate channel
    if (e.closed)
        return verdict_.expect(unsent == 0, "closing again reports that something did not leave");
    e.closed = true;
    if (e.out != nullptr) {
        verdict_.expect(e.half_closed || e.out->may_remain(unsent, busy(e, direction::write)),
                        "close() reports another number of bytes than did not leave");
        e.out->writer_ended = true;
        const bool ends_first = separate_ || &e == &ends_[0];
        e.out->complete = kind_.survives_close && (ends_first || kind_.has_end);
    }
    if (e.in != nullptr)
        e.in->reader_gone = true;
}

// Marks the calls under way at an end, which find it closed.
void schedule::orphan(const end& e, std::optional<direction> only)
{
    for (const record& p : pending_)
        if (&ends_[p->end] == &e && (!only || p->side() == *only))
            p->handed_over = true;
}

// Releases the handle and adopts it again, as if it came from elsewhere.
void schedule::hand_over(end& e)
{
    const bool one = e.from.channel() == e.to.channel();
    const bool reads = e.in != nullptr && (one || e.out == nullptr || dice_.one_in(2));
    const bool writes = one || !reads;
    endpoint& used = reads ? static_cast<endpoint&>(e.from) : e.to;
    if (!kind_.can_be_adopted || used.native_handle() == invalid_handle)
        return;
    error_code ec;
    auto [handle, left] =
        used.release(dice_.one_in(2) ? until(deadline::now()) : until(std::chrono::microseconds(50)), ec);
    log("release end " + std::to_string(&e - ends_.data()) + ": " + (ec ? ec.what() : std::string("ok")) + ", " +
        std::to_string(left.size()) + " bytes left over");
    const bool in_use = std::ranges::any_of(pending_, [&](const record& p) {
        return &ends_[p->end] == &e && (p->kind == what::close || (p->side() == direction::read ? reads : writes));
    });
    if (ec == errc::torn)
        return verdict_.expect(writes && e.out->begun() != 0, "nothing would be torn");
    if (ec)
        return verdict_.expect(in_use && ec == condition::timeout, "an end is not released that is idle");
    verdict_.expect(!writes || e.out->begun() == 0, "released, though a part of a frame has not left");
    verdict_.expect(!used.is_open(), "released, and open");
    if (reads && e.in->packets) {
        verdict_.expect(left.text() == (e.in->packet_held() ? *e.in->next_packet() : std::string()),
                        "another packet is left over than was read");
        if (e.in->packet_held())
            e.in->deliver_packet();
    } else if (reads) {
        verdict_.expect(left.size() == e.in->held().size(), "not all that was read is left over");
        e.in->deliver(left.text(), 0, left.size());
    }
    orphan(e, one ? std::optional<direction>() : reads ? direction::read : direction::write);
    descriptor d = scripted(adopt(handle), e.script);
    if (one) {
        const duplex both(std::move(d));
        e.from = both;
        e.to = both;
    } else if (reads)
        e.from = reader(std::move(d));
    else
        e.to = writer(std::move(d));
}

// Joins the two descriptors of an end.
void schedule::join(end& e)
{
    if (e.from.channel() == e.to.channel())
        return;
    const bool idle = !busy(e, direction::read) && !busy(e, direction::write);
    error_code ec;
    const reader from = e.from; // copies, which must be closed too
    const writer to = e.to;
    try {
        const duplex joined(e.from, e.to);
        e.from = joined;
        e.to = joined;
        orphan(e, {});
    } catch (const error& x) {
        ec = x.code();
    }
    log("join end " + std::to_string(&e - ends_.data()) + ": " + (ec ? ec.what() : std::string("ok")));
    verdict_.expect(from.is_open() == (ec.failed()) && (to.is_open() == ec.failed() || e.half_closed),
                    "joined ends stay open, or others do not");
    verdict_.expect(!ec || (ec == errc::busy && !idle) || (ec == errc::closed && !to.is_open()),
                    "idle ends are not joined");
}

} // namespace ferrule::testing::kit
