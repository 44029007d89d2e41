// Every schedule of a few waiters, up to states that differ only in how long ago things happened; and simulated crowds.
#include "support/test.hpp"

#include <ferrule/detail/lock_queue.hpp>

#include <deque>
#include <queue>

namespace ferrule::detail {

class lock_queue_inspector {
public:
    static bool late(const lock_waiter& w) { return w.late_; }
    static bool granted(const lock_waiter& w) { return w.granted_; }
    static lock_time called(const lock_waiter& w) { return w.called_; }
    static lock_time overtaken(const lock_waiter& w) { return w.overtaken_; }
    static lock_time asks_at(const lock_waiter& w) { return w.asks_at_; }
    static const lock_waiter* offered(const lock_queue& q) { return q.offered_; }
    static lock_time offer_began(const lock_queue& q) { return q.offer_began_; }
    static lock_time offer_ends(const lock_queue& q) { return q.offer_ends_; }
    static lock_time thrifty_until(const lock_queue& q) { return q.thrifty_until_; }
    static std::vector<const lock_group*> groups(const lock_queue& q)
    {
        std::vector<const lock_group*> v;
        for (const lock_group* g = &q.threads_; g != nullptr; g = g->next_)
            v.push_back(g);
        return v;
    }
    static bool absent(const lock_group& g) { return g.absent_; }
    static std::chrono::nanoseconds latency(const lock_group& g) { return g.latency_; }
    static const lock_waiter* up(const lock_group& g) { return g.up_; }
    static const lock_waiter* probe(const lock_group& g) { return g.probe_; }
    static const lock_waiter* clock(const lock_group& g) { return g.clock_; }
    static std::vector<const lock_waiter*> members(const lock_group& g)
    {
        std::vector<const lock_waiter*> v;
        for (const lock_waiter* w = g.first_; w != nullptr; w = w->next_)
            v.push_back(w);
        return v;
    }
    static std::uint64_t place(const lock_waiter& w) { return w.place_; }
    /// Whether the lock may be kept for it, so that nobody may overtake it for long.
    static bool deserves(const lock_queue& q, const lock_waiter& w, lock_time now)
    {
        for (const lock_group* g : groups(q))
            if (g->context_ == w.context_)
                return !w.late_ && (g == &q.threads_ || q.deserves(*g, now));
        return false;
    }
};

} // namespace ferrule::detail

namespace {

using namespace std::chrono_literals;
using ferrule::detail::lock_group;
using ferrule::detail::lock_queue;
using ferrule::detail::lock_queue_inspector;
using ferrule::detail::lock_time;
using ferrule::detail::lock_waiter;

constexpr std::size_t many = ferrule::test::sanitized ? 1'000 : 10'000;

class test_waiter final : public lock_waiter {
public:
    // 'T': a thread. 'a', 'b': on a context of this name. 'A': on a second strand of context 'a'.
    explicit test_waiter(char k) : lock_waiter(context(k)), kind(k) {}
    void wake() noexcept override { woken = true; }
    ferrule::error_code stay(std::optional<lock_time> t) noexcept override
    {
        timer = t;
        return {};
    }
    bool runs_with(const lock_waiter& other) const noexcept override
    {
        return kind == static_cast<const test_waiter&>(other).kind;
    }

    const char kind;
    bool woken = false;
    bool owner = false;
    std::optional<lock_time> timer;
    lock_time since{};

private:
    static const void* context(char kind)
    {
        static constexpr std::array<char, 2> contexts{};
        return kind == 'T' ? nullptr : &contexts[static_cast<std::size_t>((kind | 0x20) - 'a')];
    }
};

// Waiters of these kinds; a further caller only ever tries.
class world {
public:
    explicit world(const std::string& kinds)
    {
        for (const char kind : kinds)
            waiters.push_back(std::make_unique<test_waiter>(kind));
    }

    enum action : unsigned char { arrive, run, leave, release, barge, barger_releases, pass_a_little, pass_grace };

