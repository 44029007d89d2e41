#include <ferrule/platform/tls.hpp>

#include "support/faulty.hpp"
#include "support/memory_pair.hpp"
#include "support/posix/descriptors.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/posix/tls.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <boost/asio/ssl/context.hpp>

#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace {

using tls::context;

struct pair_of_duplexes {
    explicit pair_of_duplexes(test::ends e) : client(std::move(e.first)), server(std::move(e.second)) {}

    duplex client;
    duplex server;
};

pair_of_duplexes before_handshake(test::ends under, const context& c, const context& s,
                                  const std::string& name = "peer.test")
{
    descriptor there = tls::server(std::move(under.second), s);
    return pair_of_duplexes({tls::client(std::move(under.first), c, name), std::move(there)});
}

/// What each end says of the handshake; no error at both if it succeeds.
struct verdicts {
    error_code client;
    error_code server;
};

verdicts handshake(const context& c, const context& s, const std::string& name = "peer.test")
{
    auto p = before_handshake(socketpair_descriptors(), c, s, name);
    verdicts v;
    auto there = std::async(std::launch::async, [&] {
        (void)p.server.recv(1, timeout, v.server);
        if (!v.server)
            p.server.send("y", timeout, v.server);
        p.server.close();
    });
    p.client.send("x", timeout, v.client);
    if (!v.client)
        (void)p.client.recv(1, timeout, v.client);
    p.client.close();
    there.get();
    return v;
}

context server_with(const identity& own)
{
    return context::server(own.chain, own.key);
}

context server_with(const wanted_certificate& wanted)
{
    return server_with(test_authority().issue(wanted));
}

context limited_to(context c, int version)
{
    SSL_CTX_set_min_proto_version(c.native_handle(), version);
    SSL_CTX_set_max_proto_version(c.native_handle(), version);
    return c;
}

context fresh_client()
{
    return context::client().trust(test_authority().certificate());
}

context fresh_server()
{
    return server_with(wanted_certificate());
}

constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

error_code verification(int code)
{
    return {code, tls::category()};
}

/// OpenSSL's own client or server at the other end, which blocks.
class openssl_peer {
public:
    openssl_peer(unique_fd fd, const context& c, bool is_server)
        : fd_(std::move(fd)),
          ssl_(SSL_new(c.native_handle()), &SSL_free)
    {
        SSL_set_fd(ssl_.get(), fd_.get());
        is_server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
    }

    [[nodiscard]] SSL* get() const noexcept { return ssl_.get(); }
    void close() { fd_ = {}; }

    void send(std::string_view text)
    {
        if (SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())) != static_cast<int>(text.size()))
            throw std::runtime_error("OpenSSL does not send");
    }
    std::string recv(std::size_t n)
    {
        std::string all;
        while (all.size() < n) {
            char part[4096];
            const int got = SSL_read(ssl_.get(), part, static_cast<int>(std::min(sizeof part, n - all.size())));
            if (got <= 0)
                throw std::runtime_error("OpenSSL does not receive");
            all.append(part, static_cast<std::size_t>(got));
        }
        return all;
    }

private:
    unique_fd fd_;
    std::unique_ptr<SSL, void (*)(SSL*)> ssl_;
};

descriptor adopted(unique_fd fd)
{
    descriptor d = adopt(fd.get());
    (void)fd.release();
    return d;
}

void use_small_buffers(const unique_fd& fd)
{
    const int least = 1;
    must(::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least));
}

test::ends narrow_pair()
{
    auto fds = raw_socketpair(SOCK_STREAM);
    use_small_buffers(fds.first);
    use_small_buffers(fds.second);
    descriptor first = adopted(std::move(fds.first));
    return {std::move(first), adopted(std::move(fds.second))};
}

/// Changes or ends the bytes that are read through it.
class damaged {
public:
    struct damage {
        std::size_t end = SIZE_MAX;  // the stream ends before this byte
        std::size_t flip = SIZE_MAX; // this byte arrives with another bit
        std::size_t seen = 0;
    };

    damaged(descriptor d, std::shared_ptr<damage> what) : inner_(std::move(d).take()), what_(std::move(what)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        damage& d = *what_;
        if (d.seen >= d.end)
            return io_result::end();
        const io_result r = inner_->try_read(in.first(std::min(in.size(), d.end - d.seen)));
        if (r.status() != io_status::moved)
            return r;
        if (d.flip >= d.seen && d.flip < d.seen + r.size())
            in[d.flip - d.seen] ^= std::byte{0x10};
        d.seen += r.size();
        return r;
    }
    io_result try_write(std::span<const byte_view> out) noexcept { return inner_->try_write(out); }
    readiness arm(direction d) noexcept { return what_->seen >= what_->end ? readiness::now() : inner_->arm(d); }
    void close() noexcept { inner_->close(); }

private:
    std::unique_ptr<ferrule::detail::any_descriptor> inner_;
    std::shared_ptr<damage> what_;
};

