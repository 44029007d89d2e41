// Listeners and clients of Python's multiprocessing, over every kind of address of this system.
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include "support/addresses.hpp"
#include "support/system.hpp"
#include "support/test.hpp"

namespace {

const std::string key = "a key that both know";

using connection = message_duplex<multiprocessing>;

connection accept(py::listener<>& l, bool as_coroutine)
{
    return as_coroutine ? run(l.async_accept(timeout)) : l.accept(timeout);
}
connection connect(const address& a, const py::connect_options& o, bool as_coroutine)
{
    return as_coroutine ? run(py::async_connect(a, o, timeout)) : py::connect(a, o, timeout);
}

} // namespace

TEST_CASE("listener: clients get through by every kind of address, with a key and without, and both ways objects go")
{
    for (const address& a : addresses()) {
        for (const std::string& k : {key, std::string()}) {
            for (const bool as_coroutine : {false, true}) {
                INFO(a.to_string() << ", " << k);
                py::listener<> listener(a, py::listener_options().authkey(k));
                std::jthread client([&] {
                    auto c = connect(listener.address(), py::connect_options().authkey(k), as_coroutine);
                    c.send(py::value(1, 2), timeout);
                    CHECK(c.recv(timeout) == py::value("hello"));
                });
                auto c = accept(listener, as_coroutine);
                CHECK(c.recv(timeout) == py::value(1, 2));
                c.send("hello", timeout);
                client.join();
                CHECK(code_of([&] { (void)c.recv(timeout); }) == errc::end_of_stream);
            }
        }
    }
}

TEST_CASE("listener: addresses may be given as text")
{
    for (const address& a : addresses()) {
        py::listener<> listener(a.to_string());
        const std::string where = listener.address().to_string();
        CAPTURE(where);
        std::jthread client([&] { py::connect(where, {}, timeout).send("found", timeout); });
        CHECK(listener.accept(timeout).recv(timeout) == py::value("found"));
    }
    for (const bool as_coroutine : {false, true}) {
        const error_code unknown = code_of([&] { (void)connect("tcp://127.0.0.1:no-such-service", {}, as_coroutine); });
        CHECK((unknown == asio::error::service_not_found || unknown == asio::error::host_not_found));
    }
    CHECK(code_of([] { (void)py::connect("tcp://127.0.0.1"); }) == errc::invalid_argument);
}

TEST_CASE("listener: the name of a host is looked up, and there may be IPv6")
{
    for (const bool as_coroutine : {false, true}) {
        py::listener<> listener(address::tcp("localhost", 0), py::listener_options().authkey(key));
        const address by_name = address::tcp("localhost", listener.address().port());
        std::jthread client(
            [&] { connect(by_name, py::connect_options().authkey(key), as_coroutine).send("found", timeout); });
        CHECK(listener.accept(timeout).recv(timeout) == py::value("found"));
    }
    try {
        py::listener<> listener(address::tcp("::1", 0));
        std::jthread client([&] { py::connect(listener.address(), {}, timeout).send("six", timeout); });
        CHECK(listener.accept(timeout).recv(timeout) == py::value("six"));
    } catch (const error& e) {
        WARN(e.what());
    }
}

TEST_CASE("listener: a message that is larger than a socket takes goes through, and other framings")
{
    for (const address& a : addresses()) {
        INFO(a.to_string());
        py::listener<> listener(a, py::listener_options().authkey(key).min_digest(py::digest::sha256));
        asio::io_context context;
        auto connecting = asio::co_spawn(
            context,
            py::async_connect(listener.address(), py::connect_options().authkey(key).min_digest(py::digest::sha256),
                              timeout),
            asio::use_future);
        std::jthread running([&] { context.run(); });
        auto ours = listener.accept(timeout);
        auto theirs = connecting.get();
        const std::string large(5 << 20, 'x');
        std::jthread sending([&] { ours.send(large, timeout); });
        CHECK(theirs.recv(timeout).as<std::string_view>() == large);
    }
    // Raw bytes, and another framing.
    py::listener<none> bytes_only(address::tcp("127.0.0.1", 0));
    auto connected = py::connect<none>(bytes_only.address(), {}, timeout);
    auto accepted = bytes_only.accept(timeout);
    connected.send("raw", timeout);
    CHECK(accepted.recv(timeout).text() == "raw");
}

TEST_CASE("listener: nothing of it stays when it has gone, nor of those who came")
{
    const auto once = [](const address& a) {
        py::listener<> listener(a, py::listener_options().authkey(key));
        std::jthread client(
            [&] { (void)py::connect(listener.address(), py::connect_options().authkey(key), timeout); });
        (void)listener.accept(timeout);
        error_code ec;
        (void)listener.accept(1ms, ec);
    };
    for (const address& a : addresses()) {
        for (int i = 0; i < 5; ++i) // what is made once stays
            once(a);
        const std::size_t before = open_handles();
        for (int i = 0; i < 20; ++i)
            once(a);
        INFO(before << ", then " << open_handles());
        CHECK(open_handles() < before + 20);
    }
}

TEST_CASE("listener: several clients at once are told apart")
{
    for (const address& a : addresses()) {
        py::listener<> listener(a, py::listener_options().authkey(key));
        constexpr int clients = 8;
        std::vector<std::jthread> threads;
        std::atomic<int> served{0};
        for (int i = 0; i < clients; ++i)
            threads.emplace_back([&, i] {
                auto c = connect(listener.address(), py::connect_options().authkey(key), i % 2 == 0);
                c.send(i, timeout);
                if (c.recv(timeout) == py::value(10 * i))
                    ++served;
            });
        for (int i = 0; i < clients; ++i) {
            auto c = listener.accept(timeout);
            c.send(10 * c.recv(timeout).as<int>(), timeout);
            CHECK(code_of([&] { (void)c.recv(timeout); }) == errc::end_of_stream);
        }
        threads.clear();
        CHECK(served == clients);
    }
}

