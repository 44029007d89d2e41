#include <ferrule/client/connector.hpp>

#include <ferrule/client/client.hpp>
#include <ferrule/net/peer.hpp>

#include "support/calls.hpp"
#include "support/instrument.hpp"
#include "support/test.hpp"

TEST_CASE("connector: an address, with probes of a silent peer unless told otherwise")
{
    instrument peer;
    const connector usual = peer.address();
    CHECK(usual.name() == peer.address().to_string());
    CHECK(connector("tcp://localhost:5025").name() == "tcp://localhost:5025");
    for (const bool on : {true, false}) {
        const connector c = on ? usual : connector(peer.address(), connect_options().no_delay(false));
        auto begun = c.begin();
        const duplex d = std::get<1>(begun).recv(timeout);
        CHECK(get_option(d, socket_option::keep_alive) == (on ? 1 : 0));
        CHECK(get_option(d, socket_option::no_delay) == (on ? 1 : 0));
    }
}

TEST_CASE("connector: a function, which may fail")
{
    int times = 0;
    client c(connector("a function", [&times]() -> duplex {
        if (++times == 1)
            throw std::runtime_error("not yet");
        auto [ours, theirs] = socketpair();
        theirs.send("line\n");
        return ours;
    }));
    CHECK_THROWS_WITH((void)c.read_line(timeout), "not yet");
    CHECK(c.read_line(timeout).text() == "line");
    CHECK(c.name() == "a function");
}
