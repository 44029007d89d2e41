#include <ferrule/asio_stream.hpp>

#include "support/test.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace {

/// Both ends of a connection, one of which is a stream of Asio.
struct both {
    explicit both(asio::any_io_executor ex) : both(std::move(ex), stream_pair()) {}
    both(asio::any_io_executor ex, std::pair<duplex, duplex> p) : stream(std::move(ex), p.first), peer(p.second) {}

    static std::pair<duplex, duplex> stream_pair()
    {
        auto [a, b] = socketpair();
        return {a, b};
    }

    asio_stream stream;
    duplex peer;
};

} // namespace

TEST_CASE("asio_stream: Asio's algorithms read and write")
{
    asio::io_context context;
    both b(context.get_executor());
    run([](asio_stream& s, duplex peer) -> asio::awaitable<void> {
        const std::string parts[] = {"first line\n", "second ", "line\nrest"};
        const std::array<asio::const_buffer, 4> all{asio::buffer(parts[0]), asio::const_buffer(),
                                                    asio::buffer(parts[1]), asio::buffer(parts[2])};
        const std::size_t sent = co_await asio::async_write(s, all, asio::use_awaitable);
        CHECK(sent == 27);
        const bytes got = co_await peer.async_recv(27);
        CHECK(got == byte_view("first line\nsecond line\nrest"));

        co_await peer.async_send(got);
        std::string text;
        const std::size_t line =
            co_await asio::async_read_until(s, asio::dynamic_buffer(text), "\n", asio::use_awaitable);
        CHECK(text.substr(0, line) == "first line\n");
        text.erase(0, line);
        const std::size_t missing = 16 - text.size();
        co_await asio::async_read(s, asio::dynamic_buffer(text), asio::transfer_exactly(missing), asio::use_awaitable);
        CHECK(text == "second line\nrest");
    }(b.stream, b.peer));
}

TEST_CASE("asio_stream: synchronous calls, and the errors that Asio expects")
{
    asio::io_context context;
    both b(context.get_executor());
    CHECK(asio::write(b.stream, asio::buffer("hello", 5)) == 5);
    CHECK(b.peer.recv(5, timeout) == byte_view("hello"));
    b.peer.send("back", timeout);
    char text[4];
    CHECK(asio::read(b.stream, asio::buffer(text)) == 4);
    CHECK(std::string_view(text, 4) == "back");
    CHECK(b.stream.read_some(asio::mutable_buffer()) == 0);

    b.peer.close();
    error_code ec;
    CHECK(asio::read(b.stream, asio::buffer(text), ec) == 0);
    CHECK(ec == asio::error::eof);
    CHECK_THROWS_AS(asio::read(b.stream, asio::buffer(text)), boost::system::system_error);
    b.stream.close();
    CHECK(b.stream.write_some(asio::buffer(text), ec) == 0);
    CHECK(ec == errc::closed);
}

TEST_CASE("asio_stream: a read that is cancelled takes no byte")
{
    using namespace asio::experimental::awaitable_operators;
    asio::io_context context;
    both b(context.get_executor());
    run([](asio_stream& s, duplex peer) -> asio::awaitable<void> {
        asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
        char text[5];
        const auto winner = co_await (s.async_read_some(asio::buffer(text), asio::use_awaitable) ||
                                      timer.async_wait(asio::use_awaitable));
        CHECK(winner.index() == 1);
        co_await peer.async_send("hello");
        co_await asio::async_read(s, asio::buffer(text), asio::use_awaitable);
        CHECK(std::string_view(text, 5) == "hello");
    }(b.stream, b.peer));

    asio::cancellation_signal cancel;
    error_code ended;
    char text[5];
    b.stream.async_read_some(asio::buffer(text), asio::bind_cancellation_slot(
                                                     cancel.slot(), [&](error_code ec, std::size_t) { ended = ec; }));
    cancel.emit(asio::cancellation_type::total);
    context.restart();
    context.run();
    CHECK(ended == asio::error::operation_aborted);
}
