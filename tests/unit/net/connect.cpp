#include <ferrule/net/connect.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include "support/addresses.hpp"
#include "support/test.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace {

// Accepts one connection and echoes a message of it.
class echo {
public:
    explicit echo(const address& at) : listener_(at) {}

    [[nodiscard]] const address& where() const { return listener_.address(); }

private:
    py::listener<varint> listener_;
    std::jthread thread_{[this] {
        auto c = listener_.accept(timeout);
        c.send(c.recv(timeout), timeout);
    }};
};

void check(message_duplex<varint> c)
{
    c.send("hello", timeout);
    CHECK(c.recv(timeout) == byte_view("hello"));
}
void check(const duplex& c)
{
    check(message_duplex<varint>(c));
}

std::string text_of(const std::function<void()>& f)
{
    try {
        f();
    } catch (const error& e) {
        return e.what();
    }
    return "no exception of ferrule's own";
}

address nobody()
{
    return py::listener<varint>("tcp://127.0.0.1:0").address();
}

} // namespace

TEST_CASE("connect: bytes and messages over every kind of address, by every form of the call")
{
    const connect_options o;
    for (const address& a : addresses()) {
        INFO(a.to_string());
        const auto there = [&](auto call) {
            const echo e(a);
            check(call(e.where()));
        };
        error_code ec;
        there([](const address& to) { return connect(to); });
        there([](const address& to) { return connect(to, timeout); });
        there([&](const address& to) { return connect(to.to_string(), o, timeout); });
        there([&](const address& to) { return connect(to, o, timeout, ec); });
        there([](const address& to) { return connect(to, varint()); });
        there([](const address& to) { return connect(to, varint(), timeout); });
        there([&](const address& to) { return connect(to, varint(), o, timeout, ec); });
        there([](const address& to) { return run(async_connect(to)); });
        there([](const address& to) { return run(async_connect(to, timeout)); });
        there([&](const address& to) { return run(async_connect(to, o, timeout, asio::use_awaitable)); });
        there([](const address& to) { return run(async_connect(to, varint())); });
        there([&](const address& to) { return run(async_connect(to, varint(), o, timeout)); });
        there([&](const address& to) { return run(async_connect(to, varint(), o, limits(100), timeout)); });
        there([](const address& to) { return async_connect(to, asio::use_future).get(); });
        there([](const address& to) {
            asio::io_context context;
            duplex d;
            async_connect(to, timeout, asio::bind_executor(context, [&](error_code e, duplex made) {
                              CHECK_FALSE(e);
                              d = std::move(made);
                          }));
            context.run();
            return d;
        });
        CHECK_FALSE(ec);
    }
}

TEST_CASE("connect: the limits are those of the connection")
{
    const echo e("tcp://127.0.0.1:0");
    auto c = connect(e.where(), varint(), connect_options(), timeout, limits(10));
    CHECK(code_of([&] { c.send(std::string(11, 'x'), timeout); }) == errc::too_large);
    check(c);

    const echo another("tcp://127.0.0.1:0");
    auto d = run(async_connect(another.where(), varint(), connect_options(), limits(10), timeout));
    CHECK(code_of([&] { d.send(std::string(11, 'x'), timeout); }) == errc::too_large);
    check(d);
}

TEST_CASE("connect: options are accepted, and what a system lacks is an error")
{
    const py::listener<varint> listener("tcp://127.0.0.1:0");
    for (const auto& o : {connect_options().user_timeout(1s), connect_options().traffic_class(0xb8)}) {
        error_code ec;
        (void)connect(listener.address(), o, timeout, ec);
        CHECK((!ec || ec == errc::unsupported));
    }
    const echo e("tcp://127.0.0.1:0");
    check(connect(e.where(), connect_options().keep_alive(30s, 5s, 4).no_delay(false).local("tcp://127.0.0.1:0"),
                  timeout));
}

