#include "src/testing/schedule.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>

namespace ferrule::testing::kit {

namespace {

decode_result decode(call_record::what w, std::string_view stream)
{
    const byte_view buffered(stream);
    return w == call_record::what::multiprocessing ? multiprocessing_bytes().decode(buffered, frame_limits)
                                                   : varint().decode(buffered, frame_limits);
}

/// The number of read bytes that belong to an incomplete message.
std::size_t unfinished(std::string_view held)
{
    const decode_result d = decode(call_record::what::varint, held);
    switch (d.status()) {
    case decode_status::frame: return 0;
    case decode_status::failed: return std::min(held.size(), d.size());
    default: return held.size();
    }
}

} // namespace

void schedule::read_something(end& e)
{
    static constexpr what usual[] = {what::some,
                                     what::some,
                                     what::exactly,
                                     what::into,
                                     what::some_into,
                                     what::varint,
                                     what::varint,
                                     what::varint,
                                     what::multiprocessing,
                                     what::multiprocessing,
                                     what::line,
                                     what::until,
                                     what::silence,
                                     what::next,
                                     what::next,
                                     what::next_line,
                                     what::buffered,
                                     what::unfinished,
                                     what::peek,
                                     what::peek_unfinished};
    const what w = dice_.one_in(30) ? what::all : usual[dice_(std::size(usual))];
    const bool peeks = w == what::peek || w == what::peek_unfinished; // which have no asynchronous call
    if (half_ && peeks)
        return;
    read(e, w, half_ ? style::awaitable : peeks ? style::blocking : all_styles[dice_(3)]);
}

void schedule::read(end& e, what w, style how)
{
    const record r = begin(e, w);
    r->how = how;
    r->n = dice_.one_in(8) ? 20'000 + dice_(30'000) : dice_(dice_.one_in(2) ? 20 : 400);
    r->delivered_before = e.in->delivered();
    const bool alone = !busy(e, direction::read);
    choose_limit(*r);
    const bool reliable = alone && !e.closed && !e.script->fails;
    if (how == style::blocking) {
        if (reliable && satisfiable(*r, *e.in) && dice_.one_in(2)) {
            r->limit = timeout;
            r->may_time_out = false;
        } else {
            r->limit = deadline::now();
            r->may_time_out = true;
            r->possible = reliable && kind_.prompt && !e.script->refuses && satisfiable(*r, *e.in);
        }
    }
    static constexpr const char* names[] = {"recv()",
                                            "recv(n)",
                                            "recv_into",
                                            "recv_some_into",
                                            "recv_until",
                                            "recv_line",
                                            "recv_until_silence",
                                            "recv_all",
                                            "varint recv",
                                            "multiprocessing recv",
                                            "varint next",
                                            "next_line",
                                            "take_partial",
                                            "varint take_partial",
                                            "peek_partial",
                                            "varint peek_partial"};
    log("#" + std::to_string(r->number) + " end " + std::to_string(r->end) + " " + names[static_cast<std::size_t>(w)] +
        " n=" + std::to_string(r->n) + " " + name(how) +
        (r->limit.deadline().is_now()     ? " deadline now"
         : r->limit.deadline().is_never() ? ""
                                          : " deadline"));

