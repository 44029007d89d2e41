#include <ferrule/net/datagrams.hpp>

#include "support/datagrams.hpp"
#include "support/posix/descriptors.hpp"
#include "support/posix/option.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/skip.hpp"
#include "support/test.hpp"

#include <arpa/inet.h>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <ctime>
#include <net/if.h>
#include <poll.h>

namespace {

using asio::experimental::awaitable_operators::operator||;

/// Where sockets can be bound, one of each kind. Each place is new.
class places {
public:
    std::vector<std::string> fresh()
    {
        const std::string n = std::to_string(++n_);
        std::vector<std::string> all{"udp://127.0.0.1:0", "unixgram:" + folder_.file(n), "unixgram-abstract:",
                                     "unixgram-abstract:ferrule-test-" + std::to_string(::getpid()) + "-" + n};
        if (has_ipv6())
            all.emplace_back("udp://[::1]:0");
        return all;
    }

private:
    temporary_folder folder_;
    int n_ = 0;
};

/// An address where nobody is any more.
datagram_address nobody()
{
    return datagram_socket("udp://127.0.0.1:0").address();
}

/// Seconds of the processor that the calling thread has used.
double used()
{
    timespec t;
    must(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t));
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

/// Whether `f`, which waits for 300 ms, uses next to nothing of the processor.
template <class F>
bool sleeps(F f)
{
    const double before = used();
    f();
    return used() - before < 0.1;
}

/// Returns once there is something to receive, or a report. UDP may take a moment.
void until_readable(const datagram_socket<>& s)
{
    pollfd p{s.native_handle(), POLLIN, 0};
    REQUIRE(::poll(&p, 1, 10'000) == 1);
}

/// Sends until the queue of `to` has no room, and returns how many went.
int fill_queue(datagram_socket<>& from, const datagram_address& to)
{
    int n = 0;
    while (from.try_send("full", to))
        ++n;
    return n;
}

} // namespace

// ---- addresses ----

TEST_CASE("datagram address: text comes back")
{
    for (const char* const text :
         {"udp://127.0.0.1:53", "udp://[::1]:65535", "udp://[::ffff:192.0.2.1]:1", "udp://0.0.0.0:0", "unixgram:/run/x",
          "unixgram:relative", "unixgram-abstract:name", "unixgram-abstract:", "udp://255.255.255.255:9"}) {
        CAPTURE(text);
        const datagram_address a(text);
        CHECK(a.to_string() == text);
        CHECK(a.to_address() == address(text));
        CHECK(a == datagram_address(address(text)));
        CHECK_FALSE(a.is_unnamed());
        CHECK_FALSE(a.native().empty());
    }
    CHECK(datagram_address("udp://127.0.0.1:domain").to_string() == "udp://127.0.0.1:53"); // a service of UDP
    CHECK(datagram_address("unixgram:" + std::string(107, 'x')).to_address().name() == std::string(107, 'x'));
    if (has_ipv6())
        CHECK(datagram_address("udp://[fe80::1%lo]:5").to_string() == "udp://[fe80::1%lo]:5");
}

TEST_CASE("datagram address: they are told apart")
{
    const std::vector<datagram_address> all{"udp://127.0.0.1:1",
                                            "udp://127.0.0.1:2",
                                            "udp://127.0.0.2:1",
                                            "udp://[::1]:1",
                                            "udp://[::ffff:127.0.0.1]:1",
                                            "unixgram:/a",
                                            "unixgram-abstract:/a",
                                            "unixgram:/ab",
                                            {}};
    const std::set<datagram_address> ordered(all.begin(), all.end());
    CHECK(ordered.size() == all.size());
    for (const datagram_address& a : all)
        for (const datagram_address& b : all) {
            CHECK((a == b) == (&a == &b));
            CHECK(((a <=> b) == 0) == (a == b));
        }
}

TEST_CASE("datagram address: what is none is refused by its name")
{
    for (const auto& [text, code] : {std::pair{"udp://localhost:5", errc::invalid_argument},
                                     {"udp://example.org:5", errc::invalid_argument},
                                     {"udp://127.0.0.1:no-such-service", errc::invalid_argument},
                                     {"tcp://127.0.0.1:5", errc::unsupported},
                                     {"unix:/x", errc::unsupported},
                                     {"abstract:x", errc::unsupported},
                                     {"seqpacket:/x", errc::unsupported},
                                     {"tls://127.0.0.1:5", errc::unsupported},
                                     {"pipe:x", errc::unsupported}}) {
        CAPTURE(text);
        CHECK_THROWS_AS(datagram_address(text), usage_error);
        CHECK_THROWS_WITH(datagram_address(text), Catch::Matchers::Contains(text));
        const address a(text);
        CHECK(code_of([&] { datagram_address d(a); }) == code);
    }
    CHECK_THROWS_WITH(datagram_address("tls://h:443"), Catch::Matchers::Contains("use ferrule::tls"));
    CHECK_THROWS_WITH(datagram_socket<>("tls://h:443"), Catch::Matchers::Contains("use ferrule::tls"));
    CHECK(code_of([] { datagram_address d("unixgram:" + std::string(108, 'x')); }) == errc::invalid_argument);
    CHECK(code_of([] { datagram_address d("127.0.0.1:5"); }) == errc::invalid_argument);
    const datagram_address unnamed;
    CHECK(unnamed.to_string() == "unnamed");
    CHECK(code_of([&] { (void)unnamed.to_address(); }) == errc::invalid_argument);
    CHECK(code_of([&] { datagram_socket<> s(unnamed); }) == errc::invalid_argument);
}

// ---- sending and receiving ----

TEST_CASE("datagram: by every form of every call, over every kind of address, and back to the sender")
{
    places p;
    const std::vector<std::string> here = p.fresh();
    const std::vector<std::string> there = p.fresh();
    for (std::size_t i = 0; i < here.size(); ++i) {
        CAPTURE(here[i]);
        datagram_socket<> a(here[i]);
        datagram_socket<> b(there[i]);
        REQUIRE(a.address() != b.address());
        CHECK(a.address().to_string().starts_with(here[i].substr(0, here[i].find(':'))));
        error_code ec;

        CHECK(a.send("blocking", b.address(), timeout) == 8);
        const datagram<bytes> d = b.recv(timeout);
        CHECK(d.data.text() == "blocking");
        CHECK(d.peer == a.address());
        CHECK(d.peer.to_string() == a.address().to_string());
        CHECK(b.send({"an", "sw", "er"}, d.peer) == 6);
        CHECK(a.recv().data.text() == "answer");

        CHECK(a.send("with a code", b.address(), timeout, ec) == 11);
        CHECK_FALSE(ec);
        CHECK(a.send("more", b.address(), ec) == 4);
        CHECK(b.recv(timeout, ec).data.text() == "with a code");
        CHECK(b.recv(ec).data.text() == "more");
        CHECK_FALSE(ec);

        CHECK_FALSE(b.try_recv());
        CHECK(a.try_send("now", b.address()));
        until_readable(b);
        const auto now = b.try_recv();
        REQUIRE(now);
        CHECK(now->data.text() == "now");
        CHECK(now->peer == a.address());

        CHECK(run(a.async_send(std::string("coroutine"), b.address(), timeout)) == 9);
        const datagram<bytes> c = run(b.async_recv(timeout));
        CHECK(c.data.text() == "coroutine");
        CHECK(run(b.async_send("reply", c.peer)) == 5);
        CHECK(run(a.async_recv()).peer == b.address());

        asio::io_context ctx;
        std::size_t sent = 0;
        datagram<bytes> got;
        b.async_recv(timeout, asio::bind_executor(ctx, [&](error_code e, datagram<bytes> r) {
                         CHECK_FALSE(e);
                         got = std::move(r);
                     }));
        a.async_send(std::string("callback"), datagram_address(b.address()), timeout,
                     asio::bind_executor(ctx, [&](error_code e, std::size_t n) {
                         CHECK_FALSE(e);
                         sent = n;
                     }));
        ctx.run();
        CHECK(sent == 8);
        CHECK(got.data.text() == "callback");
        CHECK(got.peer == a.address());

        asio::io_context other;
        auto receiving = b.async_recv(asio::bind_executor(other, asio::use_future));
        auto sending =
            a.async_send(bytes(byte_view("future")), b.address(), asio::bind_executor(other, asio::use_future));
        other.run();
        CHECK(sending.get() == 6);
        CHECK(receiving.get().data.text() == "future");
    }
}

TEST_CASE("datagram: an empty one is one, and the largest arrive whole")
{
    places p;
    const std::vector<std::string> here = p.fresh();
    for (const std::string& at : here) {
        for (const style s : all_styles) {
            CAPTURE(at, s);
            const bool is_udp = at.starts_with("udp");
            datagram_socket<> a(is_udp ? at : "unixgram-abstract:");
            datagram_socket<> b(at);
            const std::string large = pattern(is_udp ? 65'507 : 150'000);
            CHECK(send(s, a, "", b.address()) == 0);
            CHECK(send(s, a, large, b.address()) == large.size());
            CHECK(send(s, a, "", b.address()) == 0);
            const auto first = recv(s, b);
            CHECK(first.data.empty());
            CHECK(first.peer == a.address());
            CHECK(recv(s, b).data == byte_view(large));
            CHECK(recv(s, b).data.empty());

            // More pieces than one call of the system takes.
            std::vector<byte_view> pieces;
            for (std::size_t i = 0; i < 1000; ++i)
                pieces.push_back(byte_view(large).subspan(i * 65, 65));
            CHECK(send(s, a, std::span<const byte_view>(pieces), b.address()) == 65'000);
            const auto whole = recv(s, b);
            CHECK(whole.data == byte_view(large).first(65'000));
            CHECK(whole.peer == a.address());
        }
    }
}

TEST_CASE("datagram: one that is larger than the buffer of a unix socket is refused")
{
    datagram_socket<> u("unixgram-abstract:", datagram_options().send_buffer(10'000));
    CHECK(code_of([&] { u.send(pattern(1'000'000), u.address(), timeout); }) == errc::too_large);
    u.send("next", u.address(), timeout);
    CHECK(u.recv(timeout).data.text() == "next");
}

TEST_CASE("datagram: a sender without a name cannot be answered")
{
    datagram_socket<> s("unixgram-abstract:");
    const unique_fd unbound(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const byte_view to = s.address().native();
    REQUIRE(::sendto(unbound.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(to.data()),
                     static_cast<socklen_t>(to.size())) == 1);
    const auto d = s.recv(timeout);
    CHECK(d.data.text() == "x");
    CHECK(d.peer.is_unnamed());
    CHECK(d.peer == datagram_address());
    CHECK(code_of([&] { s.send("answer", d.peer); }) == errc::invalid_argument);
    CHECK(code_of([&] { run(s.async_send("answer", d.peer)); }) == errc::invalid_argument);
}

TEST_CASE("datagram: the longest path that a sender may have")
{
    const temporary_folder folder;
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    const std::string path = folder.file(std::string(sizeof un.sun_path - folder.file("").size(), 'x'));
    REQUIRE(path.size() == sizeof un.sun_path); // without a NUL
    std::memcpy(un.sun_path, path.data(), path.size());
    const unique_fd sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    must(::bind(sender.get(), reinterpret_cast<const sockaddr*>(&un), sizeof un));
    datagram_socket<> s("unixgram-abstract:");
    const byte_view to = s.address().native();
    REQUIRE(::sendto(sender.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(to.data()),
                     static_cast<socklen_t>(to.size())) == 1);
    const auto d = s.recv(timeout);
    CHECK(d.peer.to_string() == "unixgram:" + path);
    s.send("answer", d.peer, timeout);
    CHECK(read_n(sender.get(), 6) == "answer");
}

TEST_CASE("datagram: IPv4 peers of an IPv6 socket have mapped addresses")
{
    if (!has_ipv6())
        skip("no IPv6 on this machine");
    datagram_socket<> both("udp://[::]:0", datagram_options().only_ipv6(false));
    datagram_socket<> v4("udp://127.0.0.1:0");
    const std::string port = both.address().to_address().service();
    v4.send("from IPv4", "udp://127.0.0.1:" + port, timeout);
    const auto d = both.recv(timeout);
    CHECK(d.peer.to_string() == "udp://[::ffff:127.0.0.1]:" + v4.address().to_address().service());
    both.send("answer", d.peer, timeout);
    CHECK(v4.recv(timeout).data.text() == "answer");
    both.send("and to the other form", v4.address(), timeout);
    CHECK(v4.recv(timeout).data.text() == "and to the other form");

    // An error of IPv4 comes in the form of IPv6.
    const std::string nobodys = nobody().to_address().service();
    both.send("?", "udp://[::ffff:127.0.0.1]:" + nobodys, timeout);
    CHECK_THROWS_WITH(both.recv(timeout), Catch::Matchers::Contains("udp://[::ffff:127.0.0.1]:" + nobodys));

    datagram_socket<> alone("udp://[::]:0", datagram_options().only_ipv6());
    CHECK_THROWS_AS(alone.send("x", v4.address(), timeout), error);
}

// ---- errors that the system queues ----

TEST_CASE("datagram: a report of the network comes once, names the address, and no wait spins")
{
    for (const style s : all_styles) {
        for (const char* const at : {"udp://127.0.0.1:0", "udp://[::1]:0"}) {
            if (!has_ipv6() && std::string_view(at).starts_with("udp://["))
                continue;
            CAPTURE(s, at);
            datagram_socket<> a(at);
            const datagram_address gone = datagram_socket<>(at).address();
            send(s, a, "is anybody there?", gone);
            CHECK_THROWS_AS(recv(s, a), broken_error);
            send(s, a, "is anybody there?", gone);
            CHECK_THROWS_WITH(recv(s, a), Catch::Matchers::Contains(gone.to_string() + ": Connection refused"));
            CHECK(sleeps([&] { CHECK(code_of([&] { recv(s, a, 300ms); }) == errc::timed_out); }));
            pollfd p{a.native_handle(), 0, 0};
            CHECK(::poll(&p, 1, 0) == 0); // nothing is queued any more

            error_code ec;
            send(s, a, "?", gone);
            CHECK(a.recv(timeout, ec).data.empty());
            CHECK(ec == boost::system::errc::connection_refused);
            (void)a.recv(0s, ec);
            CHECK(ec == errc::timed_out);

            send(s, a, "?", gone);
            until_readable(a);
            CHECK_THROWS_AS(a.try_recv(), broken_error);
            CHECK_FALSE(a.try_recv());
        }
    }
}

TEST_CASE("datagram: reports disturb neither what is sent to others nor what others send")
{
    for (const style s : all_styles) {
        CAPTURE(s);
        datagram_socket<> a("udp://127.0.0.1:0");
        datagram_socket<> b("udp://127.0.0.1:0");
        const datagram_address gone[] = {nobody(), nobody()};
        std::map<std::string, int> reports;
        constexpr int rounds = 20;
        int arrived = 0;
        for (int i = 0; i < rounds; ++i) {
            for (const datagram_address& to : gone)
                CHECK(send(s, a, "?", to) == 1);
            CHECK(send(s, a, "x", b.address()) == 1); // though an error is pending
            b.send("y", a.address(), timeout);
        }
        for (int i = 0; i < rounds; ++i)
            CHECK(recv(s, b).data.text() == "x");
        for (;;) {
            try {
                const auto d = recv(s, a, 200ms); // CHECK would catch
                CHECK(d.data.text() == "y");
                ++arrived;
            } catch (const timeout_error&) {
                break;
            } catch (const broken_error& e) {
                for (const datagram_address& to : gone)
                    if (std::string(e.what()).find(to.to_string()) != std::string::npos)
                        ++reports[to.to_string()];
            }
        }
        CHECK(arrived == rounds);
        for (const datagram_address& to : gone)
            CHECK(reports[to.to_string()] == rounds);
    }
}

TEST_CASE("datagram: a report that wakes a receiver is not lost to one that has given up")
{
    datagram_socket<> a("udp://127.0.0.1:0");
    const datagram_address gone = nobody();
    asio::io_context ctx;
    asio::cancellation_signal stop;
    error_code first;
    a.async_recv(asio::bind_cancellation_slot(
        stop.slot(), asio::bind_executor(ctx, [&](error_code ec, const datagram<bytes>&) { first = ec; })));
    ctx.poll();
    a.send("?", gone, timeout);
    stop.emit(asio::cancellation_type::all);
    ctx.run();
    if (first == boost::system::errc::connection_refused)
        CHECK(code_of([&] { a.recv(0s); }) == errc::timed_out);
    else {
        CHECK(first == errc::cancelled);
        CHECK(code_of([&] { a.recv(0s); }) == boost::system::errc::connection_refused);
    }
}

TEST_CASE("datagram: reports can be switched off")
{
    datagram_socket<> a("udp://127.0.0.1:0", datagram_options().report_errors(false));
    a.send("is anybody there?", nobody(), timeout);
    CHECK(sleeps([&] { CHECK(code_of([&] { a.recv(300ms); }) == errc::timed_out); }));
}

TEST_CASE("datagram: an event loop of one's own gets a report")
{
    datagram_socket<> a("udp://127.0.0.1:0");
    CHECK_FALSE(a.try_recv());
    const readiness r = a.arm(direction::read);
    REQUIRE_FALSE(r.is_now());
    CHECK_FALSE(r.for_write());
    pollfd p{r.handle(), POLLIN, 0};
    CHECK(::poll(&p, 1, 0) == 0);
    a.send("?", nobody(), timeout);
    REQUIRE(::poll(&p, 1, 10'000) == 1);
    CHECK_THROWS_AS(a.try_recv(), broken_error);
    CHECK_FALSE(a.try_recv());
    (void)a.arm(direction::read);
    CHECK(::poll(&p, 1, 0) == 0);
    a.send("data", a.address(), timeout);
    REQUIRE(::poll(&p, 1, 10'000) == 1);
    CHECK(a.try_recv()->data.text() == "data");
}

TEST_CASE("datagram: an event loop of one's own waits for room at a peer")
{
    datagram_socket<> a("unixgram-abstract:");
    datagram_socket<> b("unixgram-abstract:");
    for (int i = 0; i < 2; ++i) {
        const int n = fill_queue(a, b.address());
        const readiness r = a.arm(direction::write);
        REQUIRE_FALSE(r.is_now());
        REQUIRE(r.for_write());
        pollfd p{r.handle(), POLLOUT, 0};
        CHECK(::poll(&p, 1, 10) == 0);
        CHECK(b.recv(timeout).data.text() == "full");
        CHECK(::poll(&p, 1, 10'000) == 1);
        CHECK(a.try_send("room", b.address()));
        a.disarm(direction::write);
        for (int k = 1; k < n; ++k)
            CHECK(b.recv(timeout).data.text() == "full");
        CHECK(b.recv(timeout).data.text() == "room");
    }
}

// ---- a peer whose queue is full ----

TEST_CASE("datagram: a sender sleeps while the queue of a unix peer is full, and goes on when there is room")
{
    for (const style s : all_styles) {
        CAPTURE(s);
        datagram_socket<> a("unixgram-abstract:");
        datagram_socket<> b("unixgram-abstract:");
        datagram_socket<> c("unixgram-abstract:");
        const int n = fill_queue(a, b.address());
        CHECK(n > 0);
        CHECK(sleeps([&] { CHECK(code_of([&] { send(s, a, "late", b.address(), 300ms); }) == errc::timed_out); }));
        CHECK(send(s, a, "to another", c.address()) == 10); // which has room
        CHECK(recv(s, c).data.text() == "to another");

        std::thread sender([&, me = s] { CHECK(send(me, a, "waited", b.address()) == 6); });
        for (int i = 0; i < n; ++i)
            CHECK(recv(s, b).data.text() == "full");
        CHECK(recv(s, b).data.text() == "waited");
        sender.join();
        CHECK_FALSE(b.try_recv());

        // Another one, by the same descriptor for waiting.
        CHECK(fill_queue(a, c.address()) > 0);
        CHECK(sleeps([&] { CHECK(code_of([&] { send(s, a, "late", c.address(), 300ms); }) == errc::timed_out); }));
        CHECK(send(s, a, "x", b.address()) == 1);
    }
}

TEST_CASE("datagram: a sender wakes when the peer with the full queue goes away")
{
    for (const style s : all_styles) {
        CAPTURE(s);
        datagram_socket<> a("unixgram-abstract:");
        datagram_socket<> b("unixgram-abstract:");
        const datagram_address to = b.address();
        fill_queue(a, to);
        std::promise<pid_t> waits;
        std::thread sender([&, me = s] {
            waits.set_value(thread_id());
            CHECK(code_of([&] { send(me, a, "late", to); }) == condition::broken);
        });
        if (s == style::blocking)
            until_waiting(waits.get_future().get());
        b.close();
        sender.join();
        CHECK(code_of([&] { send(s, a, "later", to); }) == condition::broken);
    }
}

TEST_CASE("datagram: a sender whose own buffer is full waits for that")
{
    datagram_socket<> a("unixgram-abstract:", datagram_options().send_buffer(5000));
    datagram_socket<> b("unixgram-abstract:");
    datagram_socket<> c("unixgram-abstract:");
    const std::string big(3000, 'b');
    int n = 0;
    while (a.try_send(big, b.address()))
        ++n;
    CHECK(n > 0);
    CHECK_FALSE(a.try_send(big, c.address())); // whose queue is empty
    CHECK(sleeps([&] { CHECK(code_of([&] { a.send(big, c.address(), 300ms); }) == errc::timed_out); }));
    std::thread sender([&] { CHECK(a.send(big, c.address(), timeout) == big.size()); });
    for (int i = 0; i < n; ++i)
        CHECK(b.recv(timeout).data.size() == big.size());
    sender.join();
    CHECK(c.recv(timeout).data.size() == big.size());
}

TEST_CASE("datagram: without a descriptor to wait with, a send fails and does not spin")
{
    datagram_socket<> a("unixgram-abstract:");
    datagram_socket<> b("unixgram-abstract:");
    const int n = fill_queue(a, b.address());
    (void)code_of([&] { a.recv(1ms); }); // takes what this thread waits with
    error_code late;
    bool slept = false;
    bool sent = true;
    {
        const no_more_descriptors none_left;
        slept = sleeps([&] { a.send("late", b.address(), 300ms, late); });
        sent = a.try_send("now", b.address());
    }
    CHECK(slept);
    CHECK(late == boost::system::errc::too_many_files_open);
    CHECK_FALSE(sent);
    CHECK(code_of([&] { a.send("late", b.address(), 1ms); }) == errc::timed_out);
    for (int i = 0; i < n; ++i)
        CHECK(b.recv(timeout).data.text() == "full");
    CHECK_FALSE(b.try_recv());
}

// ---- options, broadcast and multicast ----

TEST_CASE("datagram: options are set as asked for, and are otherwise the system's")
{
    const datagram_socket<> plain("udp://127.0.0.1:0");
    CHECK(option(plain, SOL_SOCKET, SO_REUSEADDR) == 0);
    CHECK(option(plain, SOL_SOCKET, SO_REUSEPORT) == 0);
    CHECK(option(plain, SOL_SOCKET, SO_BROADCAST) == 0);
    CHECK(option(plain, IPPROTO_IP, IP_RECVERR) == 1);
    CHECK(option(plain, IPPROTO_IP, IP_MULTICAST_ALL) == 0);
    CHECK(closes_on_exec(plain.native_handle()));
    const datagram_socket<> s("udp://127.0.0.1:0", datagram_options()
                                                       .reuse_address()
                                                       .reuse_port()
                                                       .broadcast()
                                                       .ttl(7)
                                                       .multicast_ttl(0)
                                                       .multicast_loop(false)
                                                       .multicast_interface("lo")
                                                       .receive_buffer(20'000)
                                                       .send_buffer(30'000)
                                                       .report_errors(false));
    CHECK(option(s, SOL_SOCKET, SO_REUSEADDR) == 1);
    CHECK(option(s, SOL_SOCKET, SO_REUSEPORT) == 1);
    CHECK(option(s, SOL_SOCKET, SO_BROADCAST) == 1);
    CHECK(option(s, SOL_SOCKET, SO_RCVBUF) == 40'000); // Linux doubles it
    CHECK(option(s, SOL_SOCKET, SO_SNDBUF) == 60'000);
    CHECK(option(s, IPPROTO_IP, IP_TTL) == 7);
    CHECK(option(s, IPPROTO_IP, IP_MULTICAST_TTL) == 0);
    CHECK(option(s, IPPROTO_IP, IP_MULTICAST_LOOP) == 0);
    CHECK(option(s, IPPROTO_IP, IP_RECVERR) == 0);
    ip_mreqn by{};
    socklen_t size = sizeof by;
    must(::getsockopt(s.native_handle(), IPPROTO_IP, IP_MULTICAST_IF, &by, &size));
    if (has_ipv6()) {
        const datagram_socket<> v6(
            "udp://[::]:0",
            datagram_options().only_ipv6(false).ttl(8).multicast_ttl(9).multicast_loop(false).multicast_interface(
                "lo"));
        CHECK(option(v6, IPPROTO_IPV6, IPV6_V6ONLY) == 0);
        CHECK(option(v6, IPPROTO_IPV6, IPV6_UNICAST_HOPS) == 8);
        CHECK(option(v6, IPPROTO_IP, IP_TTL) == 8);
        CHECK(option(v6, IPPROTO_IPV6, IPV6_MULTICAST_HOPS) == 9);
        CHECK(option(v6, IPPROTO_IPV6, IPV6_MULTICAST_LOOP) == 0);
        CHECK(option(v6, IPPROTO_IPV6, IPV6_MULTICAST_IF) == static_cast<int>(::if_nametoindex("lo")));
        CHECK(option(v6, IPPROTO_IPV6, IPV6_RECVERR) == 1);
        CHECK(option(v6, IPPROTO_IP, IP_RECVERR) == 1);
    }
    // They have no effect on others.
    const datagram_socket<> u("unixgram-abstract:", datagram_options().ttl(7).broadcast().multicast_interface("lo"));
    CHECK(u.is_open());
}

TEST_CASE("datagram: an option that the system refuses is named beside the address")
{
    for (const auto& [o, name] : {std::pair{datagram_options().ttl(256), "ttl"},
                                  {datagram_options().multicast_ttl(256), "multicast_ttl"},
                                  {datagram_options().multicast_interface("no-such-nic"), "no-such-nic"}}) {
        CAPTURE(name);
        CHECK_THROWS_WITH(datagram_socket<>("udp://127.0.0.1:0", o),
                          Catch::Matchers::Contains(name) && Catch::Matchers::Contains("udp://127.0.0.1:0"));
    }
    CHECK_THROWS_WITH(datagram_socket<>("udp://198.51.100.7:0"), Catch::Matchers::Contains("udp://198.51.100.7:0"));
}

TEST_CASE("datagram: a broadcast wants its option")
{
    datagram_socket<> listener("udp://0.0.0.0:0");
    const std::string to = "udp://127.255.255.255:" + listener.address().to_address().service();
    datagram_socket<> plain("udp://127.0.0.1:0");
    CHECK(code_of([&] { plain.send("x", to, timeout); }) == boost::system::errc::permission_denied);
    CHECK(code_of([&] { run(plain.async_send("x", to, timeout)); }) == boost::system::errc::permission_denied);
    datagram_socket<> s("udp://127.0.0.1:0", datagram_options().broadcast());
    CHECK(s.send("to all", to, timeout) == 6);
    const auto d = listener.recv(timeout);
    CHECK(d.data.text() == "to all");
    CHECK(d.peer == s.address());
}

namespace {

/// The first interface by which the members of `group` on this machine are reached; empty if there is none.
std::string multicast_interface(const char* at, const char* group)
{
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> all(::if_nameindex(),
                                                                                   &::if_freenameindex);
    for (const struct if_nameindex* i = all.get(); i != nullptr && i->if_name != nullptr; ++i) {
        try {
            datagram_socket<> s(at, datagram_options().multicast_interface(i->if_name));
            const std::string to = group + s.address().to_address().service();
            s.join(to, i->if_name);
            s.send("?", to, timeout);
            (void)s.recv(200ms);
            return i->if_name;
        } catch (const error&) {
        }
    }
    return {};
}

} // namespace

TEST_CASE("datagram: members of a multicast group receive, and no others")
{
    int tried = 0;
    for (const auto& [at, group_text] :
         {std::pair{"udp://0.0.0.0:0", "udp://239.255.66.77:"}, {"udp://[::]:0", "udp://[ff02::4d42]:"}}) {
        const std::string by = multicast_interface(at, group_text);
        if (by.empty())
            continue;
        ++tried;
        for (const style s : all_styles) {
            CAPTURE(at, s, by);
            const auto options = datagram_options().multicast_interface(by);
            datagram_socket<> member(at, options);
            datagram_socket<> sender(at, options);
            datagram_socket<> other(at, options);
            const datagram_address group(group_text + member.address().to_address().service());
            other.join(group, by); // which is nothing to the member yet
            send(s, sender, "before", group);
            CHECK(code_of([&] { recv(s, member, 30ms); }) == errc::timed_out);
            member.join(group, by);
            CHECK_THROWS_WITH(member.join(group, by), Catch::Matchers::Contains(group.to_string())); // it is one
            send(s, sender, "member", group);
            const auto d = recv(s, member);
            CHECK(d.data.text() == "member");
            send(s, member, "answer", d.peer);
            CHECK(recv(s, sender).data.text() == "answer");
            member.leave(group, by);
            send(s, sender, "after", group);
            CHECK(code_of([&] { recv(s, member, 30ms); }) == errc::timed_out);
            CHECK_THROWS_AS(member.leave(group, by), error);
        }
    }
    if (tried == 0)
        skip("no interface of this machine has multicast");
}

TEST_CASE("datagram: what is no group, or no interface, is refused")
{
    datagram_socket<> s("udp://0.0.0.0:0");
    CHECK_THROWS_WITH(s.join("udp://127.0.0.1:0"), Catch::Matchers::Contains("udp://127.0.0.1:0"));
    CHECK_THROWS_WITH(s.join("udp://239.1.2.3:0", "no-such-nic"), Catch::Matchers::Contains("no-such-nic"));
    CHECK(code_of([&] { s.join("unixgram:/x"); }) == errc::invalid_argument);
    CHECK(code_of([&] { s.leave("unixgram:/x"); }) == errc::invalid_argument);
    s.close();
    CHECK(code_of([&] { s.join("udp://239.1.2.3:0"); }) == errc::closed);
}

// ---- ends of calls ----

TEST_CASE("datagram: a receive that ends early has taken nothing")
{
    for (const char* const at : {"udp://127.0.0.1:0", "unixgram-abstract:"}) {
        CAPTURE(at);
        datagram_socket<> a(at);
        datagram_socket<> b(at);
        error_code ec;
        CHECK(code_of([&] { b.recv(0s); }) == errc::timed_out);
        CHECK(code_of([&] { b.recv(5ms); }) == errc::timed_out);
        CHECK(b.recv(1ms, ec).data.empty());
        CHECK(ec == errc::timed_out);
        CHECK(code_of([&] { run(b.async_recv(5ms)); }) == errc::timed_out);
        std::stop_source stop;
        std::thread stopper([&] { stop.request_stop(); });
        CHECK(code_of([&] { b.recv(stop.get_token()); }) == errc::cancelled);
        stopper.join();
        CHECK_FALSE(b.try_recv());

        // Discarded by an operator, though the datagram is there.
        a.send("kept", b.address(), timeout);
        for (int i = 0; i < 20; ++i) {
            const auto none_yet = [&]() -> asio::awaitable<std::size_t> {
                asio::steady_timer now(co_await asio::this_coro::executor, 0s);
                co_await now.async_wait(asio::use_awaitable);
                co_return 1;
            };
            auto first = run(none_yet() || b.async_recv());
            if (first.index() == 1) {
                CHECK(std::get<1>(first).data.text() == "kept");
                a.send("kept", b.address(), timeout);
            }
        }
        const auto d = b.recv(timeout);
        CHECK(d.data.text() == "kept");
        CHECK(d.peer == a.address());
        CHECK_FALSE(b.try_recv());
    }
}

TEST_CASE("datagram: threads and coroutines send and receive at once, and each one arrives once, from its sender")
{
    datagram_socket<> b("unixgram-abstract:");
    constexpr int senders = 4;
    constexpr int each = 300;
    std::vector<datagram_socket<>> from;
    for (int i = 0; i < senders; ++i)
        from.emplace_back("unixgram-abstract:");
    std::mutex m;
    std::map<datagram_address, std::set<std::string>> got;
    std::atomic<int> left{senders * each};
    const auto note = [&](const datagram<bytes>& d) {
        const std::lock_guard guard(m);
        CHECK(got[d.peer].insert(std::string(d.data.text())).second);
        if (--left == 0)
            b.close();
    };
    const auto until_closed = [](auto receive_all) {
        try {
            receive_all();
        } catch (const closed_error&) {
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            until_closed([&] {
                for (;;)
                    note(b.recv(timeout));
            });
        });
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            const auto receive = [&]() -> asio::awaitable<void> {
                for (;;)
                    note(co_await b.async_recv(timeout));
            };
            until_closed([&] { run(receive()); });
        });
    for (int i = 0; i < senders; ++i) {
        datagram_socket<>& s = from[static_cast<std::size_t>(i)];
        for (const bool odd : {false, true})
            threads.emplace_back([&s, &b, odd] {
                for (int k = odd ? 1 : 0; k < each; k += 2)
                    send(odd ? style::coroutine : style::blocking, s, std::to_string(k), b.address());
            });
    }
    for (std::thread& t : threads)
        t.join();
    CHECK(got.size() == senders);
    for (const datagram_socket<>& s : from)
        CHECK(got[s.address()].size() == each);
}

TEST_CASE("datagram: close wakes everybody")
{
    for (const char* const at : {"udp://127.0.0.1:0", "unixgram-abstract:"}) {
        CAPTURE(at);
        datagram_socket<> s(at);
        datagram_socket<> same = s;
        std::promise<pid_t> waits;
        std::thread thread([&] {
            waits.set_value(thread_id());
            CHECK(code_of([&] { s.recv(timeout); }) == errc::closed);
        });
        until_waiting(waits.get_future().get());
        asio::io_context ctx;
        auto f = s.async_recv(asio::bind_executor(ctx, asio::use_future));
        ctx.poll();
        CHECK(same.close() == 0);
        thread.join();
        ctx.run();
        CHECK_THROWS_AS(f.get(), closed_error);
        CHECK_FALSE(s.is_open());
        CHECK(s.native_handle() == invalid_handle);
        CHECK(code_of([&] { s.send("x", s.address(), timeout); }) == errc::closed);
        CHECK(s.close() == 0);
    }
    datagram_socket<> a("unixgram-abstract:");
    datagram_socket<> b("unixgram-abstract:");
    fill_queue(a, b.address());
    std::promise<pid_t> waits;
    std::thread thread([&] {
        waits.set_value(thread_id());
        CHECK(code_of([&] { a.send("12345", b.address(), timeout); }) == errc::closed);
    });
    until_waiting(waits.get_future().get());
    CHECK(a.close() == 5); // what did not leave
    thread.join();
}

TEST_CASE("datagram: one that was moved from, or never was, is closed")
{
    datagram_socket<> s;
    CHECK_FALSE(s.is_open());
    CHECK(code_of([&] { s.recv(timeout); }) == errc::closed);
    CHECK(code_of([&] { s.send("x", "udp://127.0.0.1:9", timeout); }) == errc::closed);
    CHECK(code_of([&] { run(s.async_recv(timeout)); }) == errc::closed);
    CHECK(code_of([&] { (void)s.arm(direction::read); }) == errc::closed);
    CHECK(s.close() == 0);
    s = datagram_socket<>("udp://127.0.0.1:0");
    const datagram_socket<> moved(std::move(s));
    CHECK(moved.is_open());
}

// ---- making and unmaking ----

TEST_CASE("datagram: the file of a unix socket goes with it, and only that")
{
    const temporary_folder folder;
    const std::string path = folder.file();
    {
        const datagram_socket<> s("unixgram:" + path);
        CHECK(std::filesystem::is_socket(path));
        CHECK(code_of([&] { datagram_socket<> again("unixgram:" + path); }) == boost::system::errc::address_in_use);
        CHECK_THROWS_WITH(datagram_socket<>("unixgram:" + path), Catch::Matchers::Contains(path));
    }
    CHECK(folder.empty());
    datagram_socket<> s("unixgram:" + path);
    const datagram_socket<> same = s;
    std::filesystem::remove(path);
    const datagram_socket<> other("unixgram:" + path);
    s.close();
    CHECK(std::filesystem::is_socket(path)); // that of the other one
    CHECK_THROWS_AS(datagram_socket<>("unixgram:" + folder.file("no/such/folder")), error);
}

TEST_CASE("datagram: without descriptors there is no socket, and nothing is left over")
{
    const temporary_folder folder;
    const auto before = open_descriptors();
    for (const std::string& at : {std::string("udp://127.0.0.1:0"), "unixgram:" + folder.file()}) {
        CAPTURE(at);
        std::exception_ptr thrown;
        try {
            const no_more_descriptors none_left;
            (void)datagram_socket<>(at);
        } catch (...) {
            thrown = std::current_exception();
        }
        REQUIRE(thrown);
        CHECK_THROWS_WITH(std::rethrow_exception(thrown), Catch::Matchers::Contains(at));
        CHECK(code_of([&] { std::rethrow_exception(thrown); }) == boost::system::errc::too_many_files_open);
    }
    CHECK(folder.empty());
    CHECK(open_descriptors() == before);
    {
        datagram_socket<> a("unixgram-abstract:");
        datagram_socket<> b("unixgram:" + folder.file());
        fill_queue(a, b.address());
        (void)code_of([&] { run(a.async_send("late", b.address(), 1ms)); });
        (void)code_of([&] { run(a.async_recv(1ms)); });
        CHECK(a.inheritable() == false);
        for (const auto& [fd, target] : open_descriptors()) {
            CAPTURE(fd, target);
            if (before.count(fd) == 0)
                CHECK(closes_on_exec(fd));
        }
    }
    CHECK(folder.empty());
    CHECK(open_descriptors() == before);
}
