// Receiving as a state machine: what it takes, what it leaves, and when it wants to wait, without a descriptor of the system.
#include "src/core/read_operation.hpp"

#include "support/test.hpp"
#include "support/told.hpp"

using namespace ferrule::detail;

namespace {

using what = read_request::what;
using ending = operation::ending;

read_request until_line()
{
    read_request r(what::until, 100);
    r.separators = {"\n"};
    return r;
}

read_request varint_frame()
{
    read_request r(what::frame, 100);
    r.decoder = {nullptr, [](void*, byte_view buffered, std::uint64_t) { return varint().decode(buffered, {}); }};
    return r;
}

read_request into(std::span<std::byte> memory, bool outlived = true)
{
    read_request r(what::into);
    r.into = memory;
    r.outlived = outlived;
    return r;
}

// One run of an operation.
class attempt {
public:
    attempt(channel& c, read_request r) : request_(std::move(r)), by_kind_(c, request_, result) {}

    [[nodiscard]] operation& op() noexcept { return by_kind_; }
    [[nodiscard]] step advance(bool now = false) { return op().advance(now); }
    [[nodiscard]] std::string data() const { return std::string(result.data.text()); }

    transfer_result result;

private:
    read_request request_;
    read_by_kind by_kind_;
};

// What becomes of an operation that has to wait.
enum class at_a_wait { goes_on, fails, is_abandoned };

// Runs the request until it is done, and begins anew where it ends before.
std::string receive(channel& c, const std::function<read_request()>& request, at_a_wait how)
{
    for (int tries = 0; tries < 100; ++tries) {
        attempt r(c, request());
        step s = r.advance();
        while (s != step::done && (s == step::again || how == at_a_wait::goes_on)) {
            r.op().resumed();
            s = r.advance();
        }
        if (s == step::done) {
            CHECK(!r.op().result);
            return r.data();
        }
        r.op().resumed(); // there is more by now
        CHECK(!r.op().give_up(how == at_a_wait::fails ? ending::failed : ending::abandoned));
    }
    FAIL("it never ends");
    return {};
}

} // namespace

TEST_CASE("read_operation: however the stream comes, and wherever it stops, requests get what is theirs")
{
    const std::string stream = "12345line\nsixsix\4fourthe rest";
    for (std::size_t i = 1; i < stream.size(); ++i) {
        for (std::size_t j = i + 1; j < stream.size(); ++j) {
            for (const at_a_wait how : {at_a_wait::goes_on, at_a_wait::fails, at_a_wait::is_abandoned}) {
                told t;
                t.arrivals = {stream.substr(0, i),      io_result::would_block(), stream.substr(i, j - i),
                              io_result::would_block(), stream.substr(j),         io_result::end()};
                told_channel c(t);
                CHECK(receive(c, [] { return read_request(what::exactly, 5); }, how) == "12345");
                CHECK(receive(c, until_line, how) == "line\n");
                std::array<std::byte, 6> six{};
                (void)receive(c, [&] { return into(six); }, how);
                CHECK(byte_view(six).text() == "sixsix");
                CHECK(receive(c, varint_frame, how) == "four");
                CHECK(receive(c, [] { return read_request(what::all, 100); }, how) == "the rest");
                CHECK(c.incoming.empty());
            }
        }
    }
}

