#include <ferrule/net/tls.hpp>

#include "support/addresses.hpp"
#include "support/memory_pair.hpp"
#include "support/posix/descriptors.hpp"
#include "support/posix/tls.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

namespace {

tls::context server_for_addresses()
{
    wanted_certificate w;
    w.names = {"peer.test", "localhost", "IP:127.0.0.1", "IP:::1"};
    static const identity own = test_authority().issue(w);
    return tls::context::server(own.chain, own.key);
}

/// Echoes a message of one connection.
class echo {
public:
    explicit echo(const address& at) : listener_(at, server_for_addresses()) {}

    [[nodiscard]] tls::destination where() const
    {
        const address& a = listener_.address();
        return a.kind() == address::family::tcp || a.kind() == address::family::tls ? tls::destination(a)
                                                                                    : tls::destination(a, "peer.test");
    }

private:
    tls::listener<> listener_;
    std::jthread thread_{[this] {
        message_duplex<varint> c(listener_.accept(timeout));
        c.send(c.recv(timeout), timeout);
    }};
};

void check(message_duplex<varint> c)
{
    c.send("hello", timeout);
    CHECK(c.recv(timeout) == byte_view("hello"));
    CHECK(tls::session_of(c)->verified);
}
void check(const duplex& c)
{
    check(message_duplex<varint>(c));
}

std::string complaint(const std::function<void()>& f)
{
    try {
        f();
    } catch (const ferrule::error& e) {
        return e.what();
    }
    return "none";
}

struct plain_pair {
    plain_pair() : plain_pair(socketpair_descriptors()) {}
    explicit plain_pair(test::ends e) : client(std::move(e.first)), server(std::move(e.second)) {}

    duplex client;
    duplex server;
};

} // namespace

TEST_CASE("tls: connect to every kind of address, by every form of the call")
{
    const connect_options o;
    const tls::context& c = client_context();
    const limits l(1000);
    for (const address& a : addresses()) {
        INFO(a.to_string());
        const auto there = [&](auto call) {
            const echo e(a);
            check(call(e.where()));
        };
        using to = const tls::destination&;
        error_code ec;
        there([&](to d) { return tls::connect(d, c); });
        there([&](to d) { return tls::connect(d, c, timeout); });
        there([&](to d) { return tls::connect(d, c, o, timeout); });
        there([&](to d) { return tls::connect(d, c, o, timeout, ec); });
        there([&](to d) { return tls::connect(d, c, varint()); });
        there([&](to d) { return tls::connect(d, c, varint(), timeout); });
        there([&](to d) { return tls::connect(d, c, varint(), o, timeout, l); });
        there([&](to d) { return run(tls::async_connect(d, c)); });
        there([&](to d) { return run(tls::async_connect(d, c, o, timeout)); });
        there([&](to d) { return run(tls::async_connect(d, c, varint())); });
        there([&](to d) { return run(tls::async_connect(d, c, varint(), o, l, timeout)); });
        CHECK_FALSE(ec);
    }
    for (const char* const at : {"tcp://127.0.0.1:0", "tls://127.0.0.1:0", "tls://localhost:0"}) {
        const echo e(at);
        check(tls::connect(e.where().where.to_string(), c, timeout)); // text is a destination
    }
}

TEST_CASE("tls: the name to check is the host, unless another is given")
{
    CHECK(tls::destination("tcp://example.org:443").name == "example.org");
    CHECK(tls::destination("tcp://[fe80::1%eth0]:443").name == "fe80::1");
    CHECK(tls::destination("tls://example.org:443").name == "example.org");
    CHECK(tls::destination("tls://[fe80::1%eth0]:443").name == "fe80::1");
    CHECK(tls::destination("unix:/run/engine").name.empty());
    CHECK(tls::destination("tcp://127.0.0.1:443", "peer.test").name == "peer.test");
    CHECK(code_of([] { (void)tls::connect("unix:/run/engine", client_context()); }) == errc::invalid_argument);
    error_code ec;
    (void)tls::connect("unix:/run/engine", client_context(), {}, {}, ec);
    CHECK(ec == errc::invalid_argument);
}