    bool can(action a, std::size_t i) const
    {
        const test_waiter* w = i < waiters.size() ? waiters[i].get() : nullptr;
        switch (a) {
        case arrive: return !w->owner && !w->waiting() && !lock_queue_inspector::granted(*w);
        case run: return w->woken || (w->waiting() && due(*w));
        case leave: return w->waiting() || lock_queue_inspector::granted(*w);
        case release: return w->owner;
        case barge: return !barger;
        case barger_releases: return barger;
        default: return true;
        }
    }

    void perform(action a, std::size_t i)
    {
        test_waiter* w = i < waiters.size() ? waiters[i].get() : nullptr;
        switch (a) {
        case arrive:
            w->woken = false; // a wake-up of an earlier wait finds nothing to do
            if (queue.try_take(now)) {
                check_overtaking();
                own(w);
            } else {
                w->since = now;
                queue.push(*w, now);
                w->timer = lock_queue::ask_again_at(*w);
            }
            break;
        case run: {
            w->woken = false;
            if (!w->waiting() && !lock_queue_inspector::granted(*w))
                break;
            const bool promised = lock_queue_inspector::granted(*w) ||
                                  lock_queue_inspector::offered(queue) == static_cast<lock_waiter*>(w);
            if (queue.claim(*w, now)) {
                for (const auto& other : waiters)
                    if (!promised && other->waiting() &&
                        lock_queue_inspector::place(*other) < lock_queue_inspector::place(*w) &&
                        lock_queue_inspector::deserves(queue, *other, now))
                        fail("out of turn");
                own(w);
            } else {
                w->timer = lock_queue::ask_again_at(*w);
                if (due(*w))
                    fail("asks again and again");
            }
            break;
        }
        case leave:
            if (queue.withdraw(*w, now))
                own(w);
            w->timer.reset();
            break;
        case release:
            w->owner = false;
            queue.release(now);
            break;
        case barge:
            if (queue.try_take(now)) {
                check_overtaking();
                barger = true;
            }
            break;
        case barger_releases:
            barger = false;
            queue.release(now);
            break;
        case pass_a_little: now += 300us; break;
        case pass_grace: now += lock_queue::grace; break;
        }
        check();
    }

    bool due(const test_waiter& w) const { return w.timer && *w.timer <= now; }

    void own(test_waiter* w)
    {
        w->owner = true;
        w->timer.reset();
    }

    // Nobody may overtake one that has waited long and comes when called.
    void check_overtaking()
    {
        for (const auto& w : waiters)
            if (w->waiting() && lock_queue_inspector::deserves(queue, *w, now) &&
                now - w->since >= lock_queue::max_overtaking)
                fail("overtaken for too long");
    }

    void check()
    {
        int owners = barger ? 1 : 0;
        for (const auto& w : waiters)
            owners += (w->owner || lock_queue_inspector::granted(*w)) ? 1 : 0;
        if (owners > 1)
            fail("two owners");
        if ((owners == 1) != queue.held())
            fail("held without an owner, or the reverse");
        for (const lock_group* g : lock_queue_inspector::groups(queue)) {
            const auto members = lock_queue_inspector::members(*g);
            const auto up = std::ranges::find_if_not(members, [](auto* w) { return lock_queue_inspector::late(*w); });
            if (lock_queue_inspector::up(*g) != (up == members.end() ? nullptr : *up))
                fail("the next of a group is not the first that is not late");
        }
    }

    void fail(const char* why) { problems += std::string(why) + "; "; }

