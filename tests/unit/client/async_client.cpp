#include <ferrule/client/async_client.hpp>

#include "support/instrument.hpp"
#include "support/test.hpp"
#include "support/ways.hpp"

#include "src/testing/until_true.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace {

using testing::kit::until_true;

} // namespace

TEST_CASE("async_client: handlers get a code, and cancels of every type reach the call")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    asio::io_context context;
    std::vector<std::string> got;
    const auto handler = [&](error_code ec, const bytes& line) {
        got.push_back(ec ? ec.message() : std::string(line.text()));
    };
    c.async_query("*IDN?", asio::bind_executor(context, handler));
    context.run();
    context.restart();
    c.async_query("end", asio::bind_executor(context, handler));
    context.run();
    CHECK(got == std::vector<std::string>{"maker,model,1", "end of stream"});
    for (const auto type :
         {asio::cancellation_type::total, asio::cancellation_type::partial, asio::cancellation_type::terminal}) {
        asio::cancellation_signal signal;
        got.clear();
        context.restart();
        const std::size_t before = peer.commands().size();
        c.async_query("set x", asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(context, handler)));
        while (peer.commands().size() == before)
            (void)context.poll();
        signal.emit(type);
        context.run();
        CHECK(got == std::vector<std::string>{error_code(errc::cancelled).message()});
        CHECK(!c.connected()); // a reply may still come
    }
}

TEST_CASE("async_client: a call that loses against another closes the connection and lets the others go on")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    const auto race = [](client own) -> asio::awaitable<std::string> {
        using namespace asio::experimental::awaitable_operators;
        asio::steady_timer timer(co_await asio::this_coro::executor, 20ms);
        auto either = own.async_query("set x") || timer.async_wait(asio::use_awaitable);
        const auto first = co_await std::move(either);
        CHECK(first.index() == 1);
        const bytes reply = co_await own.async_query("*IDN?");
        co_return std::string(reply.text());
    };
    CHECK(run(race(c)) == "maker,model,1");
    CHECK(c.connections() == 2);
}

TEST_CASE("async_client: a coroutine that is destroyed gives up its turn and its connection")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    {
        asio::io_context context;
        asio::co_spawn(context, c.async_query("set x"), asio::detached);
        while (peer.commands().empty())
            (void)context.poll();
    }
    CHECK(!c.connected());
    CHECK(c.query("*IDN?").text() == "maker,model,1");
}

TEST_CASE("async_client: a client may be watched, and coroutines told of its end")
{
    instrument peer;
    asio::io_context context;
    std::vector<std::string> told;
    const auto ended = [&]() -> asio::awaitable<void> {
        told.emplace_back("end");
        co_return;
    };
    asio::cancellation_signal enough;
    const auto lost = [&](error_code why) -> asio::awaitable<void> {
        told.push_back(why.message());
        enough.emit(asio::cancellation_type::terminal);
        co_return;
    };
    client c(
        peer.address(),
        client_options().timeout(timeout).on_end(context.get_executor(), ended).on_lost(context.get_executor(), lost));
    (void)c.query("*IDN?");
    CHECK(c.connection().is_open());
    asio::co_spawn(context, c.async_watch(1ms), asio::bind_cancellation_slot(enough.slot(), asio::detached));
    peer.hang_up();
    context.run(); // until it is not watched any more
    CHECK(told == std::vector<std::string>{"end", "end of stream"});
    CHECK(!c.connection().is_open());
}

TEST_CASE("async_client: on_connected may be a coroutine, whoever connects")
{
    instrument peer;
    std::vector<std::string> greeting;
    bool fails = false;
    const auto greet = [&](client_session s) -> asio::awaitable<void> {
        const bytes name = co_await s.async_query("*IDN?");
        greeting.emplace_back(name.text());
        if (fails)
            throw std::runtime_error("not this one");
    };
    client c(peer.address(), client_options().timeout(timeout).on_connected_async(greet));
    for (const way w : all_ways) {
        fails = false;
        greeting.clear();
        CHECK(ASK(w, c, query, "say hello|").text() == "hello");
        CHECK(greeting == std::vector<std::string>{"maker,model,1"});
        c.close();
        fails = true;
        CHECK_THROWS_WITH((void)ASK(w, c, query, "say hello|"), "not this one");
    }
    CHECK(c.connections() == 3);
}

TEST_CASE("async_client: a connection whose on_connected was destroyed is not used")
{
    instrument peer;
    int greetings = 0;
    const auto greet = [&](client_session s) -> asio::awaitable<void> {
        ++greetings;
        const std::string question = greetings == 1 ? "set x" : "*IDN?";
        (void)co_await s.async_query(question);
    };
    client c(peer.address(), client_options().timeout(timeout).on_connected_async(greet));
    {
        asio::io_context context;
        asio::co_spawn(context, c.async_query("*IDN?"), asio::detached);
        while (peer.commands().empty())
            (void)context.poll();
    }
    CHECK(!c.connected());
    CHECK(c.query("say hello|").text() == "hello");
    CHECK(greetings == 2);
}

TEST_CASE("async_client: a coroutine for on_connected ends with the timeout, the stop and the close of the call")
{
    instrument peer;
    const auto wait_for_ever = [](client_session) -> asio::awaitable<void> {
        asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
        co_await never.async_wait(asio::use_awaitable);
    };
    client c(peer.address(), client_options().on_connected_async(wait_for_ever));
    CHECK(code_of([&] { (void)c.query("*IDN?", 20ms); }) == errc::timed_out);
    std::stop_source stop;
    std::thread stopper([&] {
        until_true([&] { return peer.connections() != 0; });
        stop.request_stop();
    });
    CHECK(code_of([&] { (void)c.query("*IDN?", stop.get_token()); }) == errc::cancelled);
    stopper.join();
    CHECK(!c.connected());
}