    const until limit = r->limit;
    const std::size_t n = r->n;
    reader& from = e.from;
    const auto done = [this, r](const outcome<bytes>& o) { judge_read(*r, o.error, o.value.text()); };
    const auto message = [&](auto framing) {
        message_reader<decltype(framing)> m(from, framing, frame_limits);
        perform<bytes>(
            r, nullptr, [&] { return m.recv(limit); }, [&](auto... token) { return m.async_recv(limit, token...); },
            done);
    };
    const auto next = [this, r](const outcome<std::optional<bytes>>& o) {
        if (o.error || o.value)
            return judge_read(*r, o.error, o.value ? o.value->text() : std::string_view());
        log("    #" + std::to_string(r->number) + ": nothing more");
        judge_error(*r, errc::end_of_stream, 0);
    };
    message_reader<> messages(from, {}, frame_limits);
    switch (w) {
    case what::some:
        if (how == style::blocking && limit.deadline().is_now() && dice_.one_in(2))
            return perform<bytes>(
                r, nullptr,
                [&] {
                    auto b = from.try_recv();
                    if (!b)
                        throw_error(busy(e, direction::read) ? errc::lock_timed_out : errc::timed_out);
                    return std::move(*b);
                },
                [&](auto... token) { return from.async_recv(limit, token...); }, done);
        return perform<bytes>(
            r, nullptr, [&] { return from.recv(limit); },
            [&](auto... token) { return from.async_recv(limit, token...); }, done);
    case what::exactly:
        return perform<bytes>(
            r, nullptr, [&] { return from.recv(n, limit); },
            [&](auto... token) { return from.async_recv(n, limit, token...); }, done);
    case what::into:
    case what::some_into: {
        auto space = std::make_shared<std::vector<std::byte>>(n);
        const std::span<std::byte> to(*space);
        const auto filled = [this, r, space](const outcome<std::size_t>& o) {
            const bool shows = !o.error || o.error == errc::packet_truncated;
            judge_read(*r, o.error, byte_view(*space).text().substr(0, shows ? o.value : 0));
        };
        if (w == what::into)
            return perform<std::size_t>(
                r, space, [&] { return from.recv_into(to, limit); },
                [&](auto... token) { return from.async_recv_into(to, limit, token...); }, filled);
        return perform<std::size_t>(
            r, space, [&] { return from.recv_some_into(to, limit); },
            [&](auto... token) { return from.async_recv_some_into(to, limit, token...); }, filled);
    }
    case what::until:
        return perform<bytes>(
            r, nullptr, [&] { return from.recv_until("\x20", limit); },
            [&](auto... token) { return from.async_recv_until("\x20", limit, token...); }, done);
    case what::line:
        return perform<bytes>(
            r, nullptr, [&] { return from.recv_line(limit); },
            [&](auto... token) { return from.async_recv_line(limit, token...); }, done);
    case what::silence: {
        // Silence that is over at once can be had without waiting.
        const auto gap = std::chrono::microseconds(how == style::blocking ? 0 : 100);
        return perform<bytes>(
            r, nullptr, [&] { return from.recv_until_silence(gap, limit); },
            [&](auto... token) { return from.async_recv_until_silence(gap, limit, token...); }, done);
    }
    case what::all:
        return perform<bytes>(
            r, nullptr, [&] { return from.recv_all(limit); },
            [&](auto... token) { return from.async_recv_all(limit, token...); }, done);
    case what::varint: return message(varint());
    case what::multiprocessing: return message(multiprocessing_bytes());
    case what::buffered:
        return perform<bytes>(
            r, nullptr, [&] { return from.take_partial(limit); },
            [&](auto... token) { return from.async_take_partial(limit, token...); }, done);
    case what::unfinished:
        return perform<bytes>(
            r, nullptr, [&] { return messages.take_partial(limit); },
            [&](auto... token) { return messages.async_take_partial(limit, token...); }, done);
    case what::peek:
        return perform<bytes>(
            r, nullptr, [&] { return from.peek_partial(limit); },
            [&](auto... token) { return from.async_take_partial(limit, token...); }, done);
    case what::peek_unfinished:
        return perform<bytes>(
            r, nullptr, [&] { return messages.peek_partial(limit); },
            [&](auto... token) { return messages.async_take_partial(limit, token...); }, done);
    case what::next:
        return perform<std::optional<bytes>>(
            r, nullptr, [&] { return messages.next(limit); },
            [&](auto... token) { return messages.async_next(limit, token...); }, next);
    case what::next_line:
        return perform<std::optional<bytes>>(
            r, nullptr, [&] { return from.next_line(limit); },
            [&](auto... token) { return from.async_next_line(limit, token...); }, next);
    default: return;
    }
}

bool schedule::satisfiable(const call_record& r, const traffic& t) const
{
    if (r.takes_all_read() || (r.kind == what::exactly && r.n == 0) ||
        ((r.kind == what::into || r.kind == what::some_into) && r.n == 0))
        return true;
    if (!t.complete)
        return false;
    if (t.packets)
        return r.searches() || t.next_packet() != nullptr;
    const std::string_view there = t.available();
    switch (r.kind) {
    case what::some:
    case what::silence:
    case what::some_into: return !there.empty();
    case what::exactly:
    case what::into: return there.size() >= r.n;
    case what::until: return there.find('\x20') != std::string_view::npos;
    case what::line:
    case what::next_line: return there.find('\n') != std::string_view::npos;
    case what::varint:
    case what::next:
    case what::multiprocessing: return decode(r.kind, there).status() != decode_status::need_more;
    default: return false;
    }
}