    // Equal keys: equal futures.
    std::string key() const
    {
        std::string k;
        const auto age = [this](lock_time t, auto most) {
            return t == lock_time() ? "-"
                                    : std::to_string(std::min<std::chrono::nanoseconds>(now - t, most).count()) + ',';
        };
        const auto left = [this](lock_time t) { return t <= now ? "-" : std::to_string((t - now).count()) + ','; };
        const auto name = [this](const lock_waiter* w) {
            for (std::size_t i = 0; i < waiters.size(); ++i)
                if (waiters[i].get() == w)
                    return std::to_string(i);
            return std::string("-");
        };
        std::map<std::uint64_t, std::string> places;
        for (const lock_group* g : lock_queue_inspector::groups(queue)) {
            k += lock_queue_inspector::absent(*g) ? 'a' : '-';
            k += std::to_string(lock_queue_inspector::latency(*g).count()) + name(lock_queue_inspector::clock(*g)) +
                 name(lock_queue_inspector::probe(*g));
            for (const lock_waiter* w : lock_queue_inspector::members(*g))
                places[lock_queue_inspector::place(*w)] = name(w);
        }
        for (const auto& [place, who] : places)
            k += who;
        for (const auto& w : waiters) {
            k += w->owner ? 'o' : '-';
            k += w->woken ? 'w' : '-';
            k += lock_queue_inspector::granted(*w) ? 'g' : '-';
            k += lock_queue_inspector::late(*w) ? 'l' : '-';
            if (w->waiting())
                k += age(w->since, lock_queue::max_overtaking) +
                     age(lock_queue_inspector::called(*w), lock_queue::max_offer) +
                     age(lock_queue_inspector::overtaken(*w), lock_queue::rest) +
                     left(lock_queue_inspector::asks_at(*w));
            if (w->timer)
                k += 't' + left(*w->timer);
        }
        if (const auto* o = lock_queue_inspector::offered(queue))
            k += 'O' + name(o) + age(lock_queue_inspector::offer_began(queue), lock_queue::max_offer) +
                 left(lock_queue_inspector::offer_ends(queue));
        return k + left(lock_queue_inspector::thrifty_until(queue)) + (barger ? 'b' : '-');
    }

    // From here on only what has to happen happens, and the strands and contexts `dead` never run: everybody else gets
    // the lock, within a few offers. With traffic, somebody comes by now and then.
    void check_progress(const std::string& dead, bool traffic)
    {
        for (int round = 0; round < 300; ++round) {
            if (traffic && !barger)
                perform(barge, SIZE_MAX);
            if (barger)
                perform(barger_releases, SIZE_MAX);
            for (std::size_t i = 0; i < waiters.size(); ++i)
                if (waiters[i]->owner)
                    perform(release, i);
            bool waiting = false;
            for (std::size_t i = 0; i < waiters.size(); ++i) {
                const bool alive = dead.find(waiters[i]->kind) == std::string::npos;
                if (alive && can(run, i))
                    perform(run, i);
                waiting = waiting || (alive && (waiters[i]->waiting() || waiters[i]->owner));
            }
            if (!waiting)
                return;
            perform(pass_grace, SIZE_MAX);
        }
        fail("somebody waits for ever");
    }

