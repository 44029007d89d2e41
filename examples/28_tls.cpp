// An encrypted connection: a server with a certificate, and a client that trusts it.
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/lines.hpp>
#include <ferrule/net/tls.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>

namespace fs = std::filesystem;
namespace tls = ferrule::tls;
using namespace std::chrono_literals;

/// A certificate that signs itself, as for a test. Real ones come from an authority.
void make_certificate(const fs::path& folder)
{
    const std::string key = folder / "key.pem";
    const std::string certificate = folder / "certificate.pem";
    ferrule::child openssl =
        ferrule::spawn({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                        "-subj", "/CN=engine.test", "-addext", "subjectAltName=DNS:engine.test,IP:127.0.0.1"});
    if (!openssl.wait(30s).success())
        throw std::runtime_error("no certificate");
}

int main()
{
    std::string name = "/tmp/ferrule-tls-XXXXXX";
    const fs::path folder = mkdtemp(name.data());
    make_certificate(folder);

    //[tls
    const auto own = tls::context::server((folder / "certificate.pem").string(), (folder / "key.pem").string());
    ferrule::server server(
        tls::listener("tcp://127.0.0.1:0", own, ferrule::lines()),
        [](auto peer) {
            while (const auto line = peer.next())
                peer.send(*line);
        },
        ferrule::server_options().threads(8));

    const auto trusted = tls::context::client().trust((folder / "certificate.pem").string());
    auto client = tls::connect(server.address(), trusted, ferrule::lines(), 10s);
    client.send("nobody else can read this", 10s);
    std::cout << client.recv(10s).text() << '\n' << tls::session_of(client)->version << '\n';
    //]

    try { // a client that does not trust it
        (void)tls::connect(server.address(), tls::context::client(), 10s);
    } catch (const ferrule::error& e) {
        std::cout << e.code().message() << '\n';
    }
    client.close();
    fs::remove_all(folder);
}
