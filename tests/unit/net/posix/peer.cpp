// What POSIX systems tell of peers.
#include <ferrule/net/peer.hpp>

#include "support/addresses.hpp"
#include "support/posix/descriptors.hpp"
#include "support/posix/tls.hpp"
#include "support/test.hpp"

TEST_CASE("peer: a unix socket tells who is at the other end")
{
    listener here(local_address());
    const duplex client = connect(here.address(), timeout);
    const credentials c = peer_credentials(client);
    CHECK(c.pid == ::getpid());
    CHECK(c.uid == ::geteuid());
    CHECK(c.gid == ::getegid());
    CHECK(peer_credentials(here.accept(timeout)).pid == ::getpid());

    listener tcp("tcp://127.0.0.1:0");
    CHECK(code_of([&] { (void)peer_credentials(connect(tcp.address(), timeout)); }) == errc::unsupported);
}

TEST_CASE("peer: names of sockets of packets, of pairs, beneath TLS, and of ends of two descriptors")
{
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
        auto [a, b] = raw_socketpair(type);
        const duplex d(adopt(a.release()));
        const address nobody = type == SOCK_STREAM      ? address::unix_path("")
                               : type == SOCK_SEQPACKET ? address::unix_seqpacket("")
                                                        : address::unix_datagram("");
        CHECK(local_name(d) == nobody);
        CHECK(peer_name(d) == nobody);
        CHECK(peer_credentials(d).pid == ::getpid());
    }
    const unique_fd lonely(must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
    const duplex d(borrow(lonely.get()));
    CHECK(local_name(d) == address::udp("0.0.0.0", 0));
    CHECK(code_of([&] { (void)peer_name(d); }) == boost::system::errc::not_connected);

    tls::listener secure("tcp://127.0.0.1:0", server_context());
    auto accepting = std::async(std::launch::async, [&] { return secure.accept(timeout); });
    const duplex client = tls::connect({secure.address(), "peer.test"}, client_context(), timeout);
    const duplex server = accepting.get();
    CHECK(peer_name(client) == secure.address());
    CHECK(peer_name(server) == local_name(client));
    CHECK(get_option(server, socket_option::no_delay) != 0);

    auto [one, other] = socketpair();
    auto [two, another] = socketpair();
    const duplex joined(reader(std::move(one)), writer(std::move(two)));
    CHECK(peer_name(joined) == address::unix_path(""));
}
