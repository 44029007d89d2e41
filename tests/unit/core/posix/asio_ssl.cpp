// asio::ssl::stream over endpoints. The tests for Windows have no OpenSSL.
#include <ferrule/asio_stream.hpp>

#include "support/posix/tls.hpp"
#include "support/test.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/ssl.hpp>

namespace {

namespace ssl = asio::ssl;
using secure_stream = ssl::stream<asio_stream>;

ssl::context of_client()
{
    ssl::context c(ssl::context::tls_client);
    c.add_certificate_authority(asio::buffer(test_authority().certificate()));
    c.set_verify_mode(ssl::verify_peer);
    c.set_verify_callback(ssl::host_name_verification("peer.test"));
    return c;
}

ssl::context of_server()
{
    const identity own = test_authority().issue();
    ssl::context c(ssl::context::tls_server);
    c.use_certificate_chain(asio::buffer(own.chain));
    c.use_private_key(asio::buffer(own.key), ssl::context::pem);
    return c;
}

/// Both ends of a socketpair, each under a stream of Asio.
struct both {
    explicit both(const asio::any_io_executor& ex) : both(ex, socketpair()) {}
    template <class Pair>
    both(const asio::any_io_executor& ex, Pair p)
        : client(asio_stream(ex, std::move(p.first)), client_settings),
          server(asio_stream(ex, std::move(p.second)), server_settings)
    {
    }

    ssl::context client_settings = of_client();
    ssl::context server_settings = of_server();
    secure_stream client;
    secure_stream server;
};

// More than either end of a socketpair holds, so that reads and writes wait for each other.
const std::string& large()
{
    static const std::string s = [] {
        std::string made(3'000'000, '\0');
        test::dice roll(3);
        std::ranges::generate(made, [&] { return static_cast<char>(roll(256)); });
        return made;
    }();
    return s;
}

asio::awaitable<void> write_large(secure_stream& s)
{
    co_await asio::async_write(s, asio::buffer(large()), asio::use_awaitable);
}

/// Handshake, large data in both directions at once, and the end as TLS has it.
asio::awaitable<void> converse(secure_stream& s, ssl::stream_base::handshake_type as, bool ends_first)
{
    co_await s.async_handshake(as, asio::use_awaitable);
    auto writing = asio::co_spawn(s.get_executor(), write_large(s), asio::deferred);
    std::string got(large().size(), '\0');
    const auto read_large = asio::async_read(s, asio::buffer(got), asio::deferred);
    auto group = asio::experimental::make_parallel_group(std::move(writing), read_large);
    const auto [order, thrown, ec, n] =
        co_await group.async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
    CHECK_FALSE(thrown);
    CHECK_FALSE(ec);
    CHECK((n == got.size() && got == large()));
    if (!ends_first) {
        error_code end;
        std::array<char, 1> more{};
        co_await asio::async_read(s, asio::buffer(more), asio::redirect_error(asio::use_awaitable, end));
        CHECK(end == asio::error::eof);
    }
    co_await s.async_shutdown(asio::use_awaitable);
}

} // namespace

TEST_CASE("asio_stream: asio::ssl::stream at both ends, from the handshake to the shutdown, in coroutines")
{
    for (const bool client_ends_first : {true, false}) {
        asio::io_context context;
        both b(context.get_executor());
        auto client =
            asio::co_spawn(context, converse(b.client, ssl::stream_base::client, client_ends_first), asio::use_future);
        auto server =
            asio::co_spawn(context, converse(b.server, ssl::stream_base::server, !client_ends_first), asio::use_future);
        context.run();
        client.get();
        server.get();
        // Nothing but the shutdown was left on the line.
        b.client.next_layer().close();
        error_code ec;
        std::array<char, 1> more{};
        CHECK(b.server.next_layer().read_some(asio::buffer(more), ec) == 0);
        CHECK(ec == asio::error::eof);
    }
}

TEST_CASE("asio_stream: asio::ssl::stream at both ends, in threads that block")
{
    asio::io_context nobody_runs_it;
    both b(nobody_runs_it.get_executor());
    auto serving = std::async(std::launch::async, [&] {
        b.server.handshake(ssl::stream_base::server);
        std::string request(5, '\0');
        asio::read(b.server, asio::buffer(request));
        asio::write(b.server, asio::buffer(large()));
        error_code end;
        asio::read(b.server, asio::buffer(request), end);
        b.server.shutdown();
        return std::pair(request, end);
    });
    b.client.handshake(ssl::stream_base::client);
    asio::write(b.client, asio::buffer("hello", 5));
    std::string got(large().size(), '\0');
    asio::read(b.client, asio::buffer(got));
    CHECK((got == large()));
    b.client.shutdown();
    const auto [request, end] = serving.get();
    CHECK(request == "hello");
    CHECK(end == asio::error::eof);
}

TEST_CASE("asio_stream: asio::ssl::stream tells a peer that has gone from one that has ended")
{
    asio::io_context nobody_runs_it;
    both b(nobody_runs_it.get_executor());
    auto serving = std::async(std::launch::async, [&] {
        b.server.handshake(ssl::stream_base::server);
        asio::write(b.server, asio::buffer("half", 4));
        b.server.next_layer().close();
    });
    b.client.handshake(ssl::stream_base::client);
    std::string got(8, '\0');
    error_code ec;
    CHECK(asio::read(b.client, asio::buffer(got), ec) == 4);
    CHECK(ec == ssl::error::stream_truncated);
    serving.get();
}
