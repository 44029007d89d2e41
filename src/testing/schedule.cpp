#include "src/testing/schedule.hpp"

#include <algorithm>
#include <thread>

namespace ferrule::testing {
namespace kit {

schedule::schedule(const connection_kind& kind, std::uint64_t seed)
    : kind_(kind),
      dice_(seed),
      traffic_{traffic(kind.transfers, verdict_), traffic(kind.transfers, verdict_)},
      seed_(seed)
{
    auto made = kind.connect();
    for (std::size_t i = 0; i < 2; ++i) {
        end& e = ends_[i];
        e.out = i == 0 || kind.two_way ? &traffic_[i] : nullptr;
        e.in = i == 1 || kind.two_way ? &traffic_[1 - i] : nullptr;
        e.script = std::make_shared<moody>(seed ^ (i + 1), e.in, e.out);
        descriptor d = scripted(std::move(i == 0 ? made.first : made.second), e.script);
        if (kind.two_way) {
            const duplex both(std::move(d));
            e.from = both;
            e.to = both;
        } else if (i == 0)
            e.to = writer(std::move(d));
        else
            e.from = reader(std::move(d));
        contexts_[i] = std::make_unique<asio::io_context>();
    }
}

schedule::~schedule()
{
    for (auto& c : contexts_)
        c.reset(); // handlers refer to this object
}

void schedule::log(std::string text)
{
    steps_.push_back(std::move(text));
}

void schedule::check()
{
    if (verdict_.problem.empty())
        return;
    std::string text =
        kind_.name + ", random schedule with the seed " + std::to_string(seed_) + ": " + verdict_.problem + ". Steps:";
    for (const std::string& s : steps_)
        text += "\n  " + s;
    throw contract_failure(text);
}

void schedule::run(unsigned steps)
{
    for (unsigned i = 0; i < steps; ++i) {
        step();
        check();
    }
    finale();
    check();
}

void schedule::step()
{
    end& e = ends_[dice_(2)];
    switch (dice_(24)) {
    case 0:
    case 1: log("settle"); return settle_for_good();
    case 2:
    case 3:
    case 4: {
        asio::io_context& c = *contexts_[dice_(2)];
        log("poll one");
        c.restart();
        (void)c.poll_one();
        return;
    }
    case 5:
    case 6: return cancel_some();
    case 7:
        if (dice_.one_in(6))
            end_context();
        return;
    case 8:
        if (dice_.one_in(8) && !e.closed)
            close_end(e);
        return;
    case 9:
        if (dice_.one_in(4) && e.out != nullptr && !e.closed && !e.half_closed && !busy(e, direction::write))
            write_control(e, what::shutdown);
        return;
    case 10:
        if (e.out != nullptr && !e.half_closed)
            write_control(e, what::flush);
        return;
    default: break;
    }
    // Not too many at once: the more, the less can be foretold.
    if (std::ranges::count_if(pending_, [&](const record& r) { return &ends_[r->end] == &e; }) > 5)
        return;
    if (e.in != nullptr && (e.out == nullptr || dice_.one_in(2)))
        read_something(e);
    else if (e.out != nullptr)
        send_something(e);
}

schedule::record schedule::begin(end& e, what w)
{
    const auto r = std::make_shared<call_record>();
    r->number = calls_++;
    r->end = static_cast<std::size_t>(&e - ends_.data());
    r->kind = w;
    for (const record& p : pending_)
        if (p->end == r->end && p->side() == r->side())
            p->contested = r->contested = true;
    return r;
}

bool schedule::busy(const end& e, direction d) const
{
    return std::ranges::any_of(pending_, [&](const record& p) { return &ends_[p->end] == &e && p->side() == d; });
}

void schedule::choose_limit(call_record& r)
{
    std::stop_token stop = dice_.one_in(2) ? r.stop.get_token() : std::stop_token();
    deadline d;
    switch (dice_(12)) {
    case 0: d = deadline::now(); break;
    case 1: d = std::chrono::steady_clock::now() - std::chrono::hours(1); break;
    case 2: d = std::chrono::microseconds(50); break;
    case 3: d = std::chrono::hours(1); break;
    default: break;
    }
    r.may_time_out = !d.is_never() && d < deadline(std::chrono::minutes(1));
    r.limit = until(d, std::move(stop));
}

void schedule::forget(const record& r, bool told)
{
    std::erase(pending_, r);
    if (told)
        return;
    log("    #" + std::to_string(r->number) + ": destroyed");
    if (r->sent != nullptr)
        ends_[r->end].out->vanished(r->sent);
}

void schedule::judge_error(const call_record& r, error_code ec, std::size_t)
{
    const end& e = ends_[r.end];
    const bool reads = r.side() == direction::read;
    const traffic& t = reads ? *e.in : *e.out;
    verdict_.expect(!r.possible || !(ec == condition::timeout), "not done, though it was possible at once");
    if (ec == errc::timed_out)
        return verdict_.expect(r.may_time_out, "timed out without a deadline, or not done in time");
    if (ec == errc::lock_timed_out)
        return verdict_.expect(r.may_time_out && r.contested, "no other operation was under way");
    if (ec == condition::cancelled)
        return verdict_.expect(r.cancelled, "nobody has cancelled it");
    if (ec == errc::closed)
        return verdict_.expect(e.closed, "nobody has closed it");
    if (ec == moody::failure()) {
        std::size_t& failures = e.script->failures[reads ? 0 : 1];
        verdict_.expect(failures != 0, "a failure is reported twice");
        failures -= failures != 0 ? 1 : 0;
        return;
    }
    if (reads && (ec == errc::end_of_stream || ec == errc::truncated)) {
        verdict_.expect(t.writer_ended, "the peer has not ended");
        // The answer to an asynchronous call may be older than what has been taken off since.
        verdict_.expect(!t.complete || t.all_read(), "the end was reported before the last byte");
        verdict_.expect(ec == errc::truncated || !t.complete || t.drained(), "a clean end with a rest");
        return;
    }
    if (ec.category() != error_category() && (ends_[1 - r.end].closed || e.half_closed))
        return; // what the system says of a peer that has gone
    verdict_.fail("unexpected: " + ec.message());
}

void schedule::settle()
{
    std::size_t all = 0;
    for (std::size_t ran = 1; ran != 0;) {
        ran = 0;
        for (auto& c : contexts_) {
            c->restart();
            ran += c->poll_one(); // in turn: one may wait for the other
        }
        all += ran;
        if (all >= 1'000'000)
            return verdict_.fail("an operation runs and runs without getting anywhere");
    }
}

// What should have happened by now; null if nothing is missing.
const char* schedule::still_to_come() const
{
    for (const record& r : pending_) {
        const end& e = ends_[r->end];
        const bool reads = r->side() == direction::read;
        const traffic& t = reads ? *e.in : *e.out;
        if (e.closed)
            return "close() has not answered everybody";
        if (r->cancelled)
            return "a cancelled operation has not ended";
        const bool alone = std::ranges::count_if(pending_, [&](const record& p) {
                               return p->end == r->end && p->side() == r->side();
                           }) == 1;
        if (!alone || !kind_.prompt)
            continue;
        if (reads && satisfiable(*r, t))
            return "a receive has not ended, though everything is there";
        if (!reads && !other(e).closed && t.in_transit() == 0)
            return "a send has not ended, though there is room";
    }
    return nullptr;
}

// Where threads of the system or the library bring the news to a context, that takes them a moment.
void schedule::settle_for_good()
{
    const auto late = std::chrono::steady_clock::now() + patience;
    for (;;) {
        settle();
        const char* const missing = still_to_come();
        if (missing == nullptr || !verdict_.problem.empty())
            return;
        if (std::chrono::steady_clock::now() > late)
            return verdict_.fail(missing);
        std::this_thread::yield();
    }
}

void schedule::cancel(call_record& r)
{
    log("cancel #" + std::to_string(r.number));
    r.cancelled = true;
    if (r.limit.stop().stop_possible())
        r.stop.request_stop();
    else {
        static constexpr asio::cancellation_type types[] = {
            asio::cancellation_type::terminal, asio::cancellation_type::partial, asio::cancellation_type::total};
        // Coroutines listen to the first by default.
        r.signal.emit(types[r.how == style::awaitable ? 0 : dice_(3)]);
    }
}

void schedule::cancel_some()
{
    if (pending_.empty())
        return;
    const record r = *std::next(pending_.begin(), static_cast<std::ptrdiff_t>(dice_(pending_.size())));
    if (!r->cancelled)
        cancel(*r);
}

void schedule::end_context()
{
    log("a context ends");
    auto& c = contexts_[dice_(2)];
    c.reset();
    c = std::make_unique<asio::io_context>();
}

void schedule::close_end(end& e)
{
    log("close end " + std::to_string(&e - ends_.data()));
    const bool writes = e.out != nullptr;
    const bool sends = busy(e, direction::write);
    const std::size_t unsent = writes ? e.to.close() : e.from.close();
    e.closed = true;
    if (writes) {
        verdict_.expect(sends || unsent == e.out->unsent(),
                        "close() reports another number of bytes than did not leave");
        e.out->writer_ended = true;
        const bool ends_first = &e == &ends_[0];
        e.out->complete = kind_.survives_close && (ends_first || kind_.has_end);
    }
    if (e.in != nullptr)
        e.in->reader_gone = true;
}

// Takes what has come, pushes what has not left. Whether nothing more is to be expected.
bool schedule::wound_up()
{
    bool done = true;
    for (end& e : ends_) {
        if (e.out == nullptr || e.closed || e.half_closed)
            continue;
        error_code ec;
        e.to.flush(deadline::now(), ec);
        done = done && (e.out->reader_gone || (!ec && e.out->begun() == 0));
    }
    for (end& e : ends_) {
        if (e.in == nullptr || e.closed)
            continue;
        bool more = true;
        while (more) {
            const record r = begin(e, what::some);
            r->limit = deadline::now();
            r->may_time_out = true;
            r->delivered_before = e.in->delivered();
            perform<bytes>(
                r, nullptr, [&] { return e.from.recv(deadline::now()); },
                [&](auto... token) { return e.from.async_recv(token...); },
                [this, r, &more](const outcome<bytes>& o) {
                    more = !o.error && verdict_.problem.empty();
                    if (!(o.error == errc::timed_out))
                        judge_read(*r, o.error, o.value.text());
                });
        }
        done = done && (e.in->drained() || !e.in->complete);
    }
    return done && pending_.empty();
}

void schedule::finale()
{
    log("finale");
    for (end& e : ends_)
        e.script->calm();
    settle();
    const std::list<record> left = pending_;
    for (const record& r : left)
        if (!r->cancelled && (r->side() == direction::read || ends_[r->end].out->reader_gone))
            cancel(*r);
    settle();
    check();
    const auto late = std::chrono::steady_clock::now() + patience;
    while (!wound_up()) {
        settle();
        check();
        if (std::chrono::steady_clock::now() > late) {
            verdict_.fail("what was accepted does not arrive, or an operation does not end");
            return;
        }
    }
    check();
    if (!kind_.has_end || ends_[0].closed || ends_[1].closed)
        return;
    if (!ends_[0].closed)
        ends_[0].to.close();
    error_code ec;
    const bytes nothing = ends_[1].from.recv(patience, ec);
    if (!(ec == errc::end_of_stream))
        verdict_.fail("no clean end at the end: " + ec.message());
}

} // namespace kit

void run_schedule(const connection_kind& kind, std::uint64_t seed, const schedule_options& options)
{
    kit::schedule(kind, seed).run(options.steps);
}

} // namespace ferrule::testing