TEST_CASE("connect: errors name the address")
{
    const address to = nobody();
    const auto patient = connect_options().wait_for_listener(1h);
    const auto names_it = Catch::Matchers::Contains(to.to_string());
    CHECK_THROWS_WITH(connect(to, timeout), names_it);
    CHECK_THROWS_WITH(connect(to, patient, 1ms), names_it);
    CHECK_THROWS_AS(connect(to, patient, 1ms), timeout_error);
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_AS(connect(to, patient, stop.get_token()), cancelled_error);
    CHECK_THROWS_WITH(connect("tcp://no-such-host.invalid:80", timeout), Catch::Matchers::Contains("no-such-host"));
    CHECK_THROWS_AS(connect(to, connect_options().local("tcp://localhost:0")), usage_error);

    error_code ec;
    CHECK_FALSE(connect(to, connect_options(), timeout, ec).is_open());
    CHECK(ec == boost::system::errc::connection_refused);
    CHECK_FALSE(connect(to, varint(), patient, 1ms, ec).is_open());
    CHECK(ec == errc::timed_out);
    CHECK(code_of([&] { (void)run(async_connect(to, timeout)); }) == boost::system::errc::connection_refused);
}

TEST_CASE("connect: however it is called, an exception tells the same")
{
    const std::uint16_t port = nobody().port();
    const address alone = address::tcp("127.0.0.1", port);
    const address host = address::tcp("localhost", port); // often several addresses
    for (const address& to : {alone, host, address("tcp://no-such-host.invalid:80"), local_address()}) {
        const std::string expected = text_of([&] { (void)connect(to, timeout); });
        CAPTURE(expected);
        CHECK(expected.find("connecting to " + to.to_string()) != std::string::npos);
        const auto tells_it = [&](auto call) { CHECK(text_of(call) == expected); };
        tells_it([&] { (void)connect(to, varint(), timeout); });
        tells_it([&] { (void)run(async_connect(to, timeout)); });
        tells_it([&] { (void)run(async_connect(to, timeout, asio::use_awaitable)); });
        tells_it([&] { (void)run(async_connect(to, varint(), timeout)); });
        tells_it([&] { (void)run(async_connect(to, varint(), timeout, asio::use_awaitable)); });
        tells_it([&] { (void)async_connect(to, timeout, asio::use_future).get(); });
        tells_it([&] { (void)async_connect(to, varint(), timeout, asio::use_future).get(); });

        // A code has no text; it is that of the exception.
        const error_code code = code_of([&] { (void)connect(to, timeout); });
        asio::io_context context;
        error_code ec;
        async_connect(to, timeout, asio::bind_executor(context, [&](error_code e, const duplex&) { ec = e; }));
        context.run();
        CHECK(ec == code);
    }
    const auto patient = connect_options().wait_for_listener(1h);
    for (const auto& limit : {until(1ms), until([] {
                                  std::stop_source s;
                                  s.request_stop();
                                  return s.get_token();
                              }())}) {
        const std::string expected = text_of([&] { (void)connect(alone, patient, limit); });
        CHECK(expected.find(alone.to_string()) != std::string::npos);
        CHECK(text_of([&] { (void)run(async_connect(alone, patient, limit)); }) == expected);
        CHECK(text_of([&] { (void)async_connect(alone, patient, limit, asio::use_future).get(); }) == expected);
    }
    CHECK_THROWS_AS(run(async_connect(alone, patient, 1ms)), timeout_error);
    CHECK_THROWS_AS(run(async_connect(alone, patient, 1ms, asio::use_awaitable)), timeout_error);
}