TEST_CASE("tls: a listener at tls addresses says so, and connect takes them as those of TCP")
{
    tls::listener<> here(std::vector<address>{"tls://127.0.0.1:0", "tcp://127.0.0.1:0", address(local_address())},
                         server_for_addresses());
    REQUIRE(here.addresses().size() == 3);
    CHECK(here.addresses()[0].to_string().starts_with("tls://127.0.0.1:"));
    CHECK(here.addresses()[0].port() != 0);
    CHECK(here.addresses()[1].to_string().starts_with("tcp://127.0.0.1:"));
    const auto meets = [&](const address& to) {
        auto accepting = std::async(std::launch::async, [&] { return here.accept(timeout); });
        duplex d = tls::connect(to, client_context(), timeout);
        d.send("x", timeout);
        CHECK(accepting.get().recv(timeout) == byte_view("x"));
    };
    for (const address& a : {here.addresses()[0], here.addresses()[1]}) {
        meets(address::tls("127.0.0.1", a.port()));
        meets(address::tls("localhost", a.port()));
        meets(address::tcp("127.0.0.1", a.port()));
    }
    const address nobody = address::tls("127.0.0.1", ferrule::listener("tcp://127.0.0.1:0").address().port());
    for (const auto& text : {complaint([&] { (void)tls::connect(nobody, client_context(), timeout); }),
                             complaint([&] { (void)run(tls::async_connect(nobody, client_context(), timeout)); })})
        CHECK_THAT(text, Catch::Matchers::Contains("connecting to " + nobody.to_string()));
    CHECK_THROWS_WITH(tls::listener<>(here.addresses()[0], server_for_addresses()),
                      Catch::Matchers::Contains(here.addresses()[0].to_string())); // in use
    CHECK(code_of([&] {
              tls::listener<> l("tls://127.0.0.1:0", server_for_addresses(), listen_options().same_user());
          }) == errc::unsupported);
}

TEST_CASE("tls: neither a listener nor a client speaks TLS over packets")
{
    for (const char* const at : {"seqpacket-abstract:ferrule-nobody", "seqpacket:/nowhere"}) {
        const auto names_it = Catch::Matchers::Contains(at);
        const auto names_why = Catch::Matchers::Contains("stream");
        CHECK_THROWS_WITH(tls::connect({at, "peer.test"}, client_context(), timeout), names_it && names_why);
        CHECK_THROWS_WITH(tls::listener<>(at, server_for_addresses()), names_it && names_why);
    }
}

TEST_CASE("tls: an error of connect names the address, and says what is wrong with the certificate")
{
    listen_options o;
    std::atomic<int> refused = 0;
    o.on_refused([&](const ferrule::error& e) { refused += e.code() == condition::untrusted ? 1 : 0; });
    tls::listener<> l("tcp://127.0.0.1:0", server_for_addresses(), o);
    auto accepting = std::async(std::launch::async, [&] { return l.accept(timeout); });
    const auto text = complaint([&] { (void)tls::connect({l.address(), "other.test"}, client_context(), timeout); });
    CHECK_THAT(text,
               Catch::Matchers::Contains(l.address().to_string()) && Catch::Matchers::Contains("hostname mismatch"));
    CHECK(code_of([&] { (void)tls::connect(l.address(), tls::context::client(), timeout); }) == condition::untrusted);
    // The listener goes on.
    duplex d = tls::connect(l.address(), client_context(), timeout);
    duplex there = accepting.get();
    CHECK(refused == 2);
    CHECK(tls::session_of(there)->server_name.empty()); // an address is no name
    d.close();
    CHECK(code_of([&] { (void)there.recv(timeout); }) == errc::end_of_stream);
}

