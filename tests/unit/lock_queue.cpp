// Every schedule of a few waiters, up to states that differ only in how long ago things happened.
#include "support/catch.hpp"
#include "support/sanitizers.hpp"

#include <ferrule/detail/lock_queue.hpp>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace ferrule::detail {

class lock_queue_inspector {
public:
    static bool slow(const lock_waiter& w) { return w.slow_; }
    static lock_time overtaken(const lock_waiter& w) { return w.overtaken_; }
    static bool granted(const lock_waiter& w) { return w.granted_; }
    static const lock_waiter* offered(const lock_queue& q) { return q.offered_; }
    static lock_time offer_ends(const lock_queue& q) { return q.offer_ends_; }
    static std::vector<const lock_waiter*> order(const lock_queue& q)
    {
        std::vector<const lock_waiter*> v;
        for (const lock_waiter* w = q.first_; w != nullptr; w = w->next_)
            v.push_back(w);
        return v;
    }
};

} // namespace ferrule::detail

namespace {

using namespace std::chrono_literals;
using ferrule::detail::lock_queue;
using ferrule::detail::lock_queue_inspector;
using ferrule::detail::lock_time;

constexpr std::size_t many = ferrule::test::sanitized ? 1'000 : 10'000;

class test_waiter final : public ferrule::detail::lock_waiter {
public:
    explicit test_waiter(const void* context) : lock_waiter(context), asynchronous(context != nullptr) {}
    void wake() noexcept override { woken = true; }
    ferrule::error_code stay(std::optional<lock_time> t) noexcept override
    {
        timer = t;
        return {};
    }

    const bool asynchronous;
    bool woken = false;
    bool owner = false;
    std::optional<lock_time> timer;
    lock_time since{};
};

// Waiter 0 and 3 are threads, 1 and 2 run on a context each; a further caller only ever tries.
class world {
public:
    explicit world(std::size_t n)
    {
        static constexpr std::array<const void*, 4> contexts{nullptr, "a", "b", nullptr};
        for (std::size_t i = 0; i < n; ++i)
            waiters.push_back(std::make_unique<test_waiter>(contexts[i]));
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
                check_overtaking(nullptr);
                own(w);
            } else {
                w->since = now;
                queue.push(*w, now);
                w->timer = queue.ask_again_at(*w);
            }
            break;
        case run: {
            w->woken = false;
            if (!w->waiting() && !lock_queue_inspector::granted(*w))
                break;
            const auto before = lock_queue_inspector::order(queue);
            const bool was_granted = lock_queue_inspector::granted(*w);
            std::vector<const ferrule::detail::lock_waiter*> awake_before_it;
            for (const auto* other : before) {
                if (other == w)
                    break;
                if (!lock_queue_inspector::slow(*other))
                    awake_before_it.push_back(other);
            }
            if (queue.claim(*w, now)) {
                if (!was_granted) { // overtaken were only those that did not come when called
                    for (const auto* other : awake_before_it)
                        if (!lock_queue_inspector::slow(*other))
                            fail("out of turn");
                }
                own(w);
            } else
                w->timer = queue.ask_again_at(*w);
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
                check_overtaking(nullptr);
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
    void check_overtaking(const test_waiter* by)
    {
        for (const auto& w : waiters)
            if (w.get() != by && w->waiting() && !lock_queue_inspector::slow(*w) &&
                now - w->since >= lock_queue::patience)
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
    }

    void fail(const char* why) { problems += std::string(why) + "; "; }

    // Equal keys: equal futures.
    std::string key() const
    {
        std::string k;
        const auto clip = [](auto d, auto most) { return std::to_string(std::min(d, decltype(d)(most)).count()); };
        for (const auto* w : lock_queue_inspector::order(queue))
            for (std::size_t i = 0; i < waiters.size(); ++i)
                if (waiters[i].get() == w)
                    k += std::to_string(i);
        for (const auto& w : waiters) {
            k += w->owner ? 'o' : '-';
            k += w->woken ? 'w' : '-';
            k += lock_queue_inspector::granted(*w) ? 'g' : '-';
            k += lock_queue_inspector::slow(*w) ? 's' : '-';
            if (w->waiting())
                k += clip(now - w->since, lock_queue::patience) + 'v' +
                     clip(now - lock_queue_inspector::overtaken(*w), lock_queue::rest);
            if (w->timer)
                k += 't' + clip(std::max(*w->timer - now, lock_time::duration::zero()), lock_queue::grace);
        }
        if (const auto* o = lock_queue_inspector::offered(queue)) {
            for (std::size_t i = 0; i < waiters.size(); ++i)
                if (waiters[i].get() == o)
                    k += 'O' + std::to_string(i);
            k += clip(std::max(lock_queue_inspector::offer_ends(queue) - now, lock_time::duration::zero()),
                      lock_queue::grace);
        }
        k += barger ? 'b' : '-';
        return k;
    }

    // From here on only what has to happen happens, and the context of waiter `dead` never runs: everybody else gets the
    // lock, within a few grace periods.
    void check_progress(std::size_t dead)
    {
        const auto alive = [&](std::size_t i) { return i != dead || !waiters[i]->asynchronous; };
        for (int round = 0; round < 40; ++round) {
            if (barger)
                perform(barger_releases, SIZE_MAX);
            for (std::size_t i = 0; i < waiters.size(); ++i)
                if (waiters[i]->owner)
                    perform(release, i);
            bool waiting = false;
            for (std::size_t i = 0; i < waiters.size(); ++i) {
                if (alive(i) && can(run, i))
                    perform(run, i);
                waiting = waiting || (alive(i) && (waiters[i]->waiting() || waiters[i]->owner));
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

std::unique_ptr<world> replay(std::size_t n, const std::vector<move>& path)
{
    auto w = std::make_unique<world>(n);
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

// Breadth first over all states that can be told apart.
std::size_t explore(std::size_t n, std::size_t most_states)
{
    std::set<std::string> seen{world(n).key()};
    std::deque<std::vector<move>> frontier{{}};
    while (!frontier.empty() && seen.size() < most_states) {
        const auto path = std::move(frontier.front());
        frontier.pop_front();
        std::vector<move> moves;
        for (std::size_t i = 0; i < n; ++i)
            for (const auto a : {world::arrive, world::run, world::leave, world::release})
                moves.emplace_back(a, i);
        for (const auto a : {world::barge, world::barger_releases, world::pass_a_little, world::pass_grace})
            moves.emplace_back(a, SIZE_MAX);
        const auto here = replay(n, path);
        for (const move& m : moves) {
            if (!here->can(m.a, m.i))
                continue;
            auto next = path;
            next.push_back(m);
            const auto w = replay(n, next);
            if (!w->problems.empty())
                FAIL(w->problems << " after: " << text(next));
            if (!seen.insert(w->key()).second)
                continue;
            for (std::size_t dead = 0; dead < n; ++dead) {
                const auto future = replay(n, next);
                future->check_progress(dead);
                if (!future->problems.empty())
                    FAIL(future->problems << " with waiter " << dead << " dead after: " << text(next));
            }
            frontier.push_back(std::move(next));
        }
    }
    return seen.size();
}

} // namespace

TEST_CASE("lock_queue: every schedule of two waiters and a passer-by")
{
    const auto states = explore(2, SIZE_MAX);
    CHECK(states > 300); // all of them
}

TEST_CASE("lock_queue: schedules of a thread and two contexts")
{
    CHECK(explore(3, 5 * many) >= 5 * many); // all there are take some seconds more
}

TEST_CASE("lock_queue: schedules of two threads and two contexts")
{
    CHECK(explore(4, 3 * many) >= 3 * many);
}
