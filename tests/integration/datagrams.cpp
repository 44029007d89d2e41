// Datagrams between us and Python's sockets.
#include "integration/peers.hpp"
#include "support/posix/each_python.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

#include <ferrule/framing/json.hpp>
#include <ferrule/net/datagrams.hpp>

namespace {

// Says hello, and then answers each datagram with its size and itself, until an empty one comes.
const std::string echo = R"(
import json, socket
def run(s, to):
    s.settimeout(20)
    s.sendto(json.dumps({"hello": [1, 2.5, None]}).encode(), to)
    while True:
        data, peer = s.recvfrom(1 << 20)
        assert peer == to, (peer, to)
        if not data:
            break
        s.sendto(str(len(data)).encode(), peer)
        s.sendto(data, peer)
    s.sendto(b"", to)
)";

template <class Framing>
void talk(const interpreter& p, datagram_socket<Framing> s, const std::string& script,
          const std::vector<std::string>& arguments)
{
    auto [mine, theirs] = socketpair();
    child c = start_python(p.program, echo + script, theirs, arguments);
    const auto hello = s.recv(timeout);
    CHECK(hello.data.at("hello").as_array().size() == 3);
    for (const std::size_t n : {1u, 64u, 1500u, 60'000u}) {
        const boost::json::value sent(std::string(n, 'j'));
        if (n % 2 == 0)
            s.send(sent, hello.peer, timeout);
        else
            run(s.async_send(sent, hello.peer, timeout));
        CHECK(s.recv(timeout).data == n + 2);
        const auto back = run(s.async_recv(timeout));
        CHECK(back.data == sent);
        CHECK(back.peer == hello.peer);
    }
    // Bytes of no message.
    const byte_view to = hello.peer.native();
    REQUIRE(::sendto(s.native_handle(), nullptr, 0, 0, reinterpret_cast<const sockaddr*>(to.data()),
                     static_cast<socklen_t>(to.size())) == 0);
    CHECK(code_of([&] { (void)s.recv(timeout); }) == errc::invalid_value);
    expect_success(c);
}

} // namespace

TEST_CASE("datagram: Python's UDP sockets and ours understand each other")
{
    for_each_python([](const interpreter& p) {
        datagram_socket s("udp://127.0.0.1:0", json_lines<>());
        talk(p, s, R"(
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
run(s, ("127.0.0.1", int(sys.argv[1])))
)",
             {s.address().to_address().service()});
    });
}

TEST_CASE("datagram: Python's unix datagram sockets and ours understand each other, by paths and abstract names")
{
    for_each_python([](const interpreter& p) {
        const temporary_folder folder;
        talk(p, datagram_socket("unixgram:" + folder.file("ours"), json_lines<>()), R"(
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
run(s, sys.argv[2])
)",
             {folder.file("theirs"), folder.file("ours")});
        datagram_socket s("unixgram-abstract:", json_lines<>());
        talk(p, s, R"(
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(b"\0" + sys.argv[1].encode())
run(s, b"\0" + sys.argv[2].encode())
)",
             {"theirs-" + std::to_string(::getpid()), s.address().to_address().name()});
    });
}