TEST_CASE("tls: a server that does not answer ends connect by its deadline, and a cancel too")
{
    unique_fd silent = bound_tcp();
    must(::listen(silent.get(), 8));
    sockaddr_in a{};
    socklen_t size = sizeof a;
    must(::getsockname(silent.get(), reinterpret_cast<sockaddr*>(&a), &size));
    const address to = address::tcp("127.0.0.1", ntohs(a.sin_port));
    CHECK(code_of([&] { (void)tls::connect(to, client_context(), 1ms); }) == errc::timed_out);
    CHECK(code_of([&] { (void)tls::connect(to, client_context(), deadline::now()); }) == errc::timed_out);
    std::stop_source stopped;
    stopped.request_stop();
    CHECK(code_of([&] { (void)tls::connect(to, client_context(), until(timeout, stopped.get_token())); }) ==
          errc::cancelled);
    CHECK(code_of([&] { run(tls::async_connect(to, client_context(), 1ms)); }) == errc::timed_out);
}

TEST_CASE("tls: a connection may begin in clear and go on encrypted")
{
    for (const bool asynchronous : {false, true}) {
        plain_pair p;
        message_duplex<lines> client(p.client);
        auto serving = std::async(std::launch::async, [&] {
            message_duplex<lines> server(p.server);
            if (server.recv(timeout) != byte_view("STARTTLS"))
                throw std::runtime_error("another request");
            server.send("go ahead", timeout);
            duplex secure = tls::start_server(server.as_bytes(), server_context(), timeout);
            secure.send(secure.recv(5, timeout), timeout);
            return secure;
        });
        client.send("STARTTLS", timeout);
        CHECK(client.recv(timeout) == byte_view("go ahead"));
        const duplex& plain = client.as_bytes();
        duplex secure = asynchronous ? run(tls::async_start_client(plain, client_context(), "peer.test", timeout))
                                     : tls::start_client(plain, client_context(), "peer.test", timeout);
        CHECK_FALSE(client.is_open());
        secure.send("hello", timeout);
        CHECK(secure.recv(5, timeout) == byte_view("hello"));
        CHECK(tls::session_of(secure)->server_name == "peer.test");
        const duplex there = serving.get();
        CHECK(tls::session_of(there)->server_name == "peer.test");
        CHECK_FALSE(p.server.is_open());
    }
    // The server as a coroutine, and limits that stay.
    plain_pair p;
    auto client = std::async(std::launch::async, [&] {
        return tls::start_client(duplex(p.client.channel(), limits(77)), client_context(), "peer.test", timeout);
    });
    duplex secure = run(tls::async_start_server(p.server, server_context()));
    CHECK(client.get().limits().max_payload() == 77);
    CHECK(tls::session_of(secure));
}

TEST_CASE("tls: what came in clear is never taken for encrypted")
{
    plain_pair p;
    message_duplex<lines> client(p.client);
    p.server.send("go ahead\nRCPT TO:<attacker>\n", timeout); // at once, so that the second line is read ahead
    CHECK(client.recv(timeout) == byte_view("go ahead"));
    CHECK(code_of([&] { (void)tls::start_client(client.as_bytes(), client_context(), "peer.test"); }) ==
          errc::read_ahead);
    CHECK(code_of([&] { (void)tls::start_server(client.as_bytes(), server_context()); }) == errc::read_ahead);
    CHECK(client.is_open());
    CHECK(client.recv(timeout) == byte_view("RCPT TO:<attacker>")); // nothing is lost either
    // What has not been read yet is no TLS.
    p.server.send("RCPT TO:<attacker>\n", timeout);
    CHECK(code_of([&] { (void)tls::start_client(client.as_bytes(), client_context(), "peer.test", timeout); }) ==
          condition::broken);
    CHECK_FALSE(client.is_open());
}

