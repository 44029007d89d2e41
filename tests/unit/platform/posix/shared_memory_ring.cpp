// The words of a ring, in every order in which two sides can come to them.
#include "support/sanitizers.hpp"
#include "support/test.hpp"

#include "platform/shared_memory/ring.hpp"

#include <array>
#include <set>
#include <ucontext.h>
#include <vector>

#if !defined(FERRULE_THREAD_SANITIZER) && !defined(FERRULE_ADDRESS_SANITIZER) // which know one stack per thread

namespace {

using shared_memory::ring_side;
using shared_memory::ring_state;

/// Two programs on one thread, which change places where they touch a shared word. Every order is tried, except orders that
/// lead to a state that was seen: what each has read so far, and what the words hold.
class explorer {
public:
    using program = void (*)();

    /// Returns what has gone wrong, or nothing.
    std::string explore(program first, program second, void (*begin)())
    {
        programs_ = {first, second};
        do {
            begin();
            run();
            ++runs;
        } while (problem_.empty() && next_path());
        return problem_;
    }

    /// Before a shared word is touched.
    void step()
    {
        ++fibers_[current_].steps;
        ::swapcontext(&fibers_[current_].context, &own_);
    }
    /// What the running program has learnt.
    void learn(std::uint64_t value)
    {
        fibers_[current_].history = fibers_[current_].history * 1'099'511'628'211u + value + 1;
    }
    /// Blocks the running program until its bell rings.
    void sleep()
    {
        fibers_[current_].sleeps = true;
        step();
    }
    void ring_other() { fibers_[1 - current_].bell = true; }
    void fail(const std::string& what) { problem_ = what; }

    [[nodiscard]] std::size_t states() const noexcept { return seen_.size(); }

    std::vector<std::uint64_t*> words;
    std::size_t runs = 0;

private:
    struct fiber {
        ucontext_t context;
        std::array<char, 64 * 1024> stack;
        std::uint64_t steps = 0;
        std::uint64_t history = 0;
        bool sleeps = false;
        bool bell = false;
        bool is_over = false;
    };
    static void enter();

    void run()
    {
        for (fiber& f : fibers_) {
            f.steps = f.history = 0;
            f.sleeps = f.bell = f.is_over = false;
            ::getcontext(&f.context);
            f.context.uc_stack.ss_sp = f.stack.data();
            f.context.uc_stack.ss_size = f.stack.size();
            f.context.uc_link = nullptr;
            ::makecontext(&f.context, &explorer::enter, 0);
        }
        for (std::size_t depth = 0;; ++depth) {
            std::vector<std::size_t> able;
            for (const std::size_t i : {0u, 1u}) {
                fiber& f = fibers_[i];
                if (!f.is_over && (!f.sleeps || f.bell))
                    able.push_back(i);
            }
            if (able.empty()) {
                if (!fibers_[0].is_over || !fibers_[1].is_over)
                    problem_ = "somebody sleeps for ever";
                return;
            }
            if (depth == path_.size()) {
                if (!seen_.insert(state()).second)
                    return; // what follows was seen
                path_.push_back({0, able.size()});
            }
            current_ = able[path_[depth].chosen];
            fiber& f = fibers_[current_];
            if (f.sleeps)
                f.sleeps = f.bell = false;
            ::swapcontext(&own_, &f.context);
            if (!problem_.empty())
                return;
        }
    }
    bool next_path()
    {
        while (!path_.empty() && path_.back().chosen + 1 == path_.back().choices)
            path_.pop_back();
        if (path_.empty())
            return false;
        ++path_.back().chosen;
        return true;
    }
    [[nodiscard]] std::vector<std::uint64_t> state() const
    {
        std::vector<std::uint64_t> s;
        for (const fiber& f : fibers_)
            s.insert(s.end(), {f.steps, f.history, f.sleeps ? 1u : 0u, f.bell ? 1u : 0u, f.is_over ? 1u : 0u});
        for (const std::uint64_t* w : words)
            s.push_back(*w);
        return s;
    }

