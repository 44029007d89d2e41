// TLS, as a library of its own, whose errors and types are recognised across libraries.
#include <ferrule/ferrule.hpp>
#include <ferrule/net/tls.hpp>

#include <iostream>

namespace tls = ferrule::tls;

int main()
{
    const tls::context settings = tls::context::client().alpn({"echo/1"});
    auto [plain, peer] = ferrule::socketpair();
    peer.send("no TLS at all");
    try {
        (void)tls::start_client(plain, settings, "peer.test");
        return 1;
    } catch (const ferrule::broken_error& e) {
        std::cout << e.what() << '\n';
    }
    const ferrule::duplex later(tls::client(ferrule::socketpair_descriptors().first, settings, "peer.test"));
    return tls::session_of(later) ? 1 : 0; // no handshake yet
}
