// TLS: ferrule::tls next to asio::ssl by hand.
#include "support/posix/tls.hpp"
#include "bench/asio_links.hpp"
#include "bench/contenders.hpp"
#include "bench/ferrule_links.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/message.hpp>

#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>

#include <sys/socket.h>

namespace ferrule::bench {
namespace {

namespace ssl = asio::ssl;

const test::identity& servers()
{
    static const test::identity i = test::test_authority().issue();
    return i;
}

ssl::context make_context(bool client)
{
    ssl::context c(client ? ssl::context::tls_client : ssl::context::tls_server);
    if (client) {
        c.add_certificate_authority(asio::buffer(test::test_authority().certificate()));
        c.set_verify_mode(ssl::verify_peer);
        c.set_verify_callback(ssl::host_name_verification("peer.test"));
    } else {
        c.use_certificate_chain(asio::buffer(servers().chain));
        c.use_private_key(asio::buffer(servers().key), ssl::context::pem);
    }
    return c;
}

ssl::stream_base::handshake_type role(bool client)
{
    return client ? ssl::stream_base::client : ssl::stream_base::server;
}

class ssl_ends {
public:
    ssl_ends(asio::io_context& context, const job& j)
        : settings_(make_context(j.measures)),
          in(asio::generic::stream_protocol::socket(context, {j.where.over == transport::tcp ? AF_INET : AF_UNIX, 0},
                                                    j.in),
             settings_),
          out(in)
    {
        in.handshake(role(j.measures));
    }

private:
    ssl::context settings_;

public:
    ssl::stream<asio::generic::stream_protocol::socket> in;
    ssl::stream<asio::generic::stream_protocol::socket>& out;
};

descriptor secured(bool client, descriptor under)
{
    return client ? tls::client(std::move(under), test::client_context(), "peer.test")
                  : tls::server(std::move(under), test::server_context());
}

class tls_ends {
public:
    explicit tls_ends(const job& j) : in(secured(j.measures, adopt(j.in))), out(in) {}
    message_duplex<multiprocessing_bytes> in;
    message_duplex<multiprocessing_bytes>& out;
};

// ---- handshakes, with one byte each way, so that both ends have finished ----

using local = asio::local::stream_protocol;

asio::awaitable<void> greet(ssl::stream<local::socket>& s, bool client)
{
    co_await s.async_handshake(role(client), asio::use_awaitable);
    char c = 'x';
    for (const bool sends : {client, !client})
        if (sends)
            co_await asio::async_write(s, asio::buffer(&c, 1), asio::use_awaitable);
        else
            co_await asio::async_read(s, asio::buffer(&c, 1), asio::use_awaitable);
}

asio::awaitable<void> greet(duplex& d, bool client)
{
    for (const bool sends : {client, !client})
        if (sends)
            co_await d.async_send("x");
        else
            co_await d.async_recv(1);
}

template <class Stream>
void both_greet(asio::io_context& context, Stream& client, Stream& server)
{
    std::exception_ptr failure;
    const auto done = [&](std::exception_ptr e) { failure = e ? e : failure; };
    asio::co_spawn(context, greet(client, true), done);
    asio::co_spawn(context, greet(server, false), done);
    context.restart();
    context.run();
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace

void make_certificates()
{
    (void)servers();
    (void)test::client_context();
    (void)test::server_context();
}

void ssl_coroutine(const job& j)
{
    run_coroutine<asio_buffered_link<ssl_ends>>(j);
}

void ssl_blocking(const job& j)
{
    run_asio_blocking<asio_blocking_link<ssl_ends>>(j);
}

void tls_coroutine(const job& j)
{
    run_coroutine<ferrule_coroutine_link<tls_ends>>(j);
}

void tls_blocking(const job& j)
{
    run_ferrule_blocking<ferrule_blocking_link<tls_ends>>(j);
}

void ssl_handshakes(const job& j)
{
    asio::io_context context(1);
    ssl::context clients = make_context(true);
    ssl::context servers = make_context(false);
    j.timed([&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            local::socket a(context);
            local::socket b(context);
            asio::local::connect_pair(a, b);
            ssl::stream<local::socket> client(std::move(a), clients);
            ssl::stream<local::socket> server(std::move(b), servers);
            both_greet(context, client, server);
        }
    });
}

void tls_handshakes(const job& j)
{
    asio::io_context context(1);
    j.timed([&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            auto under = socketpair_descriptors();
            duplex client(secured(true, std::move(under.first)));
            duplex server(secured(false, std::move(under.second)));
            both_greet(context, client, server);
        }
    });
}

} // namespace ferrule::bench