    struct choice {
        std::size_t chosen;
        std::size_t choices;
    };
    std::array<program, 2> programs_{};
    std::array<fiber, 2> fibers_;
    std::size_t current_ = 0;
    ucontext_t own_{};
    std::vector<choice> path_;
    std::set<std::vector<std::uint64_t>> seen_;
    std::string problem_;
};

explorer* world = nullptr;

void explorer::enter()
{
    explorer& w = *world;
    w.programs_[w.current_]();
    w.fibers_[w.current_].is_over = true;
    ::swapcontext(&w.fibers_[w.current_].context, &w.own_);
}

/// A shared word whose every use is a step.
class word {
public:
    word() { world->words.push_back(&value_); }
    std::uint64_t load()
    {
        world->step();
        world->learn(value_);
        return value_;
    }
    void store(std::uint64_t v)
    {
        world->step();
        world->learn(1u);
        value_ = v;
    }
    std::uint64_t exchange(std::uint64_t v)
    {
        world->step();
        world->learn(value_);
        return std::exchange(value_, v);
    }

private:
    std::uint64_t value_ = 0;
};

constexpr std::uint64_t capacity = 2;
std::optional<ring_state<word>> state;
std::array<std::uint64_t, capacity> data;

/// Sleeps until bytes can be moved, as a stream does. Returns false at the end.
template <direction Side>
bool wait(ring_side<word, Side>& side)
{
    while (side.available() == 0) {
        if (!side.look())
            world->fail("a true word is refused");
        if (side.available() != 0)
            return true;
        if (side.peer_has_ended()) {
            (void)side.look();
            return side.available() != 0;
        }
        side.announce_wait();
        (void)side.look();
        if (side.available() == 0 && !side.peer_has_ended())
            world->sleep();
        (void)side.end_wait();
    }
    return true;
}

/// Writes so many bytes, more than the ring holds, unless the reader goes. Ends, or just stops.
void write(std::uint64_t count, bool ends)
{
    ring_side<word, direction::write> side(*state, capacity);
    for (std::uint64_t i = 1; i <= count; ++i) {
        if (!wait(side))
            return; // the reader has gone
        data[side.position()] = i;
        if (side.advance(1))
            world->ring_other();
    }
    if (ends && side.end())
        world->ring_other();
}

/// Reads so many bytes, or up to the end, which must come behind `last`, and goes.
void read(std::uint64_t last, bool to_the_end)
{
    ring_side<word, direction::read> side(*state, capacity);
    std::uint64_t next = 1;
    for (; (to_the_end || next <= last) && wait(side); ++next) {
        if (data[side.position()] != next)
            world->fail("another byte than was written");
        if (side.advance(1))
            world->ring_other();
    }
    if (next != last + 1)
        world->fail("the end comes before the last byte");
    if (side.end())
        world->ring_other();
}

void begin()
{
    world->words.clear();
    state.emplace();
    data = {};
    world->words.insert(world->words.end(), {&data[0], &data[1]});
}

std::string explore(explorer::program writer, explorer::program reader)
{
    explorer w;
    world = &w;
    const std::string problem = w.explore(writer, reader, &begin);
    CAPTURE(w.runs, w.states());
    CHECK(w.runs > 100); // of which each has reached something new
    world = nullptr;
    return problem;
}

} // namespace

TEST_CASE("shared memory: the end comes behind the last byte, in whatever order the sides go")
{
    CHECK(explore([] { write(3, true); }, [] { read(3, true); }) == "");
}

TEST_CASE("shared memory: nobody sleeps beside bytes or room, in whatever order the sides go")
{
    CHECK(explore([] { write(3, false); }, [] { read(3, false); }) == "");
}

TEST_CASE("shared memory: a writer that waits learns that the reader has gone, in whatever order the sides go")
{
    CHECK(explore([] { write(4, true); }, [] { read(1, false); }) == "");
}

#endif

TEST_CASE("shared memory: words that the peer cannot have written are refused")
{
    using shared_memory::ring_side;
    struct plain {
        std::uint64_t value = 0;
        [[nodiscard]] std::uint64_t load() const { return value; }
        void store(std::uint64_t v) { value = v; }
        std::uint64_t exchange(std::uint64_t v) { return std::exchange(value, v); }
    };
    shared_memory::ring_state<plain> s;
    ring_side<plain, direction::write> w(s, 16);
    ring_side<plain, direction::read> r(s, 16);
    CHECK(w.available() == 16);
    CHECK(r.available() == 0);
    s.reader.moved.value = 1; // before there was anything
    CHECK_FALSE(w.look());
    CHECK(w.available() == 16);
    s.reader.moved.value = 0;
    CHECK_FALSE(w.advance(10));
    for (const std::uint64_t impossible : {std::uint64_t{17}, ~std::uint64_t{0}}) {
        s.writer.moved.value = impossible;
        CHECK_FALSE(r.look());
        CHECK(r.available() == 0);
    }
    s.writer.moved.value = 10;
    CHECK(r.look());
    CHECK(r.available() == 10);
    CHECK_FALSE(r.advance(10));
    s.writer.moved.value = 9; // backwards
    CHECK_FALSE(r.look());
    CHECK(w.look());
    CHECK(w.available() == 16);
}
