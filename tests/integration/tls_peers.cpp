// TLS against OpenSSL's own programs, and against Python's ssl and asyncio.
#include "integration/peers.hpp"
#include "support/posix/each_python.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/posix/tls.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

#include <openssl/x509_vfy.h>

namespace {

using tls::context;

/// Certificates in files, as other programs want them.
class files {
public:
    files() { write("ca.pem", test_authority().certificate()); }

    [[nodiscard]] std::string path(const std::string& name) const { return folder_.file(name); }
    std::string write(const std::string& name, const std::string& text) const
    {
        std::ofstream(path(name)) << text;
        return path(name);
    }
    /// The arguments for a certificate.
    [[nodiscard]] std::vector<std::string> present(const identity& own) const
    {
        return {"-cert", write("chain.pem", own.chain), "-key", write("key.pem", own.key)};
    }

private:
    temporary_folder folder_;
};

identity peer(const wanted_certificate& wanted = {})
{
    return test_authority().issue(wanted);
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more)
{
    to.insert(to.end(), more.begin(), more.end());
}

/// `openssl s_server`, which sends each line back in reverse.
class openssl_server {
public:
    openssl_server(const files& f, const identity& own, const std::vector<std::string>& options = {})
        : program_(spawn_piped(command(f, own, options), lines()))
    {
        // "ACCEPT 0.0.0.0:port"
        std::string line;
        while (!line.starts_with("ACCEPT "))
            line = program_.output.recv(timeout).text();
        port_ = line.substr(line.rfind(':') + 1);
    }
    openssl_server(const openssl_server&) = delete;
    openssl_server& operator=(const openssl_server&) = delete;
    ~openssl_server() { kill(); }

    [[nodiscard]] duplex connect(const context& c = client_context(), const std::string& name = "peer.test") const
    {
        return tls::connect({"tcp://127.0.0.1:" + port_, name}, c, timeout);
    }
    void kill() { program_.process.kill(); }

private:
    static std::vector<std::string> command(const files& f, const identity& own,
                                            const std::vector<std::string>& options)
    {
        std::vector<std::string> c = {program_in_path("openssl"), "s_server", "-4", "-accept", "0", "-rev"};
        append(c, f.present(own));
        append(c, options);
        return c;
    }

    piped_child<message_reader<lines>, message_writer<lines>> program_;
    std::string port_;
};

/// `openssl s_client`, connected to a listener of ours; its standard streams are the connection.
class openssl_client {
public:
    openssl_client(const files& f, const tls::listener<>& to, const std::vector<std::string>& options = {})
        : program(spawn_piped(command(f, to, options)))
    {
    }
    openssl_client(const openssl_client&) = delete;
    openssl_client& operator=(const openssl_client&) = delete;
    ~openssl_client() { program.process.kill(); }

    piped_child<reader, writer> program;

private:
    static std::vector<std::string> command(const files& f, const tls::listener<>& to,
                                            const std::vector<std::string>& options)
    {
        std::vector<std::string> c = {program_in_path("openssl"),
                                      "s_client",
                                      "-quiet",
                                      "-verify_quiet",
                                      "-verify_return_error",
                                      "-CAfile",
                                      f.path("ca.pem"),
                                      "-connect",
                                      "127.0.0.1:" + std::to_string(to.address().port()),
                                      "-servername",
                                      "peer.test"};
        append(c, options);
        return c;
    }
};

void expect_reversed(duplex d)
{
    d.send("desserts\n", timeout);
    CHECK(d.recv_line(timeout) == byte_view("stressed"));
}

error_code refusal_of(const openssl_server& s, const context& c = client_context(),
                      const std::string& name = "peer.test")
{
    return code_of([&] {
        duplex d = s.connect(c, name);
        d.send("x\n", timeout);
        (void)d.recv(timeout);
    });
}

error_code verification(int code)
{
    return {code, tls::category()};
}

const std::string python_tls = R"(
import asyncio, socket, ssl
folder = sys.argv[1] + "/"
def server_context():
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(folder + "chain.pem", folder + "key.pem")
    c.set_alpn_protocols(["echo/1"])
    return c
def client_context():
    c = ssl.create_default_context(cafile=folder + "ca.pem")
    c.set_alpn_protocols(["echo/1"])
    return c
)";

/// Connects to the port that the child prints first.
template <class Child>
tls::destination announced(Child& c)
{
    return {"tcp://127.0.0.1:" + std::string(c.output.recv(timeout).text()), "peer.test"};
}

} // namespace

TEST_CASE("tls: openssl s_server is a peer, in both versions")
{
    const files f;
    for (const char* const version : {"-tls1_2", "-tls1_3"}) {
        const openssl_server s(f, peer(), {version});
        {
            const duplex d = s.connect();
            expect_reversed(d);
            CHECK(tls::session_of(d)->version == (version == std::string_view("-tls1_2") ? "TLSv1.2" : "TLSv1.3"));
            CHECK(tls::session_of(d)->peer.subject == "CN=a test");
        }
        expect_reversed(s.connect()); // one after the other
    }
}