bool is_typed(const error_code& ec)
{
    return ec == errc::truncated || ec == condition::broken || ec == condition::untrusted;
}

} // namespace

// ---- certificates and names ----

TEST_CASE("tls: a client and a server talk, in both versions")
{
    for (const int version : versions) {
        const auto v = handshake(limited_to(fresh_client(), version), fresh_server());
        CHECK(v.client == error_code());
        CHECK(v.server == error_code());
    }
}

TEST_CASE("tls: a client refuses a server that it should not trust, and says why")
{
    const auto refuses = [](const context& s, int why, const std::string& name = "peer.test") {
        for (const int version : versions) {
            const auto v = handshake(limited_to(fresh_client(), version), s, name);
            CAPTURE(v.client.message(), v.server.message());
            CHECK(v.client == verification(why));
            CHECK(v.client == condition::untrusted);
            CHECK_FALSE(v.client == condition::broken);
            CHECK(v.server == condition::untrusted);
        }
    };
    wanted_certificate w;
    refuses(server_with(w), X509_V_ERR_HOSTNAME_MISMATCH, "other.test");
    refuses(server_with(w), X509_V_ERR_HOSTNAME_MISMATCH, "sub.peer.test");
    refuses(server_with(w), X509_V_ERR_IP_ADDRESS_MISMATCH, "127.0.0.1");
    refuses(server_with(authority::self_signed()), X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
    refuses(server_with(authority("somebody else").issue()), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    w.begins = -7200;
    w.ends = -3600;
    refuses(server_with(w), X509_V_ERR_CERT_HAS_EXPIRED);
    w.begins = 3600;
    w.ends = 7200;
    refuses(server_with(w), X509_V_ERR_CERT_NOT_YET_VALID);
    CHECK(verification(X509_V_ERR_CERT_HAS_EXPIRED).message() == "certificate has expired");
    CHECK(verification(X509_V_ERR_HOSTNAME_MISMATCH).message() == "hostname mismatch");
}

TEST_CASE("tls: names and addresses that a certificate has are accepted")
{
    wanted_certificate w;
    w.names = {"peer.test", "*.wild.test", "IP:127.0.0.1", "IP:::1"};
    const context s = server_with(w);
    for (const char* const name : {"peer.test", "PEER.test", "peer.test.", "a.wild.test", "127.0.0.1", "::1"}) {
        CAPTURE(name);
        CHECK(handshake(client_context(), s, name).client == error_code());
    }
    for (const char* const name : {"a.b.wild.test", "wild.test", "127.0.0.2", "::2"}) {
        CAPTURE(name);
        CHECK(handshake(client_context(), s, name).client == condition::untrusted);
    }
    w.common_name = "peer.test"; // the common name is no name of a server
    w.names.clear();
    CHECK(handshake(client_context(), server_with(w)).client == verification(X509_V_ERR_HOSTNAME_MISMATCH));
}

TEST_CASE("tls: the system's trust store is what counts, unless told otherwise")
{
    CHECK(handshake(context::client(), server_context()).client == condition::untrusted);
    CHECK(handshake(context::client().trust_anyone(), server_with(authority::self_signed()), "").client ==
          error_code());
    // Both authorities count, in one text or two.
    const authority other("another");
    const context both = fresh_client().trust(other.certificate());
    const context together = context::client().trust(other.certificate() + test_authority().certificate());
    for (const context& c : {both, together}) {
        CHECK(handshake(c, server_context()).client == error_code());
        CHECK(handshake(c, server_with(other.issue())).client == error_code());
    }
}

TEST_CASE("tls: verification is not lost by accident")
{
    const auto opening = [](const context& c, const std::string& name) {
        return code_of([&] { (void)tls::client(socketpair_descriptors().first, c, name); });
    };
    CHECK(opening(client_context(), "") == errc::invalid_argument);
    CHECK(opening(client_context(), std::string("peer.test\0.evil.test", 20)) == errc::invalid_argument);
    CHECK(opening(client_context(), ".") == errc::invalid_argument);
    CHECK(opening(server_context(), "peer.test") == errc::invalid_argument);
    CHECK(code_of([] { (void)tls::server(socketpair_descriptors().first, client_context()); }) ==
          errc::invalid_argument);

    asio::ssl::context theirs(asio::ssl::context::tls_client); // verifies nobody by default
    const context adopted_one = context::adopt(theirs.native_handle());
    CHECK(opening(adopted_one, "") == errc::invalid_argument);
    CHECK(handshake(adopted_one, server_context()).client == condition::untrusted);
    theirs.add_certificate_authority(asio::buffer(test_authority().certificate()));
    CHECK(handshake(adopted_one, server_context()).client == error_code());
    CHECK(handshake(adopted_one, server_context(), "other.test").client == condition::untrusted);
    context careless = adopted_one;
    CHECK(handshake(careless.trust_anyone(), server_with(authority::self_signed()), "").client == error_code());
    CHECK(code_of([] { (void)context::adopt(nullptr); }) == errc::invalid_argument);
}

TEST_CASE("tls: an adopted SSL_CTX serves, and old versions are refused whatever it says")
{
    const identity own = test_authority().issue();
    asio::ssl::context theirs(asio::ssl::context::tls_server);
    theirs.use_certificate(asio::buffer(own.chain), asio::ssl::context::pem);
    theirs.use_private_key(asio::buffer(own.key), asio::ssl::context::pem);
    const context s = context::adopt(theirs.native_handle());
    CHECK(handshake(client_context(), s).client == error_code());

    context old = limited_to(fresh_client(), TLS1_1_VERSION);
    SSL_CTX_set_security_level(old.native_handle(), 0);
    SSL_CTX_set_security_level(theirs.native_handle(), 0);
    SSL_CTX_set_min_proto_version(theirs.native_handle(), TLS1_VERSION);
    CHECK(is_typed(handshake(old, s).client));
    auto fds = raw_socketpair(SOCK_STREAM);
    duplex server(tls::server(adopted(std::move(fds.first)), s));
    openssl_peer client(std::move(fds.second), old, false);
    auto there = std::async(std::launch::async, [&] { return SSL_do_handshake(client.get()); });
    CHECK(code_of([&] { (void)server.recv(timeout); }) == condition::broken);
    server.close();
    CHECK(there.get() <= 0);
}

TEST_CASE("tls: certificates that cannot be used are named, with OpenSSL's reason")
{
    const temporary_folder folder;
    const auto file = [&](const std::string& name, const std::string& text) {
        const std::string path = folder.file(name);
        std::ofstream(path) << text;
        return path;
    };
    const identity own = test_authority().issue();
    const std::string chain = file("chain.pem", own.chain);
    const std::string key = file("key.pem", own.key);
    CHECK(handshake(client_context(), context::server(chain, key)).client == error_code());
    const std::string both = file("both.pem", own.key + own.chain);
    CHECK(
        handshake(context::client().trust(file("ca.pem", test_authority().certificate())), context::server(both, both))
            .client == error_code());

    const auto complaint = [](auto f) -> std::string {
        try {
            f();
        } catch (const ferrule::error& e) {
            return e.what();
        }
        return "none";
    };
    using Catch::Matchers::Contains;
    const std::string missing = folder.file("missing.pem");
    CHECK_THAT(complaint([&] { (void)context::server(missing, key); }),
               Contains("'" + missing + "'") && Contains("No such file"));
    CHECK(code_of([&] { (void)context::client().trust(missing); }) == boost::system::errc::no_such_file_or_directory);
    const std::string empty = file("empty.pem", "");
    CHECK_THAT(complaint([&] { (void)context::client().trust(empty); }),
               Contains("'" + empty + "'") && Contains("no start line"));
    const std::string garbage = file("garbage.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    CHECK_THAT(complaint([&] { (void)context::client().trust(garbage); }), Contains("'" + garbage + "'"));
    CHECK_THAT(complaint([&] { (void)context::client().trust(own.chain + "-----BEGIN CERTIFICATE-----\n!\n"); }),
               Contains("trusted certificates"));
    CHECK_THAT(complaint([&] { (void)context::server(chain, test_authority().issue().key); }),
               Contains("key values mismatch"));
    // OpenSSL would ask for the password at the terminal.
    EVP_PKEY* const k = EVP_EC_gen("P-256");
    std::FILE* const out = std::fopen((folder.file("locked.pem")).c_str(), "w");
    PEM_write_PrivateKey(out, k, EVP_aes_128_cbc(), nullptr, 0, nullptr, const_cast<char*>("secret"));
    std::fclose(out);
    EVP_PKEY_free(k);
    CHECK_THAT(complaint([&] { (void)context::server(chain, folder.file("locked.pem")); }), Contains("locked.pem'"));
}

TEST_CASE("tls: a server can require a certificate of its clients")
{
    for (const int version : versions) {
        const authority clients("issuer of clients");
        const context s = limited_to(fresh_server().require_client_certificate(clients.certificate()), version);
        const auto with = [](const identity& own) { return fresh_client().present(own.chain, own.key); };
        auto v = handshake(with(clients.issue()), s);
        CHECK(v.client == error_code());
        CHECK(v.server == error_code());
        v = handshake(fresh_client(), s);
        // The alert of TLS 1.2 is a general one (RFC 5246, section 7.4.6).
        CHECK(v.client == (version == TLS1_2_VERSION ? condition::broken : condition::untrusted));
        CHECK(v.server == condition::untrusted);
        v = handshake(with(test_authority().issue()), s);
        CHECK(v.client == condition::untrusted);
        CHECK(v.server == condition::untrusted);
    }
}

TEST_CASE("tls: the ends agree on a protocol, or the server refuses")
{
    const auto agreed = [](const context& c, const context& s) {
        tls_ends e(socketpair_descriptors(), c, s);
        e.shake_hands();
        CHECK(e.client->details()->alpn == e.server->details()->alpn);
        return e.client->details()->alpn;
    };
    const context s = fresh_server().alpn({"b", "a"});
    CHECK(agreed(fresh_client().alpn({"a", "b"}), s) == "b");
    CHECK(agreed(fresh_client().alpn({"x", "a"}), s) == "a");
    CHECK(agreed(fresh_client(), s).empty());
    CHECK(agreed(fresh_client().alpn({"a"}), server_context()).empty());
    const auto v = handshake(fresh_client().alpn({"x"}), s);
    CHECK(v.client == condition::broken);
    CHECK(v.client.message().find("no application protocol") != std::string::npos);
    CHECK(v.server == condition::broken);
    for (const auto& name : {std::string(), std::string(256, 'x')})
        CHECK(code_of([&] { (void)fresh_client().alpn({name}); }) == errc::invalid_argument);
}

TEST_CASE("tls: what the ends have agreed on can be read")
{
    for (const int version : versions) {
        wanted_certificate w;
        w.common_name = "J\xc3\xbcrgen";
        const identity own = test_authority().issue(w);
        tls_ends e(socketpair_descriptors(), limited_to(fresh_client(), version), server_with(own));
        CHECK_FALSE(e.client->details());
        e.shake_hands();
        const tls::session here = e.client->details().value();
        const tls::session there = e.server->details().value();
        CHECK(here.version == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
        CHECK(here.version == there.version);
        CHECK_FALSE(here.cipher.empty());
        CHECK(here.cipher == there.cipher);
        CHECK(here.server_name == "peer.test");
        CHECK(there.server_name == "peer.test");
        CHECK(here.verified);
        CHECK(here.peer.subject == "CN=J\xc3\xbcrgen");
        CHECK(here.peer.issuer == "CN=ferrule's tests");
        CHECK(here.peer.sha256.size() == 64);
        CHECK(own.chain.find(here.peer.der->text()) == std::string::npos); // PEM is base64
        const auto* der = reinterpret_cast<const unsigned char*>(here.peer.der->data());
        X509* const x = d2i_X509(nullptr, &der, static_cast<long>(here.peer.der->size()));
        REQUIRE(x != nullptr);
        X509_free(x);
        CHECK(there.peer.subject.empty());
        CHECK_FALSE(there.peer.der);
        CHECK_FALSE(there.verified);
    }
}

TEST_CASE("tls: only streams in both directions are taken, and others stay the caller's")
{
    CHECK(code_of([] { (void)tls::client(memory_packet_pair().first, client_context(), "peer.test"); }) ==
          errc::unsupported);
    CHECK(code_of([] { (void)tls::server(pipe_descriptors().first, server_context()); }) == errc::wrong_direction);
    descriptor gone = socketpair_descriptors().first;
    (void)std::move(gone).take();
    CHECK(code_of([&] { (void)tls::server(std::move(gone), server_context()); }) == errc::bad_descriptor);
    auto fds = raw_socketpair(SOCK_STREAM);
    CHECK(code_of([&] { (void)tls::client(adopt(fds.first.get()), client_context(), ""); }) == errc::invalid_argument);
    CHECK(is_open(fds.first.get()));
}

// ---- the end, and damage ----

TEST_CASE("tls: the end that the peer has announced differs from a stream that stops")
{
    for (const int version : versions) {
        const context c = limited_to(fresh_client(), version);
        {
            pair_of_duplexes p(tls_pair(socketpair_descriptors(), c));
            p.client.send("last words", timeout);
            p.client.shutdown_send(timeout);
            CHECK(p.server.recv_all(timeout) == byte_view("last words"));
            CHECK(code_of([&] { (void)p.server.recv(timeout); }) == errc::end_of_stream);
            CHECK(code_of([&] { p.client.send("more", timeout); }) == condition::broken);
            p.server.send("an answer", timeout); // the other direction goes on
            p.server.close();
            CHECK(p.client.recv_all(timeout) == byte_view("an answer"));
        }
        auto fds = raw_socketpair(SOCK_STREAM);
        const int cut = fds.first.get();
        pair_of_duplexes p(tls_pair({adopted(std::move(fds.first)), adopted(std::move(fds.second))}, c));
        p.client.send("last words", timeout);
        must(::shutdown(cut, SHUT_WR));
        CHECK(p.server.recv(timeout) == byte_view("last words"));
        for (int again = 0; again < 2; ++again) {
            CHECK(code_of([&] { (void)p.server.recv(timeout); }) == errc::truncated);
            CHECK(code_of([&] { (void)p.server.recv_all(timeout); }) == errc::truncated);
        }
        p.server.send("still", timeout); // only the input has stopped
        CHECK(p.client.recv(timeout) == byte_view("still"));
    }
}

TEST_CASE("tls: a handshake that is cut at any byte is an error at both ends")
{
    for (const int version : versions) {
        const context c = limited_to(fresh_client(), version);
        for (const bool cut_client : {true, false}) {
            std::size_t n = 0;
            for (bool complete = false; !complete; n += sanitized ? 7 : 1) {
                CAPTURE(version, cut_client, n);
                const auto d = std::make_shared<damaged::damage>();
                d->end = n;
                test::ends under = socketpair_descriptors();
                descriptor& at = cut_client ? under.first : under.second;
                at = damaged(std::move(at), d);
                tls_ends e(std::move(under), c);
                io_result r = io_result::would_block();
                tls::connection& one = cut_client ? *e.client : *e.server;
                tls::connection& other = cut_client ? *e.server : *e.client;
                for (int i = 0; i < 10 && r.status() == io_status::would_block; ++i) {
                    (void)other.shake_hands();
                    r = one.shake_hands();
                }
                complete = r.status() == io_status::moved;
                if (complete)
                    break;
                CHECK(r.status() == io_status::failed);
                CHECK(r.error() == errc::truncated);
                std::byte space[10];
                CHECK(one.try_read(space).error() == errc::truncated);
                one.close();
                do
                    r = other.try_read(space);
                while (r.status() == io_status::would_block);
                CHECK(r.status() == io_status::failed);
                CHECK(is_typed(r.error()));
            }
            CHECK(n > 100);
        }
    }
}

TEST_CASE("tls: a byte that changes on the way is an error, and never other data")
{
    const bytes sent = pattern(300);
    for (const int version : versions) {
        const context c = limited_to(fresh_client(), version);
        std::size_t harmless = 0;
        for (std::size_t n = 0;; n += sanitized ? 7 : 1) {
            CAPTURE(version, n);
            const auto d = std::make_shared<damaged::damage>();
            d->flip = n;
            test::ends under = socketpair_descriptors();
            under.first = damaged(std::move(under.first), d);
            tls_ends e(std::move(under), c);
            const byte_view all(sent);
            bytes got;
            io_result r = io_result::would_block();
            bool written = false;
            std::size_t handshake_size = SIZE_MAX;
            for (int i = 0; i < 20 && r.status() != io_status::end && r.status() != io_status::failed; ++i) {
                if (!written && e.server->shake_hands().status() == io_status::moved) {
                    CHECK(e.server->try_write({&all, 1}).size() == all.size());
                    e.server->close(); // announces the end
                    written = true;
                }
                if (handshake_size == SIZE_MAX && e.client->shake_hands().status() == io_status::moved)
                    handshake_size = d->seen;
                std::byte space[100];
                r = e.client->try_read(space);
                if (r.status() == io_status::moved)
                    got.append(byte_view(space).first(r.size()));
            }
            CHECK(all.text().starts_with(got.text()));
            const bool well = r.status() == io_status::end && got == sent;
            if (d->seen <= n) {
                CHECK(well);
                break;
            }
            if (well) { // a field in clear that means nothing, such as the version of a record
                ++harmless;
                CHECK(n < handshake_size);
            } else if (r.status() == io_status::failed) {
                CAPTURE(r.error().message(), r.error().category().name());
                CHECK(is_typed(r.error()));
            } else // the ends wait for each other: the length of a record has grown
                CHECK(r.status() == io_status::would_block);
        }
        CHECK(harmless < 20);
    }
}

TEST_CASE("tls: what is no TLS at all is an error that says so")
{
    for (const std::string_view garbage : {"HTTP/1.1 400 Bad Request\r\n\r\n", "\x15\x03\x03 and more of it",
                                           "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"}) {
        auto here = socketpair_descriptors();
        duplex client(tls::client(std::move(here.first), client_context(), "peer.test"));
        duplex raw(std::move(here.second));
        raw.send(garbage, timeout);
        raw.shutdown_send(timeout);
        const error_code ec = code_of([&] { client.send("x", timeout); });
        CAPTURE(ec.message());
        CHECK(is_typed(ec));
        CHECK(code_of([&] { (void)client.recv(timeout); }) == ec);

        auto there = socketpair_descriptors();
        duplex server(tls::server(std::move(there.first), server_context()));
        duplex raw_client(std::move(there.second));
        raw_client.send(garbage, timeout);
        raw_client.shutdown_send(timeout);
        CHECK(is_typed(code_of([&] { (void)server.recv(timeout); })));
    }
    auto here = socketpair_descriptors();
    duplex client(tls::client(std::move(here.first), client_context(), "peer.test"));
    duplex(std::move(here.second)).send("HTTP/1.1 400", timeout);
    CHECK(code_of([&] { client.send("x", timeout); }).message() == "wrong version number");
}

// ---- waiting, cancelling, holding ----

TEST_CASE("tls: a handshake that is given up goes on with the next call")
{
    for (const int version : versions) {
        auto p = before_handshake(narrow_pair(), limited_to(fresh_client(), version), server_context());
        const auto gives_up = [](const error_code& ec) { return ec == errc::timed_out || ec == errc::cancelled; };
        std::stop_source stopped;
        stopped.request_stop();
        int rounds = 0;
        for (bool sent = false, received = false; !received; ++rounds) {
            error_code ec;
            if (!sent) {
                p.client.send("x", rounds % 2 == 0 ? until(deadline::now()) : until(timeout, stopped.get_token()), ec);
                CHECK((!ec || gives_up(ec)));
                sent = !ec;
            }
            received = !p.server.recv(1, deadline::now(), ec).empty();
            CHECK((!ec || gives_up(ec)));
        }
        CHECK(rounds > 1);
    }
}

TEST_CASE("tls: calls of a millisecond and less lose and repeat nothing")
{
    const bytes sent = pattern(100'000);
    auto p = before_handshake(narrow_pair(), client_context(), server_context());
    const auto send_all = [&](duplex& d, int microseconds) {
        for (std::size_t at = 0; at < sent.size();) {
            const auto part = byte_view(sent).subspan(at, std::min<std::size_t>(3000, sent.size() - at));
            error_code ec;
            const std::size_t n = d.send(part, std::chrono::microseconds(microseconds), ec);
            at += !ec || n != 0 ? part.size() : 0;
        }
        d.flush(timeout);
    };
    const auto receive_all = [&](duplex& d, int microseconds) {
        bytes got;
        while (got.size() < sent.size()) {
            error_code ec;
            got.append(d.recv(std::chrono::microseconds(microseconds), ec));
        }
        return got;
    };
    std::vector<std::future<void>> calls;
    calls.push_back(std::async(std::launch::async, [&] { send_all(p.client, 1000); }));
    calls.push_back(std::async(std::launch::async, [&] { send_all(p.server, 100); }));
    auto first = std::async(std::launch::async, [&] { return receive_all(p.server, 1000); });
    CHECK(receive_all(p.client, 100) == sent);
    CHECK(first.get() == sent);
    for (auto& c : calls)
        c.get();
}

TEST_CASE("tls: both directions of both ends at once, from the handshake on")
{
    for (int round = 0; round < (sanitized ? 4 : 16); ++round) {
        const bool narrow = round % 2 == 0;
        auto p = before_handshake(narrow ? narrow_pair() : socketpair_descriptors(),
                                  limited_to(fresh_client(), versions[round / 2 % 2]), server_context());
        const bytes there = pattern(narrow ? 200'000 : 2'000'000, 1);
        const bytes back = pattern(narrow ? 150'000 : 1'500'000, 2);
        auto a = std::async(std::launch::async, [&] { p.client.send(there, timeout); });
        auto b = std::async(std::launch::async, [&] { p.server.send(back, timeout); });
        auto c = std::async(std::launch::async, [&] { return p.server.recv(there.size(), timeout); });
        CHECK(p.client.recv(back.size(), timeout) == back);
        CHECK(c.get() == there);
        a.get();
        b.get();
    }
}

TEST_CASE("tls: whoever waits to send learns that a receive has finished the handshake, and the reverse")
{
    const context of_version[] = {limited_to(fresh_client(), versions[0]), limited_to(fresh_client(), versions[1])};
    for (int round = 0; round < 200; ++round) {
        auto p = before_handshake(socketpair_descriptors(), of_version[round % 2], server_context());
        auto reply = std::async(std::launch::async, [&] { return p.client.recv(timeout); });
        auto request = std::async(std::launch::async, [&] { p.client.send("request", timeout); });
        CHECK(p.server.recv(timeout) == byte_view("request"));
        p.server.send("reply", timeout);
        request.get();
        CHECK(reply.get() == byte_view("reply"));
    }
    for (int round = 0; round < 50; ++round) { // the same if it fails
        auto p = before_handshake(socketpair_descriptors(), client_context(), server_context(), "other.test");
        auto reply = std::async(std::launch::async, [&] { return code_of([&] { (void)p.client.recv(timeout); }); });
        auto request = std::async(std::launch::async, [&] { return code_of([&] { p.client.send("x", timeout); }); });
        CHECK(code_of([&] { (void)p.server.recv(timeout); }) == condition::untrusted);
        CHECK(reply.get() == condition::untrusted);
        CHECK(request.get() == condition::untrusted);
    }
}

TEST_CASE("tls: a send that is over by its deadline leaves at most a record, which goes out before all else")
{
    pair_of_duplexes p(tls_pair(narrow_pair()));
    const bytes block = pattern(10'000);
    std::size_t accepted = 0;
    error_code ec;
    while (p.client.unsent() == 0 && !ec) {
        if (p.client.send(block, deadline::now(), ec) != 0)
            accepted += block.size();
    }
    CHECK(p.client.unsent() != 0);
    CHECK(p.client.unsent() < block.size() + 17'000);
    const auto held = p.client.unsent();
    CHECK(p.client.send(block, deadline::now(), ec) == 0); // it makes no other record
    CHECK(ec == errc::timed_out);
    CHECK(code_of([&] { p.client.flush(1ms); }) == errc::timed_out);
    CHECK(code_of([&] { ferrule::detail::require_nothing_held(p.client.channel()); }) == errc::torn);
    error_code refused;
    (void)p.client.release(timeout, refused);
    CHECK(refused == errc::torn);
    CHECK(p.client.unsent() == held);

    SECTION("with a flush")
    {
        auto flushed = std::async(std::launch::async, [&] { p.client.flush(timeout); });
        const bytes got = p.server.recv(accepted, timeout);
        flushed.get();
        CHECK(p.client.unsent() == 0);
        for (std::size_t i = 0; i < accepted; i += block.size())
            CHECK(byte_view(got).subspan(i, block.size()) == byte_view(block));
    }
    SECTION("while a receive waits")
    {
        auto reply = std::async(std::launch::async, [&] { return p.client.recv(timeout); });
        CHECK(p.server.recv(accepted, timeout).size() == accepted);
        p.server.send("reply", timeout);
        CHECK(reply.get() == byte_view("reply"));
        CHECK(p.client.unsent() == 0);
    }
    SECTION("with close")
    {
        auto closed = std::async(std::launch::async, [&] { return p.client.close(timeout); });
        CHECK(p.server.recv_all(timeout).size() == accepted);
        CHECK(closed.get() == 0);
    }
    SECTION("or close says that it did not")
    {
        CHECK(p.client.close() == held);
        CHECK(code_of([&] { (void)p.server.recv_all(timeout); }) == errc::truncated);
    }
}

TEST_CASE("tls: a send is over when the system has the bytes")
{
    pair_of_duplexes p(tls_pair(narrow_pair()));
    const bytes sent = pattern(16'000); // one record, of which there is no room for all
    auto sending = std::async(std::launch::async, [&] { p.client.send(sent, timeout); });
    bytes got = p.server.recv(16'000, timeout);
    sending.get();
    CHECK(p.client.unsent() == 0);
    CHECK(got == sent);
}

TEST_CASE("tls: an error of the descriptor below, at any call, ends one call and loses nothing")
{
    for (const bool writing : {false, true}) {
        bool reached = true;
        for (std::size_t k = 0; reached; ++k) {
            CAPTURE(writing, k);
            const auto f = std::make_shared<faults>();
            f->at = k;
            f->what = faults::fault::failure;
            f->max_read = f->max_written = 1000;
            test::ends under = socketpair_descriptors();
            descriptor& at = writing ? under.first : under.second;
            at = faulty(std::move(at), f);
            tls_ends e(std::move(under));
            const bytes sent = pattern(40'000);
            bytes got;
            std::size_t taken = 0;
            int errors = 0;
            const auto note = [&](const io_result& r) {
                if (r.status() != io_status::failed)
                    return;
                CHECK(r.error() == f->failure);
                ++errors;
            };
            while (got.size() < sent.size()) {
                const byte_view rest = byte_view(sent).subspan(taken);
                const io_result w = e.client->try_write({&rest, 1});
                note(w);
                taken += w.status() == io_status::moved ? w.size() : 0;
                note(e.client->try_flush());
                std::byte space[5000];
                const io_result r = e.server->try_read(space);
                note(r);
                if (r.status() == io_status::moved)
                    got.append(byte_view(space).first(r.size()));
            }
            CHECK(got == sent);
            reached = f->reached;
            CHECK(errors <= 1);
        }
    }
}

TEST_CASE("tls: any small piece at a time below, and any refusal, makes no difference")
{
    dice d(7);
    const context of_version[] = {limited_to(fresh_client(), versions[0]), limited_to(fresh_client(), versions[1])};
    for (int round = 0; round < (sanitized ? 20 : 100); ++round) {
        test::ends under = socketpair_descriptors();
        std::shared_ptr<faults> scripts[2];
        descriptor* const at[2] = {&under.first, &under.second};
        for (int i = 0; i < 2; ++i) {
            scripts[i] = std::make_shared<faults>();
            scripts[i]->max_read = 1 + d(100);
            scripts[i]->max_written = 1 + d(100);
            *at[i] = faulty(std::move(*at[i]), scripts[i]);
        }
        auto p = before_handshake(std::move(under), of_version[round % 2], server_context());
        const bytes sent = pattern(1 + d(40'000));
        auto receiving = std::async(std::launch::async, [&] { return p.server.recv(sent.size(), timeout); });
        p.client.send(sent, timeout);
        CHECK(receiving.get() == sent);
    }
}

TEST_CASE("tls: the peer may ask for new keys at any time")
{
    const context theirs = fresh_server();
    auto fds = raw_socketpair(SOCK_STREAM);
    openssl_peer peer(std::move(fds.second), theirs, true);
    duplex client(tls::client(adopted(std::move(fds.first)), client_context(), "peer.test"));
    auto there = std::async(std::launch::async, [&] {
        for (int i = 0; i < 50; ++i) {
            if (peer.recv(5) != "hello")
                throw std::runtime_error("other data");
            SSL_key_update(peer.get(), i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
            peer.send("world");
        }
    });
    auto reading = std::async(std::launch::async, [&] {
        for (int i = 0; i < 50; ++i)
            if (client.recv(5, timeout) != byte_view("world"))
                throw std::runtime_error("other data");
    });
    for (int i = 0; i < 50; ++i)
        client.send("hello", timeout);
    reading.get();
    there.get();
}

TEST_CASE("tls: a peer that asks for new keys without end and reads nothing costs bounded memory")
{
    auto fds = raw_socketpair(SOCK_STREAM);
    use_small_buffers(fds.first);
    must(::fcntl(fds.second.get(), F_SETFL, O_NONBLOCK));
    openssl_peer peer(std::move(fds.second), server_context(), true);
    const auto client = tls::open(adopted(std::move(fds.first)), client_context(), tls::role::client, "peer.test");
    std::byte space[100];
    for (bool done = false; !done;) {
        done = client->shake_hands().status() == io_status::moved;
        done = SSL_do_handshake(peer.get()) == 1 && done;
    }
    std::size_t most = 0;
    for (bool grows = true; grows;) {
        // As many as the system has room for, since OpenSSL does not read while it cannot write.
        for (int i = 0; i < 100; ++i) {
            SSL_key_update(peer.get(), SSL_KEY_UPDATE_REQUESTED);
            REQUIRE(SSL_do_handshake(peer.get()) == 1);
        }
        CHECK(client->try_read(space).status() == io_status::would_block);
        grows = most == 0 || client->unsent() > most;
        most = std::max(most, client->unsent());
    }
    CHECK(most > 65'000);
    CHECK(most < 66'000);
    // When the peer reads again, data goes on behind the answers, in both directions.
    bool asked = false;
    bool answered = false;
    std::string there;
    bytes here;
    while (there.size() < 5 || here.size() < 5) {
        asked = asked || SSL_write(peer.get(), "world", 5) == 5;
        char part[100];
        if (const int n = SSL_read(peer.get(), part, sizeof part); n > 0)
            there.append(part, static_cast<std::size_t>(n));
        else
            REQUIRE(SSL_get_error(peer.get(), n) != SSL_ERROR_SSL);
        const byte_view hello("hello");
        io_result r = io_result::would_block();
        if (!answered) {
            r = client->try_write({&hello, 1});
            answered = r.status() == io_status::moved;
            REQUIRE(r.status() != io_status::failed);
        }
        REQUIRE(client->try_flush().status() != io_status::failed);
        r = client->try_read(space);
        REQUIRE(r.status() != io_status::failed);
        if (r.status() == io_status::moved)
            here.append(byte_view(space).first(r.size()));
    }
    CHECK(there == "hello");
    CHECK(here == byte_view("world"));
}

TEST_CASE("tls: asynchronous calls drive the handshake, and carry large messages")
{
    auto p = before_handshake(narrow_pair(), client_context(), server_context());
    const bytes sent = pattern(300'000);
    asio::io_context context;
    const auto echo = [](duplex d, std::size_t n) -> asio::awaitable<void> {
        const bytes all = co_await d.async_recv(n);
        co_await d.async_send(all);
    };
    bytes got;
    const auto ask = [](duplex d, const bytes& question, bytes& answer) -> asio::awaitable<void> {
        co_await d.async_send(question);
        answer = co_await d.async_recv(question.size());
    };
    asio::co_spawn(context, echo(p.server, sent.size()), asio::detached);
    asio::co_spawn(context, ask(p.client, sent, got), asio::detached);
    context.run();
    CHECK(got == sent);
}

TEST_CASE("tls: close answers who waits in a handshake")
{
    auto under = socketpair_descriptors();
    duplex client(tls::client(std::move(under.first), client_context(), "peer.test"));
    duplex silent(std::move(under.second));
    auto sending = std::async(std::launch::async, [&] { return code_of([&] { client.send("x", timeout); }); });
    auto receiving = std::async(std::launch::async, [&] { return code_of([&] { (void)client.recv(timeout); }); });
    CHECK_FALSE(silent.recv(timeout).empty()); // the beginning of the handshake
    client.close();
    CHECK(sending.get() == errc::closed);
    CHECK(receiving.get() == errc::closed);
}

TEST_CASE("tls: the child of a fork cannot use the keys of its parent")
{
    pair_of_duplexes p(tls_pair());
    CHECK(WEXITSTATUS(in_child([&] {
              const bool refused = code_of([&] { p.client.send("x", timeout); }) == errc::forked &&
                                   code_of([&] { (void)p.client.recv(timeout); }) == errc::forked;
              p.client.close();
              return refused ? 0 : 1;
          })) == 0);
    p.client.send("from the parent", timeout); // nothing has been announced
    CHECK(p.server.recv(timeout) == byte_view("from the parent"));
}
