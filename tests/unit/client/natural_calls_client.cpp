// See tests/unit/core/natural_calls.cpp; the calls of clients.
#include "support/test.hpp"

#include <ferrule/client/async_client.hpp>

namespace {

std::string text(const char* end)
{
    return std::string(60, '-') + end;
}

/// Sends back what it gets.
class echo {
public:
    connector connection()
    {
        return connector(text("peer"), [this] {
            auto [ours, theirs] = socketpair();
            threads_.emplace_back([peer = theirs]() mutable {
                error_code ec;
                for (bytes some = peer.recv({}, ec); !ec; some = peer.recv({}, ec))
                    peer.send(some, {}, ec);
            });
            return ours;
        });
    }

private:
    std::vector<std::jthread> threads_;
};

asio::awaitable<void> clients_are_temporary(connector peer)
{
    const bytes one = co_await client(peer, client_options().timeout(timeout).end_of_line(text("\r\n")))
                          .async_query(text("one"), call_options(timeout).idempotent());
    CHECK(one.text() == text("one"));
    const bytes two = co_await client(peer).async_write_read_line(text("two") + "\n", until(timeout));
    CHECK(two.text() == text("two"));
    const bytes three = co_await client(peer).async_query(text("three"), call_options(line_end(text("+")), timeout));
    CHECK(three.text() == text("three"));
    const auto lines = co_await client(peer).async_write_lines_read_lines(
        std::vector<std::string>(3, text("line")), call_options(line_end({text("+"), text("!")}, text("!")), timeout));
    CHECK(lines.size() == 3);
    co_await client(peer).async_write({text("header"), text("body"), "\n"}, call_options(timeout));
    const auto greet = [keep = text("lambda")](client_session s) { s.write_line(keep); };
    const bytes part = co_await client(peer, client_options().timeout(timeout).on_connected(greet))
                           .async_read_until({text("+"), std::string("\n")});
    CHECK(part.text() == text("lambda") + "\n");
    client c(peer, client_options().timeout(timeout));
    co_await c.async_write_line(text("streamed"));
    const auto next = co_await c.lines(call_options(line_end(std::string("\n")), timeout)).async_next();
    CHECK(next->text() == text("streamed"));
    const auto by_token =
        co_await c.async_query(text("token"), call_options(timeout).idempotent(), asio::as_tuple(asio::use_awaitable));
    CHECK(std::get<1>(by_token).text() == text("token"));
}

} // namespace

TEST_CASE("natural calls: clients")
{
    echo peer;
    run(clients_are_temporary(peer.connection()));
}
