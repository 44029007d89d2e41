// What `connect` asks of a POSIX system.
#include <ferrule/net/connect.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include "support/posix/descriptors.hpp"
#include "support/posix/option.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

#include <netinet/tcp.h>
#include <sys/un.h>

namespace {

class anywhere {
public:
    explicit anywhere(const char* host) : listener_(address::tcp(host, 0)) {}
    [[nodiscard]] duplex from(const connect_options& o) const { return connect(listener_.address(), o, timeout); }
    [[nodiscard]] auto accept() { return listener_.accept(timeout); }

private:
    py::listener<varint> listener_;
};

} // namespace

TEST_CASE("connect: TCP options are set as asked for, and are otherwise the system's")
{
    anywhere there("127.0.0.1");
    const duplex plain = there.from({});
    CHECK(option(plain, IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK(option(plain, SOL_SOCKET, SO_KEEPALIVE) == 0);
    CHECK(option(plain, IPPROTO_TCP, TCP_USER_TIMEOUT) == 0);
    CHECK(option(plain, IPPROTO_IP, IP_TOS) == 0);

    const duplex d =
        there.from(connect_options().no_delay(false).keep_alive(30s, 5s, 4).user_timeout(1500ms).traffic_class(0xb8));
    CHECK(option(d, IPPROTO_TCP, TCP_NODELAY) == 0);
    CHECK(option(d, SOL_SOCKET, SO_KEEPALIVE) != 0);
    CHECK(option(d, IPPROTO_TCP, TCP_KEEPIDLE) == 30);
    CHECK(option(d, IPPROTO_TCP, TCP_KEEPINTVL) == 5);
    CHECK(option(d, IPPROTO_TCP, TCP_KEEPCNT) == 4);
    CHECK(option(d, IPPROTO_TCP, TCP_USER_TIMEOUT) == 1500);
    CHECK(option(d, IPPROTO_IP, IP_TOS) == 0xb8);

    CHECK(code_of([&] { (void)there.from(connect_options().keep_alive(0s, 5s, 4)); }) ==
          boost::system::errc::invalid_argument);
}

TEST_CASE("connect: the traffic class of IPv6")
{
    std::optional<anywhere> there;
    try {
        there.emplace("::1");
    } catch (const error&) {
        return; // no IPv6 here
    }
    CHECK(option(there->from(connect_options().traffic_class(0xb8)), IPPROTO_IPV6, IPV6_TCLASS) == 0xb8);
}

TEST_CASE("connect: from a local address")
{
    anywhere there("127.0.0.1");
    const duplex d = there.from(connect_options().local("tcp://127.0.0.2:0"));
    const auto accepted = there.accept();
    sockaddr_in peer{};
    socklen_t size = sizeof peer;
    must(::getpeername(accepted.native_handle(), reinterpret_cast<sockaddr*>(&peer), &size));
    CHECK(ntohl(peer.sin_addr.s_addr) == INADDR_LOOPBACK + 1);

    const temporary_folder folder;
    const std::string name = folder.file("client");
    py::listener<varint> listener(address::unix_path(folder.file("listener")));
    const duplex c = connect(listener.address(), connect_options().local("unix:" + name), timeout);
    const auto end = listener.accept(timeout);
    sockaddr_un path{};
    size = sizeof path;
    must(::getpeername(end.native_handle(), reinterpret_cast<sockaddr*>(&path), &size));
    CHECK(path.sun_path == name);

    CHECK(code_of([&] { (void)there.from(connect_options().local("tcp://192.0.2.1:0")); }) ==
          boost::system::errc::address_not_available);
}