    lock_queue queue;
    std::vector<std::unique_ptr<test_waiter>> waiters;
    lock_time now = lock_time(1s);
    bool barger = false;
    std::string problems;
};

class move {
public:
    move(world::action w, std::size_t n) : a(w), i(n) {}
    world::action a;
    std::size_t i;
};

std::unique_ptr<world> replay(const std::string& kinds, const std::vector<move>& path)
{
    auto w = std::make_unique<world>(kinds);
    for (const move& m : path)
        w->perform(m.a, m.i);
    return w;
}

std::string text(const std::vector<move>& path)
{
    static constexpr std::array<const char*, 8> names{"arrive",          "run",    "leave", "release", "barge",
                                                      "barger releases", "0.3 ms", "grace"};
    std::string s;
    for (const move& m : path)
        s += std::string(names[m.a]) + (m.i < 9 ? " " + std::to_string(m.i) : "") + ", ";
    return s;
}

// Every choice of contexts and strands that never run.
std::vector<std::string> choices_of_dead(const std::string& kinds)
{
    std::vector<std::string> all{""};
    for (const char kind : std::set<char>(kinds.begin(), kinds.end())) {
        if (kind == 'T')
            continue;
        for (std::size_t i = all.size(); i-- > 0;)
            all.push_back(all[i] + kind);
    }
    return all;
}

// A strand that is stuck in a context that runs is seen when somebody comes by; others are seen without.
bool needs_traffic(const std::string& kinds, const std::string& dead)
{
    const auto has = [](const std::string& s, char c) { return s.find(c) != std::string::npos; };
    return has(kinds, 'a') && has(kinds, 'A') && has(dead, 'a') != has(dead, 'A');
}

// Breadth first over all states that can be told apart.
std::size_t explore(const std::string& kinds, std::size_t most_states)
{
    const auto choices = choices_of_dead(kinds);
    std::set<std::string> seen{world(kinds).key()};
    std::deque<std::vector<move>> frontier{{}};
    while (!frontier.empty() && seen.size() < most_states) {
        const auto path = std::move(frontier.front());
        frontier.pop_front();
        std::vector<move> moves;
        for (std::size_t i = 0; i < kinds.size(); ++i)
            for (const auto a : {world::arrive, world::run, world::leave, world::release})
                moves.emplace_back(a, i);
        for (const auto a : {world::barge, world::barger_releases, world::pass_a_little, world::pass_grace})
            moves.emplace_back(a, SIZE_MAX);
        const auto here = replay(kinds, path);
        for (const move& m : moves) {
            if (!here->can(m.a, m.i))
                continue;
            auto next = path;
            next.push_back(m);
            const auto w = replay(kinds, next);
            if (!w->problems.empty())
                FAIL(w->problems << " after: " << text(next));
            if (!seen.insert(w->key()).second)
                continue;
            for (const std::string& dead : choices) {
                const auto future = replay(kinds, next);
                future->check_progress(dead, needs_traffic(kinds, dead));
                if (!future->problems.empty())
                    FAIL(future->problems << " with '" << dead << "' dead after: " << text(next));
            }
            frontier.push_back(std::move(next));
        }
    }
    return seen.size();
}

// Longer ones than can be explored.
void wander(const std::string& kinds, std::size_t walks)
{
    const auto choices = choices_of_dead(kinds);
    ferrule::test::dice roll(1);
    for (std::size_t walk = 0; walk < walks; ++walk) {
        std::vector<move> path;
        auto w = std::make_unique<world>(kinds);
        for (int step = 0; step < 60; ++step) {
            const auto a = static_cast<world::action>(roll(8));
            const std::size_t i = a <= world::release ? roll(static_cast<std::uint32_t>(kinds.size())) : SIZE_MAX;
            if (!w->can(a, i))
                continue;
            path.emplace_back(a, i);
            w->perform(a, i);
            if (!w->problems.empty())
                FAIL(w->problems << " after: " << text(path));
        }
        const std::string& dead = choices[roll(static_cast<std::uint32_t>(choices.size()))];
        w->check_progress(dead, needs_traffic(kinds, dead));
        if (!w->problems.empty())
            FAIL(w->problems << " with '" << dead << "' dead after: " << text(path));
        CHECK(w->problems.empty());
    }
}

// Two threads that take the lock as fast as they can, beside contexts with turns of a given length; in simulated time.
class simulation {
public:
    using duration = std::chrono::nanoseconds;

    explicit simulation(duration hold) : hold_(hold)
    {
        for (thread& t : threads_)
            after(0ns, [&t] { t.arrive(); });
    }
    simulation(const simulation&) = delete;
    simulation& operator=(const simulation&) = delete;

    // One turn after the other, each of at most `turn`; what is to be run runs between them. Its waiter wants the lock again
    // at the next turn.
    class context final : public lock_waiter {
    public:
        context(simulation& s, duration turn, std::uint32_t stream)
            : lock_waiter(this),
              sim_(s),
              turn_(turn),
              roll_(stream)
        {
            run();
        }
        void wake() noexcept override { woken_ = true; }
        ferrule::error_code stay(std::optional<lock_time>) noexcept override { return {}; }

        int times() const { return times_; }
        duration longest_wait() const { return longest_wait_; }

