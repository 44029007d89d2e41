// The turn of an operation, and its wait, without a descriptor of the system.
#include "src/core/turn.hpp"
#include "src/core/descriptor_wait.hpp"
#include "src/core/write_operation.hpp"

#include "support/test.hpp"
#include "support/told.hpp"

using namespace ferrule::detail;

namespace {

class counting final : public waiter {
public:
    void notify() noexcept override { ++kicks; }
    int kicks = 0;
};

// An operation that notes what it is asked.
class noting final : public operation {
public:
    explicit noting(direction d) : operation(d, unused_) {}
    step advance(bool) override
    {
        ++advanced;
        return step::wait;
    }
    void resumed() noexcept override { ++resumes; }
    error_code give_up(ending how) noexcept override
    {
        given_up = how;
        return worse;
    }

    int advanced = 0;
    int resumes = 0;
    std::optional<ending> given_up;
    error_code worse;

private:
    transfer_result unused_;
};

turn begin(channel& c, operation& op)
{
    REQUIRE(c.of(op.side).lock.try_lock());
    return turn(c, op);
}

// A receive that is about to wait.
class receiving {
public:
    told t;
    told_channel c{t};
    noting op{direction::read};
    descriptor_wait w{c, op};
    counting me;
};

void leave_a_tail(channel& c)
{
    bytes rest;
    rest.append(byte_view("rest"));
    c.tail.keep(std::move(rest));
}

} // namespace

TEST_CASE("turn: however it ends, the operation has left the direction in order, and the next may begin")
{
    told t;
    told_channel c(t);
    error_code ec = errc::timed_out;
    noting op(direction::read);
    {
        turn given_up = begin(c, op);
        given_up.end(ec);
        CHECK(op.given_up == operation::ending::failed);
        CHECK(ec == errc::timed_out);
        given_up.end(); // no more
    }
    {
        op.worse = errc::torn;
        turn torn = begin(c, op);
        torn.give_up(operation::ending::abandoned, ec);
        CHECK(op.given_up == operation::ending::abandoned);
        CHECK(ec == errc::torn);
    }
    op.given_up.reset();
    {
        turn first = begin(c, op);
        turn forgotten = std::move(first);
        CHECK(!first);
        CHECK(forgotten);
        CHECK(c.reading.lock.locked());
    }
    CHECK(op.given_up == operation::ending::failed);
    op.given_up.reset();
    begin(c, op).end();
    CHECK(!op.given_up);
    CHECK(!c.reading.lock.locked());
}

TEST_CASE("turn: a sender that leaves something behind wakes the reader, who may have to push it")
{
    told t;
    told_channel c(t);
    counting reader;
    c.reading.point->waiting = &reader;
    noting op(direction::write);
    begin(c, op).end();
    CHECK(reader.kicks == 0);
    leave_a_tail(c);
    begin(c, op).end();
    CHECK(reader.kicks == 1);
    c.reading.point->waiting = nullptr;
}

TEST_CASE("turn: nothing is asked of a closed channel")
{
    told t;
    told_channel c(t);
    noting op(direction::read);
    turn at = begin(c, op);
    CHECK(at.advance(false, channel_use(c)) == step::wait);
    c.shut(false);
    CHECK(at.advance(false, channel_use(c)) == step::done);
    CHECK(op.result == errc::closed);
    CHECK(op.advanced == 1);
}

TEST_CASE("descriptor_wait: whoever waits can be woken, from the beginning to the end")
{
    receiving all;
    auto& [t, c, op, w, me] = all;
    const channel_use use(c);
    w.arm(use);
    REQUIRE(w.targets().list().size() == 1);
    REQUIRE(w.begin(me, [](wait_point&) { return true; }));
    c.reading.point->wake();
    CHECK(me.kicks == 1);
    w.leave(me);
    w.end(true, use);
    CHECK(op.resumes == 1);
    c.reading.point->wake();
    CHECK(me.kicks == 1);
}

TEST_CASE("descriptor_wait: a wait that does not come about leaves nobody to be woken")
{
    receiving all;
    auto& [t, c, op, w, me] = all;
    {
        const channel_use use(c);
        w.arm(use);
        CHECK(!w.begin(me, [](wait_point&) { return false; }));
        CHECK(c.reading.point->waiting == nullptr);
        CHECK_THROWS_AS(w.begin(me, [](wait_point&) -> bool { throw std::bad_alloc(); }), std::bad_alloc);
        CHECK(c.reading.point->waiting == nullptr);
        CHECK(w.begin(me, [](wait_point&) { return true; }));
        counting other;
        w.leave(other); // somebody else's
        CHECK(c.reading.point->waiting == &me);
        w.leave(me);
        CHECK(c.reading.point->waiting == nullptr);
    }
    c.shut(false);
    CHECK(!w.begin(me, [](wait_point&) { return true; }));
    const channel_use closed(c);
    w.arm(closed);
    CHECK(w.targets().now());
}

TEST_CASE("descriptor_wait: a reader waits for room for the tail as well, unless there is a sender")
{
    receiving all;
    auto& [t, c, op, w, me] = all;
    const channel_use use(c);
    w.arm(use);
    leave_a_tail(c);
    CHECK(!w.begin(me, [](wait_point&) { return true; })); // it came meanwhile
    w.arm(use);
    REQUIRE(w.targets().list().size() == 2);
    CHECK(w.targets().list()[1].for_write());
    REQUIRE(w.begin(me, [](wait_point&) { return true; }));
    w.leave(me);
    w.end(true, use);
    CHECK(t.written == "rest");
    CHECK(c.tail.empty());

    leave_a_tail(c);
    REQUIRE(c.writing.lock.try_lock()); // a sender, who will push it
    w.arm(use);
    CHECK(w.targets().list().size() == 1);
    c.writing.lock.unlock();
}

TEST_CASE("turn: a waiting receive is told of what the descriptor still holds")
{
    told t;
    told_channel c(t);
    counting reader;
    c.reading.point->waiting = &reader;
    for (const bool holds : {false, true}) {
        t.holds = holds ? 1 : 0;
        noting op(direction::write);
        REQUIRE(c.writing.lock.try_lock());
        turn one(c, op);
        one.end();
        CHECK(reader.kicks == (holds ? 1 : 0));
        CHECK(c.rest_is_readers() == holds);
    }
    CHECK(c.push_rest()); // which sends it
    CHECK_FALSE(c.rest_is_readers());
    c.reading.point->waiting = nullptr;
}

TEST_CASE("descriptor_wait: who waits for what is out of date tries again, and is told so")
{
    told t;
    told_channel c(t);
    noting op(direction::read);
    counting me;
    descriptor_wait w(c, op);
    const auto sleep = [](wait_point&) { return true; };
    {
        const channel_use use(c);
        w.arm(use);
        CHECK(w.begin(me, sleep));
        c.tell_other(direction::write);
        CHECK(me.kicks == 0);
        t.out_of_date = direction::read;
        c.tell_other(direction::write);
        CHECK(me.kicks == 1);
        w.leave(me);
        w.end(false, use);
        CHECK(op.resumes == 1); // although no handle was ready
        w.arm(use);
        CHECK_FALSE(w.begin(me, sleep)); // it changed between `arm` and here
        t.out_of_date = std::nullopt;
        w.end(false, use);
        CHECK(op.resumes == 1);
    }
}