TEST_CASE("listener: peers that are ready at the same moment are accepted one after the other")
{
    struct client {
        message_duplex<multiprocessing_bytes> connection;
        py::handshake hands{py::handshake::role::client, key};
        bytes last; // what ends the handshake
    };
    py::listener<> listener(py::listener_options().authkey(key));
    std::array<client, 3> clients;
    for (client& c : clients) {
        c.connection = py::connect<multiprocessing_bytes>(listener.address(), {}, 20s);
        while (c.last.empty()) {
            if (!c.hands.sends()) {
                std::optional<bytes> message;
                while (!(message = c.connection.try_recv()))
                    CHECK_FALSE(listener.try_accept()); // which goes on with its part
                c.hands.take(*message);
                continue;
            }
            bytes message = c.hands.next();
            if (c.hands.is_done())
                c.last = std::move(message);
            else
                c.connection.send(message, 20s);
        }
    }
    for (client& c : clients)
        c.connection.send(c.last, 20s);
    for (std::size_t i = 0; i < clients.size(); ++i)
        CHECK_NOTHROW(listener.accept(20s));
}

TEST_CASE("listener: whoever does not know the key is refused, and both sides say so")
{
    for (const address& a : addresses()) {
        INFO(a.to_string());
        std::vector<error_code> refused;
        py::listener<> listener(
            a, py::listener_options().authkey(key).on_refused([&](const error& e) { refused.push_back(e.code()); }));
        std::atomic<int> clients = 0;
        std::jthread wrong([&] {
            CHECK(code_of([&] {
                      (void)py::connect(listener.address(), py::connect_options().authkey("wrong"), timeout);
                  }) == errc::unauthenticated);
            ++clients;
            // Without a key: what arrives is a challenge, and no object.
            auto c = py::connect(listener.address(), {}, timeout);
            CHECK(code_of([&] { (void)c.recv(timeout); }) == errc::unauthenticated);
            c.close();
            ++clients;
        });
        while (clients != 2 || refused.size() != 2) {
            error_code ec;
            (void)listener.accept(10ms, ec);
            REQUIRE(ec == errc::timed_out);
        }
        CHECK(refused[0] == errc::unauthenticated);
        CHECK(refused[1] == condition::end);
        // With a key where none is wanted: nobody ever asks for it.
        py::listener<> open;
        CHECK(code_of([&] { (void)py::connect(open.address(), py::connect_options().authkey(key), 50ms); }) ==
              errc::timed_out);
    }
}

TEST_CASE("listener: close answers whoever accepts, and the address is free again")
{
    for (const address& a : addresses()) {
        for (const bool as_coroutine : {false, true}) {
            py::listener<> listener(a, py::listener_options().authkey(key));
            error_code ec;
            (void)listener.accept(1ms, ec);
            CHECK(ec == errc::timed_out);
            CHECK(!listener.try_accept());
            std::jthread waiting(
                [&] { CHECK(code_of([&] { (void)accept(listener, as_coroutine); }) == errc::closed); });
            std::this_thread::yield();
            listener.close();
            waiting.join();
            // What was accepted before lives on, and one who has connected but was not taken sees the end.
            py::listener<> next(a);
            auto pending = py::connect(next.address(), {}, timeout);
            next.close();
            const error_code end = code_of([&] { (void)pending.recv(timeout); });
            CHECK((end == condition::end || end == condition::broken));
        }
    }
}

TEST_CASE("listener: a cancelled accept has taken nobody")
{
    py::listener<> listener;
    error_code ec;
    (void)listener.accept(1ms, ec);
    CHECK(ec == errc::timed_out);
    CHECK(!listener.try_accept());
    auto connected = py::connect(listener.address(), {}, timeout);
    connected.send("for whoever takes it", timeout);
    std::optional<connection> taken;
    while (!(taken = listener.try_accept())) {
        CHECK(!listener.arm().is_now());
    }
    CHECK(taken->recv(timeout) == py::value("for whoever takes it"));
}

TEST_CASE("listener: where only this user is welcome, this user is")
{
    const address tcp = address::tcp("127.0.0.1", 0);
    CHECK(code_of([&] { py::listener<> l(tcp, py::listener_options().same_user()); }) == errc::unsupported);
    CHECK(code_of([&] { (void)py::connect(tcp, py::connect_options().same_user()); }) == errc::unsupported);
    py::listener<> listener(py::listener_options().authkey(key).same_user());
    std::jthread client([&] {
        py::connect(listener.address(), py::connect_options().authkey(key).same_user(), timeout)
            .send("it is me", timeout);
    });
    CHECK(listener.accept(timeout).recv(timeout) == py::value("it is me"));
}

TEST_CASE("listener: a client waits for a listener that comes later, if told to")
{
    const address nowhere = local_address();
    CHECK(code_of([&] { (void)py::connect(nowhere); }));
    CHECK(code_of([&] { (void)py::connect(nowhere, py::connect_options().wait_for_listener(20ms)); }));
    CHECK(code_of([&] { (void)py::connect(nowhere, py::connect_options().wait_for_listener(1h), 20ms); }) ==
          errc::timed_out);
    asio::io_context context;
    auto connecting = asio::co_spawn(
        context, py::async_connect(nowhere, py::connect_options().wait_for_listener(60s), timeout), asio::use_future);
    context.run_for(20ms); // it has tried in vain
    py::listener<> listener(nowhere);
    std::jthread running([&] { context.run(); });
    CHECK(listener.accept(timeout).is_open());
    CHECK(connecting.get().is_open());
}