TEST_CASE("tls: an endpoint that is in use, or cannot speak TLS, stays as it was")
{
    const auto starting = [](const duplex& d, const std::string& name = "peer.test") {
        return code_of([&] { (void)tls::start_client(d, client_context(), name, timeout); });
    };
    {
        plain_pair p;
        CHECK(starting(p.client, "") == errc::invalid_argument);
        CHECK(code_of([&] { (void)tls::start_server(p.client, client_context()); }) == errc::invalid_argument);
        CHECK(code_of([&] { (void)tls::session_of(p.client); }) == errc::unsupported);
        p.client.send("still", timeout);
        CHECK(p.server.recv(timeout) == byte_view("still"));
        p.client.close();
        CHECK(starting(p.client) == errc::closed);
        CHECK(code_of([&] { (void)tls::session_of(p.client); }) == errc::closed);
        CHECK(starting(duplex()) == errc::closed);
    }
    {
        plain_pair p;
        asio::io_context context;
        bool answered = false;
        p.client.async_recv(asio::bind_executor(context, [&](error_code, const bytes&) { answered = true; }));
        context.poll();
        CHECK(starting(p.client) == errc::busy);
        p.server.send("x", timeout);
        context.run();
        CHECK(answered);
    }
    {
        plain_pair p(memory_pair(10));
        error_code ec;
        CHECK(p.client.send("more than there is room for", deadline::now(), ec) == 10);
        CHECK(starting(p.client) == errc::torn);
        CHECK(p.client.unsent() != 0);
    }
    {
        plain_pair p(memory_packet_pair());
        CHECK(starting(p.client) == errc::unsupported);
        CHECK(p.client.is_open());
    }
}

TEST_CASE("tls: a handshake that is not over in time closes the connection, and the error names the peer")
{
    {
        plain_pair p;
        const auto text =
            complaint([&] { (void)tls::start_client(p.client, client_context(), "peer.test", deadline::now()); });
        CHECK_THAT(text, Catch::Matchers::Contains("'peer.test'") && Catch::Matchers::Contains("timeout"));
        CHECK_FALSE(p.client.is_open());
        CHECK_FALSE(p.server.recv(timeout).empty()); // the beginning of the handshake
        CHECK(code_of([&] { (void)p.server.recv(timeout); }) == errc::end_of_stream);
    }
    plain_pair p;
    auto serving = std::async(std::launch::async, [&] {
        return code_of([&] { (void)tls::start_server(p.server, server_context(), timeout); });
    });
    const auto text = complaint([&] { (void)tls::start_client(p.client, client_context(), "other.test", timeout); });
    CHECK_THAT(text, Catch::Matchers::Contains("'other.test'") && Catch::Matchers::Contains("hostname mismatch"));
    CHECK(serving.get() == condition::untrusted);
}

TEST_CASE("tls: over another TLS")
{
    plain_pair p(tls_pair());
    auto serving =
        std::async(std::launch::async, [&] { return tls::start_server(p.server, server_context(), timeout); });
    duplex client = tls::start_client(p.client, client_context(), "peer.test", timeout);
    duplex server = serving.get();
    client.send("twice encrypted", timeout);
    CHECK(server.recv(timeout) == byte_view("twice encrypted"));
    client.close();
    CHECK(code_of([&] { (void)server.recv(timeout); }) == errc::end_of_stream);
}

TEST_CASE("tls: a listener gives bytes or messages, at several addresses, and a server takes it")
{
    tls::listener messages({"tcp://127.0.0.1:0", local_address()}, server_for_addresses(), varint());
    for (const address& a : messages.addresses()) {
        const auto client = std::async(
            std::launch::async, [&] { return tls::connect({a, "peer.test"}, client_context(), varint(), timeout); });
        auto there = messages.accept(timeout);
        there.send("hello", timeout);
        CHECK(there.is_open());
    }
    server s(
        tls::listener("tcp://127.0.0.1:0", server_for_addresses(), varint()),
        [](message_duplex<varint> peer) {
            while (const auto m = peer.next())
                peer.send(*m);
        },
        server_options().threads(2));
    auto c = tls::connect(s.address(), client_context(), varint(), timeout);
    check(c);
    c.close();
    CHECK(s.close(timeout) == 0);
    CHECK(s.failed() == 0);
}
