// Datagrams when memory or descriptors run out at any point: the call says so or succeeds, and nothing is lost or sent twice.
#include "contract/posix/in_want.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

#include <ferrule/net/datagrams.hpp>

TEST_CASE("exhaustion: a datagram socket that cannot be made leaves nothing")
{
    const temporary_folder folder;
    for (const std::string& at : {std::string("udp://127.0.0.1:0"), "unixgram:" + folder.file()}) {
        with_each_shortage(at, [&](shortage& s) {
            std::optional<datagram_socket<>> made;
            const error_code ec = s.during([&] { made.emplace(at); });
            CHECK(s.explains(ec));
            CHECK(made.has_value() == !ec);
            made.reset();
            CHECK(folder.empty());
        });
    }
}

TEST_CASE("exhaustion: a datagram is received, or stays")
{
    for (const char* const at : {"udp://127.0.0.1:0", "unixgram-abstract:"}) {
        for (const way w : all_ways) {
            for (const bool there : {false, true}) {
                with_each_shortage(at, [&](shortage& s) {
                    datagram_socket<> a(at);
                    datagram_socket<> b(at);
                    if (there)
                        a.send("first", b.address(), 10s);
                    std::string got;
                    const error_code ec = in_want(
                        s, w, there ? until(10s) : until(1ms), [&](const until& l) { return b.recv(l); },
                        [&](auto... rest) { return b.async_recv(rest...); },
                        [&](datagram<bytes> d) {
                            CHECK(d.peer == a.address());
                            got = d.data.text();
                        });
                    CHECK((s.explains(ec) || (!there && ec == errc::timed_out)));
                    a.send("second", b.address(), 10s);
                    if (there)
                        CHECK((ec ? std::string(b.recv(10s).data.text()) : got) == "first");
                    CHECK(b.recv(10s).data.text() == "second");
                });
            }
        }
    }
}

TEST_CASE("exhaustion: a datagram is sent whole, or not at all")
{
    for (const bool full : {false, true}) {
        for (const way w : all_ways) {
            with_each_shortage(full ? "no room" : "room", [&](shortage& s) {
                datagram_socket<> a("unixgram-abstract:");
                datagram_socket<> b("unixgram-abstract:");
                int before = 0;
                while (full && a.try_send("before", b.address()))
                    ++before;
                const error_code ec = in_want(
                    s, w, full ? until(1ms) : until(10s), [&](const until& l) { return a.send("now", b.address(), l); },
                    [&](auto... rest) { return a.async_send("now", b.address(), rest...); },
                    [](std::size_t n) { CHECK(n == 3); });
                CHECK((s.explains(ec) || (full && ec == errc::timed_out)));
                while (before-- != 0)
                    CHECK(b.recv(10s).data.text() == "before");
                if (!ec)
                    CHECK(b.recv(10s).data.text() == "now");
                a.send("next", b.address(), 10s);
                CHECK(b.recv(10s).data.text() == "next");
                CHECK_FALSE(b.try_recv());
            });
        }
    }
}

TEST_CASE("exhaustion: a report of the network is said, or stays")
{
    const datagram_address nobody = datagram_socket("udp://127.0.0.1:0").address();
    for (const way w : all_ways) {
        with_each_shortage("report", [&](shortage& s) {
            datagram_socket<> a("udp://127.0.0.1:0");
            a.send("?", nobody, 10s);
            const error_code ec = in_want(
                s, w, 10s, [&](const until& l) { return a.recv(l); },
                [&](auto... rest) { return a.async_recv(rest...); }, [](const datagram<bytes>&) { FAIL_CHECK(); });
            const bool is_said = ec == boost::system::errc::connection_refused;
            CHECK((is_said || (s.has_refused() && says_shortage(ec))));
            // Making the exception may take the memory that was left, after the report was taken.
            error_code later;
            (void)a.recv(0s, later);
            CHECK((later == errc::timed_out || (!is_said && later == boost::system::errc::connection_refused)));
        });
    }
}
