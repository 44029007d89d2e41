#include "src/testing/data.hpp"
#include "src/testing/schedule.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>

namespace ferrule::testing::kit {

template <class Writer, class Data>
void schedule::send(const record& r, Writer& w, std::shared_ptr<Data> data, bool in_parts)
{
    const byte_view whole(*data);
    const std::size_t half = in_parts ? whole.size() / 2 : 0;
    const byte_view parts[] = {whole.first(half), whole.subspan(half)};
    const buffers all(in_parts ? std::span<const byte_view>(parts) : std::span<const byte_view>(parts).last(1));
    const until limit = r->limit;
    perform<std::size_t>(
        r, std::move(data), [&] { return w.send(all, limit); },
        [&](auto... token) { return w.async_send(all, limit, token...); },
        [this, r](const outcome<std::size_t>& o) { judge_send(*r, o.error, o.value); });
}

void schedule::send_something(end& e)
{
    traffic& t = *e.out;
    if (e.half_closed || (e.closed && !dice_.one_in(4)))
        return;
    enum class as : unsigned char { bytes, owned_bytes, varint, multiprocessing };
    static constexpr as ways[] = {as::bytes, as::owned_bytes, as::varint, as::varint, as::multiprocessing};
    const as way = ways[dice_(std::size(ways))];
    const bool framed = way == as::varint || way == as::multiprocessing;
    const bool refused = framed && dice_.one_in(40);
    const bool chops = e.script->chops() || other(e).script->chops(); // large messages would take long then
    std::size_t size = dice_.one_in(6) ? dice_(chops ? 600 : 4000) : dice_.one_in(4) ? dice_(4) : dice_(200);
    if (refused)
        size = frame_limits.max_payload() + 1;
    else if (!framed && dice_.one_in(25))
        size = t.packets ? dice_(std::min<std::size_t>(kind_.largest_packet, 20'000))
               : chops   ? dice_(3000)
                         : dice_(90'000);

    bytes payload;
    std::string wire;
    for (int tries = 0;; ++tries) {
        if (tries == 4)
            return;
        payload = pattern(size, static_cast<unsigned>(dice_(1000)));
        wire = std::string(payload.text());
        if (!t.packets && !refused && way == as::varint)
            wire = wire_of<varint>(payload).text();
        if (!t.packets && !refused && way == as::multiprocessing)
            wire = wire_of<multiprocessing_bytes>(payload).text();
        if (refused || (wire.empty() && !t.packets) || !t.ambiguous(wire))
            break;
    }

    std::size_t cost = wire.size() + connection_kind::send_cost + t.in_transit();
    for (const record& p : pending_)
        if (p->end == static_cast<std::size_t>(&e - ends_.data()))
            cost += p->cost;
    if (kind_.drops && cost > kind_.room)
        return;
    e.filled = e.filled || cost > kind_.room;

    const record r = begin(e, what::send);
    r->how = half_ ? style::awaitable : all_styles[dice_(3)];
    r->refused = refused;
    r->cost = wire.size() + connection_kind::send_cost;
    choose_limit(*r);
    if (r->how == style::blocking) {
        const bool reliable = !busy(e, direction::write) && !e.closed && !other(e).closed && t.begun() == 0 &&
                              !e.script->fails && !e.script->refuses && !e.script->chops() && cost <= kind_.room;
        r->limit = deadline::now();
        r->may_time_out = true;
        r->possible = reliable && kind_.prompt && !e.filled;
        if (reliable && dice_.one_in(2)) {
            r->limit = timeout;
            r->may_time_out = false;
        }
    }
    log("#" + std::to_string(r->number) + " end " + std::to_string(r->end) + " send " + std::to_string(size) +
        (way == as::varint            ? " varint "
         : way == as::multiprocessing ? " multiprocessing "
                                      : " bytes ") +
        name(r->how) +
        (r->limit.deadline().is_now()     ? " deadline now"
         : r->limit.deadline().is_never() ? ""
                                          : " deadline"));
    if (!refused)
        r->sent = t.begin(std::move(wire));

    const bool in_parts = dice_.one_in(3);
    switch (way) {
    case as::bytes: return send(r, e.to, std::make_shared<bytes>(std::move(payload)), in_parts);
    case as::varint: {
        message_writer<> m(e.to, {}, frame_limits);
        return send(r, m, std::make_shared<bytes>(std::move(payload)), in_parts);
    }
    case as::multiprocessing: {
        message_writer<multiprocessing_bytes> m(e.to, {}, frame_limits);
        return send(r, m, std::make_shared<bytes>(std::move(payload)), in_parts);
    }
    case as::owned_bytes: {
        const until limit = r->limit;
        return perform<std::size_t>(
            r, nullptr, [&] { return e.to.send(std::move(payload), limit); },
            [&](auto... token) { return e.to.async_send(std::move(payload), limit, token...); },
            [this, r](const outcome<std::size_t>& o) { judge_send(*r, o.error, o.value); });
    }
    }
}

void schedule::write_control(end& e, what w)
{
    const record r = begin(e, w);
    r->how = w == what::shutdown ? style::blocking : all_styles[dice_(3)];
    choose_limit(*r);
    if (r->how == style::blocking) {
        r->limit = deadline::now();
        r->may_time_out = true;
    }
    log("#" + std::to_string(r->number) + " end " + std::to_string(r->end) +
        (w == what::flush ? " flush " : " shutdown_send ") + name(r->how));
    const until limit = r->limit;
    const auto done = [this, r](const outcome<std::size_t>& o) { judge_send(*r, o.error, 0); };
    if (w == what::flush)
        return perform<std::size_t>(
            r, nullptr,
            [&] {
                e.to.flush(limit);
                return std::size_t{0};
            },
            [&](auto... token) { return e.to.async_flush(limit, token...); }, done);
    perform<std::size_t>(
        r, nullptr,
        [&] {
            e.to.shutdown_send(limit);
            return std::size_t{0};
        },
        [&](auto... token) { return e.to.async_shutdown_send(limit, token...); }, done);
}

void schedule::judge_send(const call_record& r, error_code ec, std::size_t size)
{
    end& e = ends_[r.end];
    traffic& t = *e.out;
    log("    #" + std::to_string(r.number) + ": " + (ec ? ec.what() : std::string("ok")) + ", " + std::to_string(size) +
        " bytes left");
    if (r.refused)
        return verdict_.expect(size == 0 && (ec == errc::too_large || r.cancelled),
                               "a message above the limit was sent");
    if (r.sent != nullptr) {
        const bool is_held = t.begun() == 0 && e.to.unsent() != 0; // some of it, by the type itself
        if (ec && size != 0 && r.how == style::blocking && !is_held)
            verdict_.expect(t.begun() == size, "a send reports another number of bytes than have left");
        ec ? t.gave_up(r.sent, size) : t.sent(r.sent, size);
    } else if (!ec) {
        verdict_.expect(r.contested || t.begun() == 0, "flushed, but a part of a frame has not left");
        if (r.kind == what::shutdown) {
            e.half_closed = true;
            t.writer_ended = true;
            if (!e.to.is_open() && !e.from.is_open())
                e.closed = true;
        }
    }
    if (ec && !(r.kind == what::shutdown && ec == errc::unsupported))
        judge_error(r, ec, size);
}

} // namespace ferrule::testing::kit
