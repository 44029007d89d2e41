#include <ferrule/client/tls_connector.hpp>

#include "support/instrument.hpp"
#include "support/posix/tls.hpp"
#include "support/test.hpp"
#include "support/ways.hpp"

TEST_CASE("tls_connector: a client over TLS, in every way, which is refused by an instrument that it does not trust")
{
    wanted_certificate w;
    w.names = {"IP:127.0.0.1"};
    const identity own = test_authority().issue(w);
    server<tls::listener<>> peer(
        tls::listener<>("tls://127.0.0.1:0", tls::context::server(own.chain, own.key)),
        [](duplex d) { answer_as_instrument(std::move(d)); }, server_options().threads(2));
    const auto trusting = tls::context::client().trust(test_authority().certificate());
    client c(tls::connector(peer.address(), trusting), client_options().timeout(timeout));
    CHECK(c.name() == peer.address().to_string());
    client wary(tls::connector(peer.address(), tls::context::client()),
                client_options().timeout(timeout).reconnect(reconnect::retry()));
    for (const way by_way : all_ways) {
        CHECK(ASK(by_way, c, query, "*IDN?").text() == "maker,model,1");
        CHECK(code_of([&] { (void)ASK(by_way, c, query, "end"); }) == errc::end_of_stream);
        CHECK(code_of([&] { (void)ASK(by_way, wary, query, "*IDN?"); }) == condition::untrusted); // and not again
    }
    CHECK(c.connections() == 3);
}
