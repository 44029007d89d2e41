// Sending as a state machine: what leaves, what stays with the endpoint, and when it wants to wait, without a descriptor of the system.
#include "src/core/write_operation.hpp"

#include "support/test.hpp"
#include "support/told.hpp"

using namespace ferrule::detail;

namespace {

using what = write_request::what;
using ending = operation::ending;

const std::string payload = "payload";
const std::string frame = "<payload>";

// One run of an operation.
class attempt {
public:
    explicit attempt(channel& c, what kind = what::flush) : request_(with(kind)), op(c, request_, result) {}

    static write_request with(what kind)
    {
        write_request r(kind);
        if (kind == what::send) {
            r.frame.append_copy("<");
            r.frame.append_view(payload);
            r.frame.append_copy(">");
        }
        return r;
    }

    transfer_result result;

private:
    write_request request_;

public:
    write_operation op;
};

// A send that stops after two bytes.
void leave_a_tail(told& t, channel& c)
{
    t.room = {2};
    attempt first(c, what::send);
    (void)first.op.advance(false);
    CHECK(!first.op.give_up(ending::failed));
}

} // namespace

TEST_CASE("write_operation: wherever it stops, the rest is the endpoint's and goes before the next frame")
{
    for (std::size_t n = 0; n <= frame.size(); ++n) {
        for (std::size_t m = n; m <= frame.size(); ++m) {
            for (const ending how : {ending::failed, ending::abandoned}) {
                told t;
                t.room = {n};
                told_channel c(t);
                attempt first(c, what::send);
                const step s = first.op.advance(false);
                CHECK(s == (n == frame.size() ? step::done : step::wait));
                CHECK(c.under_way == (s == step::done ? 0 : frame.size() - n));
                CHECK(first.result.transferred == n);
                if (s == step::wait)
                    CHECK(!first.op.give_up(how));
                CHECK(c.under_way == 0);
                const bool begun = n != 0 && n != frame.size();
                CHECK(c.tail.size() == (begun ? frame.size() - n : 0));
                // The next one stops as well, while the tail leaves or behind it, and its count is of its own bytes.
                t.room = {m - n};
                attempt second(c, what::send);
                (void)second.op.advance(false);
                CHECK(second.result.transferred ==
                      t.written.size() - (n == 0 ? 0 : std::min(t.written.size(), frame.size())));
                t.room = {};
                CHECK(second.op.advance(false) == step::done);
                CHECK(t.written == (n == 0 ? frame : frame + frame));
                CHECK(second.result.transferred == frame.size());
            }
        }
    }
}

TEST_CASE("write_operation: a tail stays through any number of tries")
{
    told t;
    told_channel c(t);
    leave_a_tail(t, c);
    for (const std::size_t left : {6u, 5u, 4u}) {
        t.room = {1};
        attempt next(c, what::send);
        CHECK(next.op.advance(false) == step::wait);
        CHECK(!next.op.give_up(ending::failed));
        CHECK(next.result.transferred == 0);
        CHECK(c.tail.size() == left);
    }
    attempt flush(c);
    CHECK(flush.op.advance(false) == step::done);
    CHECK(t.written == frame);
    CHECK(c.tail.empty());
}

TEST_CASE("write_operation: small parts leave in one call")
{
    told t;
    told_channel c(t);
    attempt r(c, what::send);
    CHECK(r.op.advance(false) == step::done);
    CHECK(t.sizes == std::deque<std::size_t>{frame.size()});
}

TEST_CASE("write_operation: what is held back has not begun")
{
    told t;
    told_channel c(t);
    attempt r(c, what::send);
    r.op.hold_back = true;
    CHECK(r.op.advance(false) == step::again);
    CHECK(t.written.empty());
    r.op.hold_back = false;
    CHECK(r.op.advance(false) == step::done);
    CHECK(t.written == frame);
}

TEST_CASE("write_operation: what has begun does not need memory that may be gone")
{
    std::string seen = payload;
    write_request request(what::send);
    request.outlived = false;
    request.frame.append_copy("<");
    request.frame.append_view(seen);
    told t;
    t.room = {3};
    told_channel c(t);
    transfer_result result;
    write_operation op(c, request, result);
    CHECK(op.advance(false) == step::wait);
    seen.assign(seen.size(), '?');
    CHECK(!op.give_up(ending::abandoned));
    attempt flush(c);
    CHECK(flush.op.advance(false) == step::done);
    CHECK(t.written == "<" + payload);
}