TEST_CASE("connect: a local address of another family than the host's is refused, and both are named")
{
    const address to = nobody();
    const std::pair<address, address> table[] = {
        {to, "tcp://[::1]:0"},
        {to, "abstract:x"},
        {to, "pipe:x"},
        {"tcp://[::1]:9", "tcp://127.0.0.1:0"},
        {address::tcp("localhost", 9), "abstract:x"}, // after a lookup
        {local_address(), "tcp://127.0.0.1:0"},
        {address::tcp("no-such-family.invalid", 1), "tls://127.0.0.1:0"},
    };
    for (const auto& [where, from] : table) {
        CAPTURE(where.to_string(), from.to_string());
        connect_options o;
        try {
            o.local(from);
            (void)connect(where, o, timeout);
            FAIL_CHECK("was taken");
        } catch (const usage_error& e) {
            if (e.code() == errc::unsupported)
                continue; // the system has no such address
            CHECK(e.code() == errc::invalid_argument);
            CHECK_THAT(e.what(), Catch::Matchers::Contains(from.to_string()));
            if (from.kind() != address::family::tls)
                CHECK_THAT(e.what(), Catch::Matchers::Contains("connecting to " + where.to_string()));
            CHECK_THROWS_WITH(run(async_connect(where, o, timeout)), e.what());
        }
        error_code ec;
        (void)connect(where, o, timeout, ec);
        CHECK((ec == errc::invalid_argument || ec == errc::unsupported));
    }
}

TEST_CASE("connect: an address without connections is refused by its name")
{
    for (const char* const to : {"udp://127.0.0.1:9", "udp://localhost:9", "unixgram:/x", "unixgram-abstract:x"}) {
        CAPTURE(to);
        const auto names_it = Catch::Matchers::Contains(to);
        CHECK_THROWS_WITH(connect(to, timeout), names_it);
        CHECK_THROWS_AS(connect(to, timeout), usage_error);
        CHECK_THROWS_WITH(run(async_connect(to, timeout)), names_it);
        CHECK_THROWS_WITH(connect("tcp://127.0.0.1:9", connect_options().local(to)), names_it);
        error_code ec;
        (void)connect(to, connect_options(), timeout, ec);
        CHECK(ec == errc::unsupported);
    }
}

TEST_CASE("connect: where TLS is spoken nothing is sent in clear, and the cure is named")
{
    listener there("tcp://127.0.0.1:0");
    for (const std::string host : {"127.0.0.1", "localhost"}) {
        const address to = address::tls(host, there.address().port());
        const auto names_it = Catch::Matchers::Contains(to.to_string());
        const auto names_cure = Catch::Matchers::Contains("use ferrule::tls::connect");
        const auto names_both = names_it && names_cure; // refers to them
        CHECK_THROWS_WITH(connect(to, timeout), names_both);
        CHECK_THROWS_AS(connect(to, timeout), usage_error);
        CHECK_THROWS_WITH(connect(to, varint(), timeout), names_both);
        CHECK_THROWS_WITH(run(async_connect(to, timeout)), names_both);
        CHECK_THROWS_WITH(run(async_connect(to, varint(), timeout)), names_both);
        CHECK_THROWS_WITH(py::connect(to, {}, timeout), names_both);
        CHECK_THROWS_WITH(py::connect(to, py::connect_options().authkey("secret"), timeout), names_both);
        error_code ec;
        CHECK_FALSE(connect(to, connect_options(), timeout, ec).is_open());
        CHECK(ec == errc::unsupported);
    }
    CHECK(code_of([] { (void)connect("tls://no-such-host.invalid:443"); }) == errc::unsupported); // no lookup either
    CHECK_FALSE(there.try_accept());
}

TEST_CASE("connect: a loser of a race gives its connection up")
{
    using namespace asio::experimental::awaitable_operators;
    const address to = nobody();
    run([](address a) -> asio::awaitable<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
        const auto patient = connect_options().wait_for_listener(1h);
        const auto winner =
            co_await (async_connect(a, patient, asio::use_awaitable) || timer.async_wait(asio::use_awaitable));
        CHECK(winner.index() == 1);
    }(to));
}

TEST_CASE("connect: a listener that comes later is found")
{
    for (const address& a : addresses()) {
        if (a.kind() == address::family::tcp)
            continue; // its port is not known before
        auto later = std::async(std::launch::async,
                                [&] { return connect(a, varint(), connect_options().wait_for_listener(1h), timeout); });
        const echo e(a);
        check(later.get());
    }
}