    private:
        void run()
        {
            if (!waiting()) {
                began_ = sim_.now;
                if (sim_.queue.try_take(sim_.now))
                    own();
                else
                    sim_.queue.push(*this, sim_.now);
            } else if (std::exchange(woken_, false) ||
                       lock_queue::ask_again_at(*this).value_or(lock_time::max()) <= sim_.now) {
                if (sim_.queue.claim(*this, sim_.now))
                    own();
            }
            // Half of the turns are as long as can be, which is the worst where all are.
            sim_.after(roll_.one_in(2) ? turn_ : turn_ / 1000 * roll_(1000) + 1us, [this] { run(); });
        }
        void own()
        {
            ++times_;
            longest_wait_ = std::max(longest_wait_, sim_.now - began_);
            woken_ = false;
            sim_.queue.release(sim_.now);
        }

        simulation& sim_;
        const duration turn_;
        ferrule::test::dice roll_;
        int times_ = 0;
        duration longest_wait_{0};
        bool woken_ = false;
        lock_time began_{};
    };

    template <class Predicate>
    void run_until(Predicate done)
    {
        while (!done()) {
            auto next = events_.extract(events_.begin());
            now = next.key();
            next.mapped()();
        }
    }

    int taken() const { return taken_; } // by threads
    double share_of_threads() const
    {
        return static_cast<double>(taken_ * hold_ / 1ns) / static_cast<double>((now - start) / 1ns);
    }

    static constexpr lock_time start{1s};
    lock_queue queue;
    lock_time now = start;

private:
    class thread final : public lock_waiter {
    public:
        explicit thread(simulation& s) : lock_waiter(nullptr), sim_(s) {}
        void wake() noexcept override
        {
            if (!std::exchange(woken_, true))
                sim_.after(5us, [this] { ask(); });
        }
        ferrule::error_code stay(std::optional<lock_time>) noexcept override { return {}; }

        void arrive()
        {
            if (sim_.queue.try_take(sim_.now))
                return own();
            sim_.queue.push(*this, sim_.now);
            sleep();
        }

    private:
        void ask()
        {
            woken_ = false;
            if (sim_.queue.claim(*this, sim_.now))
                own();
            else
                sleep();
        }
        void sleep()
        {
            if (const auto t = lock_queue::ask_again_at(*this))
                sim_.after(std::max<duration>(*t - sim_.now, 0ns), [this] {
                    if (waiting())
                        wake();
                });
        }
        void own()
        {
            sim_.after(sim_.hold_, [this] {
                ++sim_.taken_;
                sim_.queue.release(sim_.now);
                sim_.after(100ns, [this] { arrive(); });
            });
        }

        simulation& sim_;
        bool woken_ = false;
    };

    void after(duration d, std::function<void()> f) { events_.emplace(now + d, std::move(f)); }

    const duration hold_;
    std::multimap<lock_time, std::function<void()>> events_;
    std::array<thread, 2> threads_{thread(*this), thread(*this)};
    int taken_ = 0;
};

} // namespace

TEST_CASE("lock_queue: every schedule of two waiters and a passer-by")
{
    CHECK(explore("Ta", 2 * many) >= 2 * many);
}

TEST_CASE("lock_queue: schedules of a thread and two contexts")
{
    CHECK(explore("Tab", many) >= many);
}

TEST_CASE("lock_queue: schedules of two threads and two contexts")
{
    CHECK(explore("TabT", many) >= many);
}

TEST_CASE("lock_queue: schedules of two contexts without threads")
{
    CHECK(explore("aab", many) >= many);
}

TEST_CASE("lock_queue: schedules of two strands of a context and another context")
{
    CHECK(explore("aAb", many) >= many);
}

TEST_CASE("lock_queue: long random schedules")
{
    for (const char* kinds : {"TaTbaA", "aAbaAb", "TTTaaa"})
        wander(kinds, many / 10);
}

