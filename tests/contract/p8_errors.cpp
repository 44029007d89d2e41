// P8: the error says what happened and whose fault it is. P9: exactly the bytes.
#include "support/connection.hpp"
#include "support/styles.hpp"
#include "support/system.hpp"
#include "support/test.hpp"

TEST_CASE("P8: a reset connection is broken")
{
    connection l(kind("TCP"));
    duplex a(std::move(l.sender));
    reader b(std::move(l.receiver));
    reset_when_closed(a.native_handle());
    a.close();
    CHECK_THROWS_AS(b.recv(20s), broken_error);
}

TEST_CASE("P9: raw and message users of one end exclude each other")
{
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
