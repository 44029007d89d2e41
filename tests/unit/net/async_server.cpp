#include <ferrule/net/async_server.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include "support/addresses.hpp"
#include "support/test.hpp"

#include "src/testing/until_true.hpp"

namespace {

using testing::kit::until_true;

asio::awaitable<void> echo(duplex peer)
{
    for (;;) {
        const bytes some = co_await peer.async_recv();
        co_await peer.async_send(some);
    }
}

void check(duplex d)
{
    d.send("hello", timeout);
    CHECK(d.recv(5, timeout) == byte_view("hello"));
}

/// A context that runs on threads beside the test.
class running {
public:
    explicit running(std::size_t threads = 1) : pool_(threads) {}
    [[nodiscard]] asio::any_io_executor executor() { return pool_.get_executor(); }
    template <class T>
    T get(asio::awaitable<T> a)
    {
        return asio::co_spawn(pool_, std::move(a), asio::use_future).get();
    }

private:
    asio::thread_pool pool_;
};

} // namespace

TEST_CASE("async_server: serves all connections at once, at every kind of address")
{
    for (const std::size_t threads : {std::size_t{1}, std::size_t{3}})
        for (const address& a : addresses()) {
            INFO(a.to_string());
            running context(threads);
            async_server s(context.executor(), a, echo);
            std::vector<duplex> clients;
            for (int i = 0; i < 20; ++i)
                clients.push_back(connect(s.address(), timeout));
            for (duplex& d : clients)
                check(d);
            CHECK(s.size() == 20);
            CHECK(s.connections().size() == 20);
            clients.clear();
            CHECK(s.close(timeout) == 0);
            CHECK(s.failed() == 0);
        }
}

TEST_CASE("async_server: whoever comes while there are enough is served later")
{
    running context;
    async_server s(context.executor(), "tcp://127.0.0.1:0", echo, async_server_options().max_connections(2));
    std::vector<duplex> clients;
    for (int i = 0; i < 5; ++i) {
        clients.push_back(connect(s.address(), timeout));
        clients.back().send("hello", timeout);
    }
    std::size_t most = 0;
    for (duplex& d : clients) { // in the order in which they came
        CHECK(d.recv(5, timeout) == byte_view("hello"));
        most = std::max(most, s.size());
        d.close();
    }
    CHECK(most <= 2);
    CHECK(s.close(timeout) == 0);
}

TEST_CASE("async_server: an exception ends its session, is reported, and is no other's matter")
{
    running context;
    std::atomic<int> reported = 0;
    const auto count = [&](std::exception_ptr e) {
        CHECK_THROWS_AS(std::rethrow_exception(e), std::runtime_error);
        ++reported;
    };
    async_server s(
        context.executor(), listener("tcp://127.0.0.1:0", varint()),
        [](message_duplex<varint> peer) -> asio::awaitable<void> {
            for (;;) {
                const bytes m = co_await peer.async_recv();
                if (m == byte_view("throw"))
                    throw std::runtime_error("thrown");
                co_await peer.async_send(m);
            }
        },
        async_server_options().on_error(count));
    auto good = connect(s.address(), varint(), timeout);
    auto bad = connect(s.address(), varint(), timeout);
    bad.send("throw", timeout);
    CHECK(code_of([&] { (void)bad.recv(timeout); }) == errc::end_of_stream);
    good.send("hello", timeout);
    CHECK(good.recv(timeout) == byte_view("hello"));
    good.close();
    CHECK(s.close(timeout) == 0);
    CHECK(reported == 1);
    CHECK(s.failed() == 1);

    async_server never(
        context.executor(), "tcp://127.0.0.1:0",
        [](const duplex&) -> asio::awaitable<void> { throw std::runtime_error("before it is a coroutine"); },
        async_server_options().on_error(count));
    for (int i = 0; i < 2; ++i)
        CHECK(code_of([&] { (void)connect(never.address(), timeout).recv(timeout); }) == errc::end_of_stream);
    CHECK(never.close(timeout) == 0); // the peer sees its end before it is counted
    CHECK(never.failed() == 2);
}

TEST_CASE("async_server: close waits for sessions, and cuts off those that are late")
{
    for (const bool as_coroutine : {false, true}) {
        running context;
        async_server s(context.executor(), "tcp://127.0.0.1:0", echo);
        const auto close = [&](until u) { return as_coroutine ? context.get(s.async_close(u)) : s.close(u); };
        std::optional<duplex> ending(connect(s.address(), timeout));
        duplex staying = connect(s.address(), timeout);
        check(*ending);
        check(staying);
        auto closing = std::async(std::launch::async, [&] { return close(1s); });
        ending.reset();
        CHECK(closing.get() == 1);
        error_code ec;
        (void)staying.recv(timeout, ec);
        CHECK(ec == errc::end_of_stream);
        until_true([&] { return s.size() == 0; });
        CHECK(s.failed() == 0);
        CHECK(close(timeout) == 0);
        CHECK(code_of([&] { (void)connect(s.address(), timeout); }) == boost::system::errc::connection_refused);
    }
}

TEST_CASE("async_server: the context may end first, and the server too")
{
    std::optional<asio::io_context> context(std::in_place);
    std::optional<async_server<>> s(std::in_place, context->get_executor(), "tcp://127.0.0.1:0", echo);
    duplex client = connect(s->address(), timeout);
    client.send("hello", timeout);
    while (s->size() == 0)
        context->run_one();
    duplex waiting = connect(s->address(), timeout);
    context.reset();
    CHECK(s->size() == 0);
    error_code ec;
    while (!ec)
        (void)client.recv(timeout, ec);
    CHECK((ec == errc::end_of_stream || ec == condition::broken));
    CHECK(s->close(timeout) == 0);
    s.reset();

    asio::io_context other;
    s.emplace(other.get_executor(), "tcp://127.0.0.1:0", echo);
    const duplex c = connect(s->address(), timeout);
    while (s->size() == 0)
        other.run_one();
    s.reset();
    other.run(); // has nothing left to wait for
}

TEST_CASE("async_server: serves Python's listeners")
{
    const std::string key = "secret";
    running context;
    async_server s(context.executor(), py::listener<>(local_address(), py::listener_options().authkey(key)),
                   [](message_duplex<multiprocessing> peer) -> asio::awaitable<void> {
                       const py::value v = co_await peer.async_recv();
                       co_await peer.async_send(v);
                   });
    auto c = py::connect(s.address(), py::connect_options().authkey(key), timeout);
    c.send(py::value(1, "two"), timeout);
    CHECK(c.recv(timeout) == py::value(1, "two"));
}