TEST_CASE("tls: openssl s_server is refused if its certificate is")
{
    const files f;
    const openssl_server good(f, peer());
    CHECK(refusal_of(good, client_context(), "other.test") == verification(X509_V_ERR_HOSTNAME_MISMATCH));
    CHECK(refusal_of(good, context::client()) == condition::untrusted);
    const openssl_server self_signed(f, authority::self_signed());
    CHECK(refusal_of(self_signed) == verification(X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT));
    const openssl_server foreign(f, authority("somebody else").issue());
    CHECK(refusal_of(foreign) == condition::untrusted);
    wanted_certificate old;
    old.begins = -7200;
    old.ends = -3600;
    const openssl_server expired(f, peer(old));
    CHECK(refusal_of(expired) == verification(X509_V_ERR_CERT_HAS_EXPIRED));
}

TEST_CASE("tls: openssl s_server may require a certificate of its client")
{
    const files f;
    const openssl_server s(f, peer(), {"-Verify", "1", "-verify_return_error", "-CAfile", f.path("ca.pem")});
    const auto with = [](const identity& own) {
        return context::client().trust(test_authority().certificate()).present(own.chain, own.key);
    };
    expect_reversed(s.connect(with(peer())));
    CHECK(refusal_of(s) == condition::untrusted);
    CHECK(refusal_of(s, with(authority("somebody else").issue())) == condition::untrusted);
}

TEST_CASE("tls: openssl s_server agrees on a protocol or refuses")
{
    const files f;
    const openssl_server s(f, peer(), {"-alpn", "b,a"});
    const auto offering = [](const std::vector<std::string>& protocols) {
        return context::client().trust(test_authority().certificate()).alpn(protocols);
    };
    CHECK(tls::session_of(s.connect(offering({"a", "b"})))->alpn == "b");
    CHECK(refusal_of(s, offering({"x"})) == condition::broken);
}

TEST_CASE("tls: the death of openssl s_server is no end of the stream")
{
    const files f;
    openssl_server s(f, peer());
    duplex d = s.connect();
    expect_reversed(d);
    s.kill();
    const error_code ec = code_of([&] { (void)d.recv(timeout); });
    CHECK((ec == errc::truncated || ec == condition::broken));
}

TEST_CASE("tls: openssl s_client is a peer, with and without a certificate of its own")
{
    const files f;
    const context with_clients = [] {
        const identity own = peer();
        return context::server(own.chain, own.key)
            .require_client_certificate(test_authority().certificate())
            .alpn({"echo/1"});
    }();
    {
        tls::listener<> l("tcp://127.0.0.1:0", with_clients);
        std::vector<std::string> options = f.present(peer());
        append(options, {"-alpn", "echo/1", "-verify_hostname", "peer.test"});
        openssl_client c(f, l, options);
        duplex d = l.accept(timeout);
        CHECK(tls::session_of(d)->verified);
        CHECK(tls::session_of(d)->peer.subject == "CN=a test");
        CHECK(tls::session_of(d)->alpn == "echo/1");
        CHECK(tls::session_of(d)->server_name == "peer.test");
        c.program.input.send("from the client", timeout);
        CHECK(d.recv(15, timeout) == byte_view("from the client"));
        d.send("from the server", timeout);
        CHECK(c.program.output.recv(15, timeout) == byte_view("from the server"));
        d.close();
        CHECK(c.program.output.recv_all(timeout).empty());
        CHECK(c.program.process.wait(timeout).code() == 0);
    }
    std::promise<error_code> refused;
    listen_options o;
    o.on_refused([&](const ferrule::error& e) { refused.set_value(e.code()); });
    tls::listener<> l("tcp://127.0.0.1:0", with_clients, o);
    auto accepting = std::async(std::launch::async, [&] { return l.accept(timeout); });
    openssl_client without(f, l);
    CHECK(refused.get_future().get() == condition::untrusted);
    CHECK(without.program.process.wait(timeout).code() != 0);
    openssl_client with(f, l, f.present(peer()));
    CHECK(accepting.get().is_open());
}

TEST_CASE("tls: openssl s_client refuses us, and dies")
{
    const files f;
    {
        std::promise<error_code> refused;
        listen_options o;
        o.on_refused([&](const ferrule::error& e) { refused.set_value(e.code()); });
        tls::listener<> l("tcp://127.0.0.1:0", server_context(), o);
        auto accepting = std::async(std::launch::async, [&] { return l.accept(timeout); });
        openssl_client bad_name(f, l, {"-verify_hostname", "other.test"});
        CHECK(refused.get_future().get() == condition::untrusted);
        CHECK(bad_name.program.process.wait(timeout).code() != 0);
        openssl_client good(f, l);
        duplex d = accepting.get();
        good.program.process.kill();
        const error_code ec = code_of([&] { (void)d.recv(timeout); });
        CHECK((ec == errc::truncated || ec == condition::broken));
    }
}

