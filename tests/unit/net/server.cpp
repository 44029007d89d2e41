#include <ferrule/net/server.hpp>

#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include "support/addresses.hpp"
#include "support/test.hpp"

#include "src/testing/until_true.hpp"

namespace {

using testing::kit::until_true;

void echo(duplex peer)
{
    for (;;)
        peer.send(peer.recv());
}

void check(duplex d)
{
    d.send("hello", timeout);
    CHECK(d.recv(5, timeout) == byte_view("hello"));
}

/// Collects what a server reports.
class reports {
public:
    [[nodiscard]] auto collect()
    {
        return [this](std::exception_ptr e) {
            std::string text;
            try {
                std::rethrow_exception(e);
            } catch (const std::exception& x) {
                text = x.what();
            } catch (int n) {
                text = std::to_string(n);
            }
            const std::lock_guard guard(mutex_);
            texts_.push_back(text);
        };
    }
    [[nodiscard]] std::vector<std::string> texts() const
    {
        const std::lock_guard guard(mutex_);
        return texts_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> texts_;
};

} // namespace

TEST_CASE("server: its threads serve one connection each, at every kind of address")
{
    for (const address& a : addresses()) {
        INFO(a.to_string());
        server s(a, echo, server_options().threads(3));
        std::vector<duplex> clients;
        for (int i = 0; i < 3; ++i)
            check(clients.emplace_back(connect(s.address(), timeout)));
        CHECK(s.size() == 3);
        CHECK(s.connections().size() == 3);
        for (duplex& d : clients)
            check(d);
        clients.clear();
        until_true([&] { return s.size() == 0; });
        check(connect(s.address(), timeout));
        CHECK(s.failed() == 0);
        CHECK(s.close(timeout) <= 1);
    }
}

TEST_CASE("server: serves on the threads of its caller until it is stopped, or the time is up")
{
    server s(listener("tcp://127.0.0.1:0"), echo);
    s.serve(1ms);
    s.serve(deadline::now());
    std::stop_source stop;
    std::jthread one([&] { s.serve(stop.get_token()); });
    std::jthread two([&] { s.serve(); });
    {
        duplex a = connect(s.address(), timeout);
        duplex b = connect(s.address(), timeout);
        check(a);
        check(b);
        stop.request_stop();
        check(a); // its session goes on
        check(b);
    }
    one.join();
    s.stop();
    two.join();
    s.serve(); // returns
    CHECK(code_of([&] { (void)connect(s.address(), timeout); }) == boost::system::errc::connection_refused);
}

TEST_CASE("server: whoever finds all threads busy is served when one is free")
{
    server s("tcp://127.0.0.1:0", echo, server_options().threads(1));
    std::optional<duplex> first(connect(s.address(), timeout));
    check(*first);
    duplex second = connect(s.address(), timeout);
    second.send("later", timeout);
    CHECK_THROWS_AS(second.recv(5, 20ms), timeout_error);
    first.reset();
    CHECK(second.recv(5, timeout) == byte_view("later"));
}

TEST_CASE("server: an exception ends its session, is reported, and is no other's matter")
{
    reports told;
    server s(
        listener("tcp://127.0.0.1:0", varint()),
        [](message_duplex<varint> peer) {
            const bytes m = peer.recv();
            if (m == byte_view("throw"))
                throw std::runtime_error("thrown");
            if (m == byte_view("number"))
                throw 7;
            peer.send(m);
            (void)peer.recv();
        },
        server_options().threads(2).on_error(told.collect()));
    auto good = connect(s.address(), varint(), timeout);
    for (const char* m : {"throw", "number"}) {
        auto bad = connect(s.address(), varint(), timeout);
        bad.send(m, timeout);
        CHECK(code_of([&] { (void)bad.recv(timeout); }) == errc::end_of_stream);
    }
    {
        auto torn = connect(s.address(), varint(), timeout);
        torn.as_bytes().send("\x05"
                             "half",
                             timeout); // ends within a message
    }
    until_true([&] { return s.failed() == 3; });
    good.send("hello", timeout);
    CHECK(good.recv(timeout) == byte_view("hello"));
    good.close(); // the clean end is no failure
    CHECK(s.close(timeout) == 0);
    CHECK(s.failed() == 3);
    auto texts = told.texts();
    std::ranges::sort(texts);
    REQUIRE(texts.size() == 3);
    CHECK(texts[0] == "7");
    CHECK_THAT(texts[1], Catch::Matchers::Contains(error_code(errc::truncated).message()));
    CHECK(texts[2] == "thrown");
}

TEST_CASE("server: close waits for sessions, and cuts off those that are late")
{
    server s("tcp://127.0.0.1:0", echo, server_options().threads(3));
    std::optional<duplex> ending(connect(s.address(), timeout));
    duplex staying = connect(s.address(), timeout);
    duplex quiet = connect(s.address(), timeout);
    check(*ending);
    check(staying);
    check(quiet);
    auto closing = std::async(std::launch::async, [&] { return s.close(1s); });
    ending.reset();
    CHECK(closing.get() == 2);
    error_code ec;
    (void)staying.recv(timeout, ec);
    CHECK(ec == errc::end_of_stream);
    until_true([&] { return s.size() == 0; });
    CHECK(s.failed() == 0); // the server itself has closed them
    CHECK(s.close(timeout) == 0);
    CHECK(code_of([&] { (void)connect(s.address(), timeout); }) == boost::system::errc::connection_refused);

    std::stop_source stop;
    server another("tcp://127.0.0.1:0", echo, server_options().threads(1));
    duplex d = connect(another.address(), timeout);
    check(d);
    stop.request_stop();
    CHECK(another.close(stop.get_token()) == 1);
}

TEST_CASE("server: a session can speak to all, and stop the server")
{
    std::optional<server<listener<varint>>> s;
    s.emplace(
        listener("tcp://127.0.0.1:0", varint()),
        [&s](message_duplex<varint> peer) {
            for (;;) {
                const bytes m = peer.recv();
                if (m == byte_view("stop"))
                    s->stop();
                for (auto& c : s->connections())
                    c.send(m);
            }
        },
        server_options().threads(3));
    std::vector<message_duplex<varint>> clients;
    for (int i = 0; i < 3; ++i) {
        clients.push_back(connect(s->address(), varint(), timeout));
        until_true([&] { return s->size() == clients.size(); });
    }
    for (const char* m : {"hello", "stop", "still here"}) {
        clients[0].send(m, timeout);
        for (auto& c : clients)
            CHECK(c.recv(timeout) == byte_view(m));
    }
    CHECK(code_of([&] { (void)connect(s->address(), timeout); }) == boost::system::errc::connection_refused);
    clients.clear();
    CHECK(s->close(timeout) == 0);
}

TEST_CASE("server: serves Python's listeners, and several addresses")
{
    const std::string key = "secret";
    server s(
        py::listener<>({"tcp://127.0.0.1:0", local_address()}, py::listener_options().authkey(key)),
        [](message_duplex<multiprocessing> peer) { peer.send(peer.recv()); }, server_options().threads(2));
    for (const address& a : s.addresses()) {
        auto c = py::connect(a, py::connect_options().authkey(key), timeout);
        c.send(py::value(1, "two"), timeout);
        CHECK(c.recv(timeout) == py::value(1, "two"));
    }
}

TEST_CASE("server: its destructor ends the sessions and the threads")
{
    std::atomic<int> ended = 0;
    std::vector<duplex> clients;
    {
        server s(
            listener("tcp://127.0.0.1:0"),
            [&](duplex peer) {
                error_code ec;
                while (!ec)
                    (void)peer.recv(ec);
                CHECK(ec == errc::closed);
                ++ended;
            },
            server_options().threads(4));
        for (int i = 0; i < 4; ++i)
            clients.push_back(connect(s.address(), timeout));
        until_true([&] { return s.size() == 4; });
    }
    CHECK(ended == 4);
}