TEST_CASE("lock_queue: a slow context gets a lock that threads hammer within its bound, and leaves them more than half")
{
    std::uint32_t stream = 0;
    for (const std::chrono::nanoseconds turn :
         {100us, 500us, 1'000us, 2'000us, 9'000us, 15'000us, 100'000us, 1'000'000us}) {
        for (const std::chrono::nanoseconds hold : {100us, 1'000us, 30'000us}) {
            simulation sim(hold);
            simulation::context slow(sim, turn, ++stream);
            sim.run_until([&] { return slow.times() == 30; });
            INFO("turns of " << turn / 1us << " us, holds of " << hold / 1us << " us");
            CHECK(slow.longest_wait() <= 7 * turn + 10 * hold + 60ms);
            CHECK(sim.share_of_threads() > 0.55);
        }
    }
}

TEST_CASE("lock_queue: several slow contexts leave threads more than half together, and wait for each other")
{
    simulation sim(1ms);
    simulation::context a(sim, 15ms, 100);
    simulation::context b(sim, 40ms, 101);
    simulation::context c(sim, 2ms, 102);
    sim.run_until([&] { return a.times() >= 30 && b.times() >= 30 && c.times() >= 30; });
    CHECK(sim.share_of_threads() > 0.55);
    for (const auto* each : {&a, &b, &c})
        CHECK(each->longest_wait() <= 3 * (7 * 40ms + 10ms + 60ms));
}

TEST_CASE("lock_queue: the waiters of a stopped context cost one offer together")
{
    for (const int waiters : {1, 500}) {
        simulation sim(1ms);
        std::vector<std::unique_ptr<test_waiter>> stopped;
        REQUIRE(sim.queue.try_take(sim.now));
        for (int i = 0; i < waiters; ++i) {
            stopped.push_back(std::make_unique<test_waiter>('a'));
            sim.queue.push(*stopped.back(), sim.now);
        }
        const lock_time began = sim.now;
        sim.queue.release(sim.now);
        sim.run_until([&] { return sim.taken() > 0; });
        CHECK(sim.now - began <= lock_queue::grace + 2ms);
        sim.run_until([&] { return sim.taken() == 1000; });
        CHECK(sim.now - began <= 1000 * 1ms + lock_queue::grace + 100ms);
        while (!stopped.empty()) { // it goes away
            CHECK_FALSE(sim.queue.withdraw(*stopped.back(), sim.now));
            stopped.pop_back();
        }
    }
}

TEST_CASE("lock_queue: handing over takes as long with many waiters as with few")
{
    const auto time_per_turn = [](std::size_t waiters, bool stopped) {
        std::deque<test_waiter> all;
        std::deque<test_waiter*> order;
        lock_queue queue;
        lock_time now(1s);
        REQUIRE(queue.try_take(now));
        for (std::size_t i = 0; i < waiters; ++i) {
            all.emplace_back((stopped ? "aaaA" : "Taab")[i % 4]);
            order.push_back(&all.back());
            queue.push(all.back(), now);
        }
        now += lock_queue::max_overtaking;
        queue.release(now);
        if (stopped) // all are passed over
            now += lock_queue::grace;
        constexpr int turns = 2000;
        const auto began = std::chrono::steady_clock::now();
        for (int i = 0; i < turns; ++i) {
            now += 1us;
            if (stopped) {
                if (!queue.try_take(now))
                    FAIL("waits for a stopped context");
            } else {
                test_waiter* const w = order.front();
                order.pop_front();
                order.push_back(w);
                if (!queue.claim(*w, now))
                    FAIL("out of turn");
                queue.push(*w, now);
            }
            queue.release(now);
        }
        const auto took = std::chrono::steady_clock::now() - began;
        for (test_waiter* w : order)
            (void)queue.withdraw(*w, now);
        return took / turns;
    };
    for (const bool stopped : {false, true}) {
        const auto few = time_per_turn(10, stopped);
        const auto crowd = time_per_turn(30'000, stopped);
        CAPTURE(stopped, few.count(), crowd.count());
        CHECK(crowd < 20 * few + 10us); // 275 us where the queue is searched; the rest is for caches
    }
}