void schedule::judge_read(const call_record& r, error_code ec, std::string_view data)
{
    traffic& t = *ends_[r.end].in;
    log("    #" + std::to_string(r.number) + ": " + (ec ? ec.what() : std::string("ok")) + ", " +
        std::to_string(data.size()) + " bytes");
    if (t.packets && (!ec || ec == errc::packet_truncated || ec == errc::too_large || ec == errc::unsupported))
        return judge_packet(r, t, ec, data);
    if (!ec)
        return judge_stream(r, t, data);
    verdict_.expect(t.may_show(data, r.delivered_before), "an error shows bytes that had not arrived");
    if (r.is_frame() && (ec == errc::malformed || ec == errc::too_large)) {
        // The answer may precede bytes that were taken off later.
        verdict_.expect(r.contested || r.handed_over || decode(r.kind, t.held()).error() == ec,
                        "a frame was refused that is a good one");
        return;
    }
    judge_error(r, ec, data.size());
}

void schedule::judge_stream(const call_record& r, traffic& t, std::string_view data)
{
    switch (r.kind) {
    case what::silence:
    case what::some: verdict_.expect(!data.empty(), "a receive without a byte"); break;
    case what::exactly:
    case what::into: verdict_.expect(data.size() == r.n, "another number of bytes than asked for"); break;
    case what::some_into:
        verdict_.expect(data.size() <= r.n && (!data.empty() || r.n == 0), "recv_some_into without a byte");
        break;
    case what::until: verdict_.expect(data.find('\x20') == data.size() - 1, "not up to the first separator"); break;
    case what::line:
    case what::next_line:
        verdict_.expect(data.find('\n') == std::string_view::npos &&
                            t.held().substr(0, data.size() + 1).ends_with('\n'),
                        "not a line");
        return t.deliver(data, 0, data.size() + 1);
    case what::all:
        verdict_.expect(t.writer_ended && (!t.complete || data.size() == t.available().size()), "not all");
        break;
    case what::varint:
    case what::next:
    case what::multiprocessing: {
        const decode_result d = decode(r.kind, t.held());
        if (d.status() != decode_status::frame || d.payload() != data.size())
            return verdict_.fail("a message that is not the next frame");
        return t.deliver(data, d.header(), d.header() + d.payload() + d.trailer());
    }
    default: {
        const bool all = r.kind == what::buffered || r.kind == what::peek;
        const std::string_view partial = t.held().substr(0, all ? SIZE_MAX : unfinished(t.held()));
        verdict_.expect(data == partial, "take_partial or peek_partial gave something else than what had been read");
        if (r.peeks())
            return;
        break;
    }
    }
    t.deliver(data, 0, data.size());
}

void schedule::judge_packet(const call_record& r, traffic& t, error_code ec, std::string_view data)
{
    const bool searches = r.searches();
    const bool sized = r.kind == what::exactly || r.kind == what::into || r.kind == what::some_into;
    if (ec == errc::unsupported || searches)
        return verdict_.expect(searches && ec == errc::unsupported, "packets have no separators");
    if (!ec && ((sized && r.n == 0) || (r.takes_all_read() && !t.packet_held())))
        return verdict_.expect(data.empty(), "bytes from nowhere");
    if (!t.packet_held())
        return verdict_.fail("a packet was delivered that had not been read");
    const std::string& packet = *t.next_packet();
    const std::size_t max_size = sized ? r.n : SIZE_MAX;
    if (ec == errc::too_large)
        verdict_.expect(r.is_frame() && packet.size() > frame_limits.max_payload() && packet.starts_with(data),
                        "a packet was refused that is small enough");
    else {
        verdict_.expect(ec.failed() == (packet.size() > max_size), "a packet was cut, or not cut, without a reason");
        verdict_.expect(!r.is_frame() || packet.size() <= frame_limits.max_payload(), "a packet above the limit");
        verdict_.expect(data == std::string_view(packet).substr(0, max_size), "another packet than was sent");
    }
    if (!r.peeks())
        t.deliver_packet();
}

} // namespace ferrule::testing::kit