TEST_CASE("write_operation: a receiver that takes little lets others have a turn")
{
    told t;
    t.room = std::deque<std::size_t>(40, 1);
    told_channel c(t);
    write_request request(what::send);
    const std::string large(10'000, 'x');
    request.frame.append_view(large);
    transfer_result result;
    write_operation op(c, request, result);
    CHECK(op.advance(false) == step::wait); // it took less than it was offered
    CHECK(t.sizes.size() == 1);
    std::size_t watched = 0;
    write_request many(what::send);
    const std::string huge(20 << 20, 'x');
    many.frame.append_view(huge);
    many.frame.on_progress(std::make_shared<const encoded::watcher>([&](std::size_t n, std::size_t) { watched = n; }));
    told u;
    told_channel d(u);
    transfer_result of_many;
    write_operation in_steps(d, many, of_many);
    CHECK(in_steps.advance(false) == step::again);
    CHECK(watched == of_many.transferred);
    CHECK(u.sizes.size() < 40);
}

TEST_CASE("write_operation: a packet leaves whole, without what marks a frame, or not at all")
{
    told t;
    t.room = {0};
    told_channel c(t, transfer_kind::message);
    attempt r(c, what::send);
    CHECK(r.op.advance(false) == step::wait);
    CHECK(c.under_way == payload.size());
    CHECK(!r.op.give_up(ending::failed));
    CHECK(c.tail.empty());
    attempt again(c, what::send);
    CHECK(again.op.advance(false) == step::done);
    CHECK(again.result.transferred == payload.size());
    CHECK(t.written == payload);

    write_request many(what::send);
    std::string all;
    for (int i = 0; i < 100; ++i)
        all += static_cast<char>('a' + i % 26);
    for (const char& letter : all)
        many.frame.append_view(byte_view(std::as_bytes(std::span(&letter, 1))));
    transfer_result result;
    write_operation op(c, many, result);
    CHECK(op.advance(false) == step::done);
    CHECK(t.sizes.back() == 100);
    CHECK(t.written == payload + all);
}

TEST_CASE("write_operation: a handle goes with the first byte of its frame, which begins a call")
{
    told t;
    told_channel c(t);
    leave_a_tail(t, c);
    write_request request = attempt::with(what::send);
    request.frame.attach(native_handle_type{}, std::make_shared<int>());
    transfer_result result;
    write_operation op(c, request, result);
    while (op.advance(false) != step::done) {
    }
    CHECK(t.written == frame + frame);
    CHECK(t.with_handle == std::deque<std::size_t>{frame.size()});
}

TEST_CASE("write_operation: half-closing an end that only writes closes it")
{
    told t;
    t.can_shut_down = false;
    t.reads_as_well = false;
    told_channel c(t);
    attempt r(c, what::shutdown);
    CHECK(r.op.advance(false) == step::done);
    CHECK(!r.op.result);
    CHECK(t.closed == 1);
    CHECK(!c.is_open());

    told both;
    both.can_shut_down = false;
    told_channel d(both);
    attempt refused(d, what::shutdown);
    CHECK(refused.op.advance(false) == step::done);
    CHECK(refused.op.result == errc::unsupported);
    CHECK(d.is_open());
}

TEST_CASE("write_operation: it is over when the descriptor holds nothing more of it")
{
    for (const what kind : {what::send, what::flush, what::shutdown}) {
        told t;
        told_channel c(t);
        t.holds = 3;
        t.flushed = io_result::would_block();
        attempt a(c, kind);
        CHECK(a.op.advance(false) == step::wait);
        CHECK(c.under_way == 0);
        CHECK(c.holds_rest());
        t.flushed = io_result::moved(0);
        CHECK(a.op.advance(false) == step::done);
        CHECK_FALSE(a.op.result);
        CHECK_FALSE(c.holds_rest());
        CHECK(t.written == (kind == what::send ? frame : ""));
    }
    told t;
    told_channel c(t);
    t.holds = 3;
    t.flushed = io_result::failed(errc::busy);
    attempt a(c, what::send);
    CHECK(a.op.advance(false) == step::done);
    CHECK(a.op.result == errc::busy);
}

TEST_CASE("write_operation: a send that is given up while the descriptor holds some of it has neither left nor stayed")
{
    for (const ending how : {ending::failed, ending::abandoned}) {
        told t;
        told_channel c(t);
        t.holds = 3;
        t.flushed = io_result::would_block();
        attempt a(c, what::send);
        CHECK(a.op.advance(false) == step::wait);
        CHECK_FALSE(a.op.give_up(how));
        CHECK(a.result.transferred == frame.size() - 1);
        CHECK(c.tail.empty()); // the rest is the descriptor's
        CHECK(t.written == frame);
    }
}
