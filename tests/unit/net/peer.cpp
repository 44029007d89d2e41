#include <ferrule/net/peer.hpp>

#include "support/addresses.hpp"
#include "support/test.hpp"

TEST_CASE("peer: both ends of a connection have the names of each other")
{
    for (const address& a : addresses()) {
        if (a.kind() == address::family::pipe)
            continue;
        INFO(a.to_string());
        listener here(a);
        const duplex client = connect(here.address(), timeout);
        const duplex server = here.accept(timeout);
        CHECK(peer_name(client) == here.address());
        CHECK(local_name(server) == here.address());
        CHECK(local_name(client) == peer_name(server));
        if (a.kind() == address::family::tcp)
            CHECK(local_name(client).port() != 0);
        else
            CHECK(local_name(client) == address::unix_path(""));
    }
}

TEST_CASE("peer: options are set and read by name")
{
    listener here("tcp://127.0.0.1:0");
    const duplex d = connect(here.address(), connect_options().no_delay(false), timeout);
    CHECK(get_option(d, socket_option::no_delay) == 0);
    set_option(d, socket_option::no_delay, 1);
    CHECK(get_option(d, socket_option::no_delay) != 0);
    set_option(d, socket_option::keep_alive, 1);
    CHECK(get_option(d, socket_option::keep_alive) != 0);
    for (const socket_option buffer : {socket_option::receive_buffer, socket_option::send_buffer}) {
        set_option(d, buffer, 20'000);
        CHECK(get_option(d, buffer) >= 20'000);
        CHECK(get_option(d, buffer) <= 40'000);
    }
}

TEST_CASE("peer: what is no socket has no names")
{
    const auto [in, out] = pipe();
    duplex closed;
    for (const auto& ask : {std::function([](const endpoint& e) { (void)peer_name(e); }),
                            std::function([](const endpoint& e) { (void)local_name(e); }),
                            std::function([](const endpoint& e) { (void)peer_credentials(e); }),
                            std::function([](const endpoint& e) { (void)get_option(e, socket_option::keep_alive); }),
                            std::function([](const endpoint& e) { set_option(e, socket_option::keep_alive, 1); })}) {
        CHECK(code_of([&] { ask(in); }) == errc::unsupported);
        CHECK(code_of([&] { ask(closed); }) == errc::closed);
    }
}
