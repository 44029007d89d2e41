#include <ferrule/testing/schedules.hpp>

#include "src/testing/schedule.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <thread>

namespace ferrule::testing {
namespace kit {

schedule::schedule(const connection_kind& kind, std::uint64_t seed)
    : kind_(kind),
      dice_(seed),
      traffic_{traffic(kind.transfers, verdict_), traffic(kind.transfers, verdict_)},
      contexts_(dice_.one_in(8)),
      seed_(seed),
      separate_(dice_.one_in(kind.two_way ? 8 : 2)),
      slow_(dice_.one_in(32))
{
    auto there = kind.connect();
    for (std::size_t i = 0; i < 2; ++i) {
        end& e = ends_[i];
        e.out = i == 0 || kind.two_way || separate_ ? &traffic_[i] : nullptr;
        e.in = i == 1 || kind.two_way || separate_ ? &traffic_[1 - i] : nullptr;
        e.script = std::make_shared<moody>(seed ^ (i + 1), e.in, e.out);
    }
    const auto descriptor_of = [&](std::size_t i, descriptor& d) {
        return descriptor(scripted(std::move(d), ends_[i].script));
    };
    if (kind.two_way && !separate_) {
        for (std::size_t i = 0; i < 2; ++i) {
            const duplex both(descriptor_of(i, i == 0 ? there.first : there.second));
            ends_[i].from = both;
            ends_[i].to = both;
        }
        return;
    }
    ends_[0].to = writer(descriptor_of(0, there.first));
    ends_[1].from = reader(descriptor_of(1, there.second));
    if (separate_) {
        auto back = kind.connect();
        ends_[1].to = writer(descriptor_of(1, back.first));
        ends_[0].from = reader(descriptor_of(0, back.second));
    }
}

schedule::~schedule()
{
    contexts_.end(); // because handlers refer to this object
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
        if (dice_.one_in(12))
            settle_for_good();
        else if (dice_.one_in(120))
            end_context();
        else
            contexts_.inside([this] { step(); });
        contexts_.inside([this] { check(); });
    }
    finale();
}

void schedule::step()
{
    end& e = ends_[dice_(2)];
    switch (dice_(24)) {
    case 0:
    case 1:
    case 2:
        log("poll one");
        (void)contexts_.poll_one(dice_(2));
        return;
    case 3:
    case 4: return cancel_some();
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
    case 11:
        if (!e.closed && dice_.one_in(3))
            return separate_ && dice_.one_in(2) ? join(e) : hand_over(e);
        return;
    case 12:
        if (slow_)
            be_slow();
        return;
    default: break;
    }
    // A small number at a time, because more calls make the outcome less predictable.
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
        return verdict_.expect(e.closed || r.handed_over || (!reads && e.half_closed && !e.to.is_open()),
                               "nobody has closed it");
    if (ec == moody::failure()) {
        std::size_t& failures = e.script->failures[reads ? 0 : 1];
        verdict_.expect(failures != 0, "a failure is reported twice");
        failures -= failures != 0 ? 1 : 0;
        return;
    }
    if (reads && (ec == errc::end_of_stream || ec == errc::truncated)) {
        verdict_.expect(t.writer_ended, "the peer has not ended");
        // The answer to an asynchronous call may precede bytes that were taken off later.
        verdict_.expect(!t.complete || t.all_read(), "the end was reported before the last byte");
        verdict_.expect(ec == errc::truncated || !t.complete || t.drained(), "a clean end with a rest");
        return;
    }
    if (ec.category() != error_category() && (ends_[1 - r.end].closed || e.half_closed))
        return; // the system's report about a closed peer
    verdict_.fail("unexpected: " + ec.what());
}

void schedule::settle()
{
    std::size_t all = 0;
    for (std::size_t ran = 1; ran != 0;) {
        ran = 0;
        for (std::size_t i = 0; i < 2; ++i)
            ran += contexts_.poll_one(i); // in turn, because one may wait for the other
        all += ran;
        if (all >= 1'000'000)
            return verdict_.fail("an operation runs and runs without getting anywhere");
    }
}

// The event that should have happened by now, or null if none is missing.
const char* schedule::still_to_come() const
{
    for (const record& r : pending_) {
        const end& e = ends_[r->end];
        const bool reads = r->side() == direction::read;
        const traffic& t = reads ? *e.in : *e.out;
        if (e.closed || r->handed_over)
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

// Threads of the system or the library need a moment to notify a context.
void schedule::settle_for_good()
{
    const auto late = std::chrono::steady_clock::now() + timeout;
    contexts_.inside([this] { log("settle"); });
    for (bool settled = false; !settled; std::this_thread::yield()) {
        settle();
        contexts_.inside([&] {
            const char* const missing = still_to_come();
            settled = missing == nullptr || !verdict_.problem.empty();
            if (!settled && std::chrono::steady_clock::now() > late)
                verdict_.fail(missing);
        });
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
        if (r.other != nullptr)
            r.other->cancelled = true;
        // By default coroutines react to the first type only.
        r.signal->emit(types[r.how == style::awaitable ? 0 : dice_(3)]);
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
    contexts_.inside([this] { log("a context ends"); });
    contexts_.replace(dice_(2));
}

// Makes a slow turn. Waiters for this context must proceed without it meanwhile.
void schedule::be_slow()
{
    log("a slow turn");
    asio::post(contexts_[dice_(2)], [for_so_long = std::chrono::microseconds(500 + dice_(2500))] {
        const auto late = std::chrono::steady_clock::now() + for_so_long;
        while (std::chrono::steady_clock::now() < late)
            ;
    });
}

// Receives what has arrived, and pushes what has not left. Returns whether nothing more is expected.
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
    contexts_.inside([this] {
        log("finale");
        for (end& e : ends_)
            e.script->calm();
    });
    settle();
    contexts_.inside([this] { cancel_what_waits(); });
    settle();
    const auto late = std::chrono::steady_clock::now() + timeout;
    for (bool done = false; !done; settle())
        contexts_.inside([&] {
            check();
            done = wound_up();
            if (!done && std::chrono::steady_clock::now() > late)
                verdict_.fail("what was accepted does not arrive, or an operation does not end");
        });
    contexts_.inside([this] {
        check();
        expect_clean_end();
        check();
    });
}

// Cancels calls that would wait for ever, because nothing more is sent or received.
void schedule::cancel_what_waits()
{
    const std::list<record> left = pending_;
    for (const record& r : left)
        if (!r->cancelled && (r->side() == direction::read || ends_[r->end].out->reader_gone))
            cancel(*r);
}

void schedule::expect_clean_end()
{
    if (!kind_.has_end || ends_[0].closed || ends_[1].closed)
        return;
    ends_[0].to.close();
    error_code ec;
    const bytes nothing = ends_[1].from.recv(timeout, ec);
    if (!(ec == errc::end_of_stream))
        verdict_.fail("no clean end at the end: " + ec.message());
}

} // namespace kit

void run_schedule(const connection_kind& kind, std::uint64_t seed, const schedule_options& options)
{
    kit::schedule(kind, seed).run(options.steps);
}

} // namespace ferrule::testing