TEST_CASE("read_operation: large requests into the caller's memory give back what has come")
{
    const std::string large(100'000, 'x');
    std::vector<std::byte> memory(large.size());
    for (const ending how : {ending::failed, ending::abandoned}) {
        told t;
        t.arrivals = {large.substr(0, 60'000), large.substr(60'000)};
        told_channel c(t);
        attempt first(c, into(memory));
        REQUIRE(first.advance() == step::wait);
        CHECK(c.incoming.empty()); // it is in the memory
        CHECK(!first.op().give_up(how));
        CHECK(c.incoming.size() == 60'000);
        CHECK(c.incoming.position() == 0);
        attempt second(c, into(memory));
        while (second.advance() != step::done)
            second.op().resumed();
        CHECK(second.result.transferred == large.size());
        CHECK(byte_view(memory).text() == large);
    }
}

TEST_CASE("read_operation: memory that may be gone holds nothing before the end")
{
    const std::string large(100'000, 'x');
    std::vector<std::byte> memory(large.size());
    told t;
    t.arrivals = {large.substr(0, 60'000), io_result::would_block(), large.substr(60'000)};
    told_channel c(t);
    attempt r(c, into(memory, false));
    REQUIRE(r.advance() == step::wait);
    CHECK(c.incoming.size() == 60'000);
    CHECK(memory == std::vector<std::byte>(large.size()));
}

TEST_CASE("read_operation: what is held back is taken later")
{
    told t;
    t.arrivals = {"data", io_result::end()};
    told_channel c(t);
    attempt r(c, read_request(what::some, 100));
    r.op().hold_back = true;
    CHECK(r.advance() == step::again);
    CHECK(r.advance() == step::again);
    CHECK(c.incoming.view().text() == "data");
    r.op().hold_back = false;
    CHECK(r.advance() == step::done);
    CHECK(r.data() == "data");

    read_request end(what::some, 100);
    attempt at_end(c, end);
    at_end.op().hold_back = true;
    t.arrivals = {io_result::end(), io_result::end()};
    at_end.op().resumed();
    CHECK(at_end.advance() == step::again);
    at_end.op().hold_back = false;
    CHECK(at_end.advance() == step::done);
    CHECK(at_end.op().result == errc::end_of_stream);
}

TEST_CASE("read_operation: after a short read it waits before the next, unless told to try")
{
    told t;
    t.arrivals = {"1"};
    told_channel c(t);
    attempt r(c, read_request(what::exactly, 3));
    CHECK(r.advance() == step::wait);
    CHECK(t.reads == 1);
    t.arrivals = {"2"};
    CHECK(r.advance() == step::wait);
    CHECK(t.reads == 1);
    CHECK(r.advance(true) == step::wait);
    CHECK(t.reads == 3); // the second found nothing
    t.arrivals = {"3"};
    r.op().resumed();
    CHECK(r.advance() == step::done);
    CHECK(r.data() == "123");
}

TEST_CASE("read_operation: a firehose lets others have a turn")
{
    told t;
    for (int i = 0; i < 40; ++i)
        t.arrivals.emplace_back(std::string(1 << 20, 'x'));
    told_channel c(t);
    attempt r(c, read_request(what::exactly, std::size_t{40} << 20));
    CHECK(r.advance(true) == step::again);
    const int reads = t.reads;
    CHECK(reads < 40);
    CHECK(r.advance(true) == step::again);
    CHECK(t.reads > reads);
}

TEST_CASE("read_operation: an end is clean, or cuts something off, or is what was waited for")
{
    const auto result_of = [](std::deque<told::arrival> arrivals, read_request request) {
        told t;
        t.arrivals = std::move(arrivals);
        told_channel c(t);
        attempt r(c, std::move(request));
        CHECK(r.advance(true) == step::done);
        const error_code ec = r.op().result;
        if (ec)
            (void)r.op().give_up(ending::failed);
        return std::tuple(ec, r.data(), r.result.ended);
    };
    const error_code none;
    CHECK(result_of({io_result::end()}, varint_frame()) == std::tuple(error_code(errc::end_of_stream), "", false));
    read_request next = varint_frame();
    next.end_is_nothing = true;
    CHECK(result_of({io_result::end()}, next) == std::tuple(none, "", true));
    CHECK(result_of({"\4fo", io_result::end()}, next) == std::tuple(error_code(errc::truncated), "\4fo", false));
    CHECK(result_of({"all", io_result::end()}, read_request(what::all, 100)) == std::tuple(none, "all", false));
    CHECK(result_of({"too much", io_result::end()}, read_request(what::all, 3)) ==
          std::tuple(error_code(errc::too_large), "too much", false));
}

TEST_CASE("read_operation: what is available is all that has come, and whether the end has")
{
    const auto available = [](told_channel& c, bool peek) {
        read_request r(what::available, 100);
        r.peek = peek;
        attempt a(c, std::move(r));
        CHECK(a.advance() == step::done); // whatever the last read has found
        CHECK(!a.op().result);
        return std::tuple(a.data(), a.result.transferred, a.result.ended);
    };
    const auto is = [](std::string data, std::size_t n, bool ended) { return std::tuple(std::move(data), n, ended); };
    told t;
    told_channel c(t);
    CHECK(available(c, false) == is("", 0, false));
    t.arrivals = {"one", "two"}; // both reads are short, as those of TLS are
    CHECK(available(c, true) == is("", 6, false));
    CHECK(c.incoming.view().text() == "onetwo");
    t.arrivals = {"three"};
    CHECK(available(c, false) == is("onetwothree", 11, false));
    CHECK(c.incoming.empty());
    t.arrivals = {"last", io_result::end(), io_result::end(), io_result::end()};
    CHECK(available(c, true) == is("", 4, true));
    CHECK(available(c, false) == is("last", 4, true));
    CHECK(available(c, false) == is("", 0, true));
    t.arrivals = {std::string(100, 'x'), "more"};
    CHECK(std::get<1>(available(c, false)) == 100); // no more than asked for

    told p;
    told_channel packets(p, transfer_kind::message);
    CHECK(available(packets, false) == is("", 0, false));
    p.arrivals = {"one", "two", io_result::end()};
    CHECK(available(packets, true) == is("", 3, false));
    CHECK(available(packets, false) == is("one", 3, false));
    CHECK(available(packets, false) == is("two", 3, false));
    CHECK(available(packets, false) == is("", 0, true));
}

TEST_CASE("read_operation: an error shows the first 64 KiB of what had arrived, and all of its size")
{
    told t;
    t.arrivals = {std::string(100'000, 'x')};
    told_channel c(t);
    attempt r(c, read_request(what::exactly, 200'000));
    while (r.advance(true) != step::wait) {
    }
    CHECK(!r.op().give_up(ending::failed));
    CHECK(r.result.transferred == 100'000);
    CHECK(r.result.data.size() == 64 * 1024);
    CHECK(c.incoming.size() == 100'000);
}

TEST_CASE("read_operation: packets keep their boundaries")
{
    told t;
    t.arrivals = {"one", "", std::string(100'000, 'x'), "four"};
    told_channel c(t, transfer_kind::message);
    const auto packet = [&](read_request request) {
        attempt r(c, std::move(request));
        CHECK(r.advance() == step::done);
        return std::pair(r.op().result, std::pair(r.data(), r.result.transferred));
    };
    const error_code none;
    CHECK(packet(read_request(what::some, 1)) == std::pair(none, std::pair(std::string("one"), std::size_t{3})));
    CHECK(packet(read_request(what::some, 1)) == std::pair(none, std::pair(std::string(), std::size_t{0})));
    std::array<std::byte, 3> three{};
    const auto cut = packet(into(three));
    CHECK(cut.first == errc::packet_truncated);
    CHECK(cut.second.second == 3);
    CHECK(byte_view(three).text() == "xxx");
    CHECK(packet(until_line()).first == errc::unsupported);
    CHECK(packet(read_request(what::frame, 100)).second.first == "four"); // the rest of the cut one is gone
}

TEST_CASE("read_operation: each piece of input starts the silence anew, and only silence ends it")
{
    told t;
    t.arrivals = {io_result::would_block(), "ab", io_result::would_block(), "c", io_result::would_block()};
    told_channel c(t);
    read_request request(what::silence, 100);
    request.gap = std::chrono::hours(1);
    attempt r(c, request);
    const auto next = [&] {
        r.op().resumed();
        return r.advance();
    };
    REQUIRE(next() == step::wait);
    CHECK(r.op().looks_again.is_never()); // silence before the first byte ends nothing
    REQUIRE(next() == step::wait);
    const deadline first = r.op().looks_again;
    CHECK_FALSE(first.is_never());
    REQUIRE(next() == step::wait);
    CHECK(r.op().looks_again == first);
    REQUIRE(next() == step::wait);
    CHECK(r.op().looks_again > first);
    // More has come, although the time is over: nobody knows when.
    t.arrivals = {"d", io_result::would_block()};
    r.op().looks_again = deadline::now();
    REQUIRE(next() == step::wait);
    CHECK_FALSE(r.op().looks_again.expired());
    r.op().looks_again = deadline::now();
    REQUIRE(next() == step::done);
    CHECK(r.data() == "abcd");
}
