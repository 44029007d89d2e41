// P8: the error says what happened and whose fault it is. P9: exactly the bytes.
#include "support/catch.hpp"
#include "support/transports.hpp"
#include "support/watchdog.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/framing/none.hpp>
#include <ferrule/message.hpp>
#include <ferrule/pair.hpp>

#include <atomic>
#include <sys/socket.h>
#include <thread>

namespace {

using namespace ferrule;
using namespace ferrule::test;
using namespace std::chrono_literals;

template <class Framing>
void close_at_every_byte()
{
    const bytes frame = wire<Framing>([] {
        std::vector<bytes> one;
        one.push_back(pattern(60));
        return one;
    }());
    for (const transport t : all_transports)
        for (const style s : all_styles)
            for (std::size_t cut = 0; cut <= frame.size(); ++cut) {
                INFO(name(t) << ", " << name(s) << ", closed after " << cut << " of " << frame.size());
                connection l = connect(t);
                writer(std::move(l.sender)).send(byte_view(frame).first(cut));
                message_reader<Framing> m(std::move(l.receiver));
                auto o = recv(s, m, 20s);
                if (cut == frame.size()) {
                    CHECK(o.value == pattern(60));
                    o = recv(s, m, 20s);
                }
                CHECK(o.error == (cut % frame.size() == 0 ? errc::end_of_stream : errc::truncated));
                CHECK(o.error == condition::end);
                CHECK(o.value == byte_view(frame).first(cut % frame.size()));
                CHECK(recv(s, m, 20s).error == o.error); // and again
            }
}

} // namespace

TEST_CASE("P8: a peer that closes at every byte of a frame, varint")
{
    const watchdog guard("P8 varint");
    close_at_every_byte<varint>();
}

TEST_CASE("P8: a peer that closes at every byte of a frame, multiprocessing")
{
    const watchdog guard("P8 multiprocessing");
    close_at_every_byte<multiprocessing_bytes>();
}

TEST_CASE("P8: the end of a stream of bytes, with and without a rest")
{
    for (const transport t : all_transports) {
        INFO(name(t));
        connection l = connect(t);
        writer(std::move(l.sender)).send("rest");
        reader r(std::move(l.receiver));
        try {
            r.recv(5, 20s);
            FAIL("too few");
        } catch (const eof_error& e) {
            CHECK(e.code() == errc::truncated);
            CHECK(e.data() == byte_view("rest"));
            CHECK(e.transferred() == 4);
        }
        CHECK_THROWS_AS(r.recv_line(20s), eof_error);
        CHECK(r.recv() == byte_view("rest"));
        try {
            r.recv();
            FAIL("nothing is left");
        } catch (const eof_error& e) {
            CHECK(e.code() == errc::end_of_stream);
            CHECK(e.data().empty());
        }
        CHECK(r.recv_all().empty());
    }
}

TEST_CASE("P8: sending to somebody who has gone is broken, by every kind of call")
{
    for (const transport t : all_transports)
        for (const style s : all_styles) {
            INFO(name(t) << ", " << name(s));
            connection l = connect(t);
            reader(std::move(l.receiver)).close();
            writer w(std::move(l.sender));
            outcome<std::size_t> o;
            for (int i = 0; i < 1000 && !o.error; ++i) // TCP accepts the first
                o = send(s, w, "x", 20s);
            CHECK(o.error == condition::broken);
            CHECK(o.value == 0);
            CHECK_THROWS_AS(w.send("x"), broken_error);
        }
}

TEST_CASE("P8: a reset connection is broken")
{
    connection l = connect(transport::tcp);
    const linger at_once{1, 0};
    duplex a(std::move(l.sender));
    reader b(std::move(l.receiver));
    REQUIRE(::setsockopt(a.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    a.close();
    CHECK_THROWS_AS(b.recv(20s), broken_error);
}

TEST_CASE("P9: a raw read starts at the byte after the last message, and the reverse")
{
    for (const transport t : all_transports)
        for (const style s : all_styles) {
            INFO(name(t) << ", " << name(s));
            connection l = connect(t);
            writer w(std::move(l.sender));
            reader r(std::move(l.receiver));
            message_reader<> m(r);
            message_reader<multiprocessing_bytes> p(r);
            w.send("\x03one"
                   "raw"
                   "\x03two"
                   "line\n");
            w.send(bytes(byte_view(std::string_view("\0\0\0\5three", 9))));
            w.send("\x04"
                   "four");
            CHECK(recv(s, m, 20s).value == byte_view("one"));
            CHECK(r.recv(3, 20s) == byte_view("raw"));
            CHECK(recv(s, m, 20s).value == byte_view("two"));
            CHECK(r.recv_line(20s) == byte_view("line"));
            CHECK(recv(s, p, 20s).value == byte_view("three"));
            CHECK(recv(s, m, 20s).value == byte_view("four"));
        }
}

TEST_CASE("P9: raw and message users of one end exclude each other")
{
    const watchdog guard("P9 exclusion");
    auto [a, b] = socketpair();
    writer raw = a;
    message_writer<> framed{writer(a)};
    const bytes block = pattern(30'000); // framed or raw: begins with its own size either way
    bytes prefixed;
    prefixed.append(wire<varint>([&] {
        std::vector<bytes> one;
        one.push_back(block.clone());
        return one;
    }()));
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            for (int k = 0; k < 25; ++k) {
                if (i % 2 == 0)
                    raw.send(prefixed);
                else
                    framed.send(block);
            }
        });
    message_reader<> m{reader(b)};
    for (int k = 0; k < 100; ++k)
        REQUIRE(m.recv(20s) == block);
}

TEST_CASE("P9: release gives the handle away with what was read ahead")
{
    auto [a, b] = socketpair();
    b.send("abcdef");
    CHECK(a.recv(2) == byte_view("ab"));
    auto [handle, rest] = a.release();
    CHECK(rest == byte_view("cdef"));
    CHECK_FALSE(a.is_open());
    duplex again(adopt(handle));
    again.send("x");
    CHECK(b.recv() == byte_view("x"));
}

TEST_CASE("message: memory is used again")
{
    auto [r, w] = pipe(varint{});
    bytes m;
    m.reserve(1000);
    const auto* memory = m.data();
    for (int i = 0; i < 5; ++i) {
        w.send(pattern(700));
        r.recv_into(m);
        CHECK(m == pattern(700));
        CHECK(m.data() == memory);
    }
    CHECK_THROWS_AS(r.recv_into(m, 0s), timeout_error);
    CHECK(m == pattern(700));
}

TEST_CASE("message: no framing passes bytes on as they come")
{
    auto [a, b] = socketpair(none{});
    a.send("abc");
    a.send({"de", "f"});
    CHECK(b.recv(20s) == byte_view("abc"
                                   "def"));
    a.send("");
    CHECK_FALSE(b.try_recv());
}