TEST_CASE("tls: Python's asyncio server and its ssl client, with large data both ways")
{
    const files f;
    (void)f.present(peer());
    const bytes data = bytes(byte_view(text(3'000'000)));
    for_each_python([&](const interpreter& p) {
        auto server = spawn_piped({p.program, "-c", python_prologue + python_tls + R"(
async def echo(reader, writer):
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "echo/1"
    while True:
        data = await reader.read(100000)
        if not data:
            break
        writer.write(data)
        await writer.drain()
    writer.close()
    done.set_result(None)
async def main():
    global done
    done = asyncio.get_event_loop().create_future()
    s = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=server_context())
    print(s.sockets[0].getsockname()[1], flush=True)
    await done
asyncio.get_event_loop_policy().new_event_loop().run_until_complete(main())
)",
                                   f.path("")},
                                  lines());
        duplex d = tls::connect(announced(server), context(client_context()).alpn({"echo/1"}), timeout);
        CHECK(tls::session_of(d)->alpn == "echo/1");
        auto sending = std::async(std::launch::async, [&] { d.send(data, timeout); });
        CHECK(d.recv(data.size(), timeout) == data);
        sending.get();
        d.shutdown_send(timeout);
        const error_code ec = code_of([&] { (void)d.recv_all(timeout); });
        CHECK((!ec || ec == errc::truncated)); // asyncio announces its end since Python 3.11
        expect_success(server.process);

        tls::listener<> l("tcp://127.0.0.1:0", server_context());
        auto client = spawn_piped({p.program, "-c", python_prologue + python_tls + R"(
raw = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
s = client_context().wrap_socket(raw, server_hostname="peer.test")
s.sendall(text(3000000))
got = b""
while len(got) < 3000000:
    got += s.recv(100000)
assert got == text(3000000)
raw = s.unwrap() # sends and awaits close_notify
)",
                                   f.path(""), std::to_string(l.address().port())});
        duplex c = l.accept(timeout);
        c.send(c.recv(data.size(), timeout), timeout);
        CHECK(c.recv_all(timeout).empty());
        c.close();
        expect_success(client.process);
    });
}

TEST_CASE("tls: Python refuses a certificate, and does not announce its end")
{
    const files f;
    for_each_python([&](const interpreter& p) {
        std::atomic<int> refused = 0;
        listen_options o;
        o.on_refused([&](const ferrule::error& e) { refused += e.code() == condition::untrusted ? 1 : 0; });
        tls::listener<> l("tcp://127.0.0.1:0", server_context(), o);
        auto accepting = std::async(std::launch::async, [&] { return l.accept(timeout); });
        auto client = spawn_piped({p.program, "-c", python_prologue + python_tls + R"(
where = ("127.0.0.1", int(sys.argv[2]))
try:
    ssl.create_default_context().wrap_socket(socket.create_connection(where), server_hostname="peer.test")
    sys.exit(2)
except ssl.SSLError as e:
    assert "CERTIFICATE_VERIFY_FAILED" in str(e)
s = client_context().wrap_socket(socket.create_connection(where), server_hostname="peer.test")
s.sendall(b"last words")
s.close() # without close_notify
)",
                                   f.path(""), std::to_string(l.address().port())});
        duplex d = accepting.get();
        CHECK(refused == 1);
        CHECK(code_of([&] { (void)d.recv_all(timeout); }) == errc::truncated);
        CHECK(d.recv(timeout) == byte_view("last words"));
        expect_success(client.process);
    });
}

TEST_CASE("tls: Python's asyncio starts TLS on a connection in clear")
{
    const files f;
    (void)f.present(peer());
    for_each_python([&](const interpreter& p) {
        auto server = spawn_piped({p.program, "-c", python_prologue + python_tls + R"(
listener = socket.create_server(("127.0.0.1", 0)) if hasattr(socket, "create_server") else socket.socket()
if listener.getsockname()[1] == 0:
    listener.bind(("127.0.0.1", 0))
    listener.listen()
print(listener.getsockname()[1], flush=True)
raw, _ = listener.accept()
assert raw.recv(100) == b"STARTTLS\n"
raw.sendall(b"go ahead\n")
s = server_context().wrap_socket(raw, server_side=True)
while True:
    data = s.recv(1000)
    if not data:
        break
    s.sendall(data)
s.unwrap()
)",
                                   f.path("")},
                                  lines());
        message_duplex<lines> plain = connect(announced(server).where, lines(), timeout);
        plain.send("STARTTLS", timeout);
        CHECK(plain.recv(timeout) == byte_view("go ahead"));
        duplex d = tls::start_client(plain.as_bytes(), client_context(), "peer.test", timeout);
        d.send("hello", timeout);
        CHECK(d.recv(5, timeout) == byte_view("hello"));
        d.shutdown_send(timeout);
        CHECK(d.recv_all(timeout).empty());
        d.close();
        expect_success(server.process);
    });
}
