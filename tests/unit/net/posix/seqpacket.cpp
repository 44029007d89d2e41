// Connections that keep packets apart.
#include <ferrule/net/connect.hpp>
#include <ferrule/net/listener.hpp>
#include <ferrule/net/peer.hpp>
#include <ferrule/net/server.hpp>

#include "support/posix/descriptors.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

#include <ferrule/framing/json.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include <sys/un.h>

namespace {

/// In a folder, and abstract.
class places {
public:
    [[nodiscard]] std::vector<address> all() const
    {
        return {address::unix_seqpacket(folder_.file("socket")),
                address::unix_seqpacket_abstract("ferrule-test-" + folder_.file("socket"))};
    }

private:
    temporary_folder folder_;
};

/// A server without ferrule: accepts one connection, and sends each packet back, with its size in front.
class raw_server {
public:
    explicit raw_server(const address& at)
    {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        const bool is_path = at.kind() == address::family::unix_seqpacket;
        const std::string name = (is_path ? std::string() : std::string(1, '\0')) + at.name();
        std::memcpy(a.sun_path, name.data(), name.size());
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (is_path ? 1 : 0));
        must(::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&a), size));
        must(::listen(listening_.get(), 8));
        thread_ = std::jthread([this] { serve(); });
    }

private:
    void serve() const
    {
        const unique_fd peer(must(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
        std::vector<char> packet(1 << 16);
        for (;;) {
            const int n = must(static_cast<int>(::recv(peer.get(), packet.data(), packet.size(), 0)));
            if (n == 0)
                return;
            const std::string answer =
                std::to_string(n) + ":" + std::string(packet.data(), static_cast<std::size_t>(n));
            must(static_cast<int>(::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL)));
        }
    }

    unique_fd listening_{must(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0))};
    std::jthread thread_; // first to end
};

/// Two packets that are on the way at once stay two.
template <class End>
void check_answers(End end)
{
    end.send("first", timeout);
    end.send("second one", timeout);
    CHECK(end.recv(timeout) == byte_view("5:first"));
    CHECK(end.recv(timeout) == byte_view("10:second one"));
    const std::string large(50'000, 'x');
    end.send(large, timeout);
    CHECK((end.recv(timeout) == byte_view("50000:" + large)));
}

} // namespace

TEST_CASE("seqpacket: connects to a server that does not use ferrule, by every form of the call")
{
    const connect_options o;
    error_code ec;
    const std::function<void(const address&)> forms[] = {
        [](const address& to) { check_answers(connect(to)); },
        [](const address& to) { check_answers(connect(to, timeout)); },
        [&](const address& to) { check_answers(connect(to, o, timeout, ec)); },
        [](const address& to) { check_answers(connect(to, none(), timeout)); },
        [](const address& to) { check_answers(connect(to, varint(), timeout)); }, // a packet needs no header
        [](const address& to) { check_answers(run(async_connect(to, timeout))); },
        [](const address& to) { check_answers(run(async_connect(to, varint(), timeout))); },
        [&](const address& to) { check_answers(run(async_connect(to, none(), o, timeout, asio::use_awaitable))); },
        [](const address& to) { check_answers(async_connect(to, timeout, asio::use_future).get()); },
    };
    for (const auto& form : forms) {
        const places p;
        for (const address& at : p.all()) {
            CAPTURE(at.to_string());
            const raw_server there(at);
            form(at);
        }
    }
    CHECK_FALSE(ec);
}

TEST_CASE("seqpacket: a listener and connect, with a packet for each message")
{
    const places p;
    for (const address& at : p.all()) {
        CAPTURE(at.to_string());
        listener here(at);
        CHECK(here.address() == at);
        duplex client = connect(at, timeout);
        duplex server = here.accept(timeout);
        CHECK(peer_name(client) == at);
        CHECK(local_name(server) == at);
        CHECK(peer_credentials(client).pid == ::getpid());
        client.send("one", timeout);
        client.send({"tw", "o"}, timeout);
        CHECK(server.recv(timeout) == byte_view("one"));
        CHECK(server.recv(timeout) == byte_view("two"));
        std::array<std::byte, 2> small{};
        client.send("three", timeout);
        CHECK(code_of([&] { server.recv_into(small, timeout); }) == errc::packet_truncated);
        client.shutdown_send(timeout);
        CHECK(code_of([&] { (void)server.recv(timeout); }) == errc::end_of_stream);

        const address other = at.kind() == address::family::unix_seqpacket
                                  ? address::unix_seqpacket(at.name() + "2")
                                  : address::unix_seqpacket_abstract(at.name() + "2");
        listener values(other, json_messages<>());
        auto c = connect(other, json_messages<>(), connect_options().same_user(), timeout);
        auto s = values.accept(timeout);
        c.send({{"question", 1}}, timeout);
        c.send({{"question", 2}}, timeout);
        CHECK((s.recv(timeout) == boost::json::value({{"question", 1}})));
        CHECK((run(s.async_recv(timeout)) == boost::json::value({{"question", 2}})));
    }
}

TEST_CASE("seqpacket: a server, its sessions and a client that comes later")
{
    const places p;
    for (const address& at : p.all()) {
        auto later = std::async(std::launch::async,
                                [&] { return connect(at, none(), connect_options().wait_for_listener(1h), timeout); });
        server echo(
            listener(at, none()),
            [](auto peer) {
                while (const auto m = peer.next())
                    peer.send(*m);
            },
            server_options().threads(1));
        auto c = later.get();
        c.send("hello", timeout);
        CHECK(c.recv(timeout) == byte_view("hello"));
        c.close();
        CHECK(echo.close(timeout) == 0);
    }
}

TEST_CASE("seqpacket: a socket file is replaced if nobody listens there, and removed at the end")
{
    const temporary_folder folder;
    const address at = address::unix_seqpacket(folder.file("socket"));
    {
        const unique_fd stale(must(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)));
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        std::memcpy(a.sun_path, at.name().data(), at.name().size());
        must(::bind(stale.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a));
    }
    {
        listener here(at);
        CHECK(code_of([&] { listener again(at); }) == boost::system::errc::address_in_use);
        CHECK(code_of([&] { listener again(address::unix_path(at.name())); }) == boost::system::errc::address_in_use);
        const duplex d = connect(at, timeout);
        CHECK(here.accept(timeout).is_open());
    }
    CHECK(folder.empty());
}

TEST_CASE("seqpacket: what listens for the other kind of connection is no listener")
{
    const temporary_folder folder;
    const std::string path = folder.file("socket");
    const auto failure = [](const address& to) { return code_of([&] { (void)connect(to, timeout); }); };
    constexpr auto wrong = boost::system::errc::wrong_protocol_type;
    {
        const listener here(address::unix_seqpacket(path));
        CHECK(failure(address::unix_path(path)) == wrong);
    }
    const listener here(address::unix_path(path));
    CHECK(failure(address::unix_seqpacket(path)) == wrong);
    CHECK_THROWS_WITH(connect(address::unix_seqpacket(path), timeout), Catch::Matchers::Contains("seqpacket:" + path));
    CHECK(failure(address::unix_seqpacket(path + "2")) == boost::system::errc::no_such_file_or_directory);
    CHECK(failure(address::unix_seqpacket(std::string(108, 'x'))) == errc::invalid_argument);
}

TEST_CASE("seqpacket: from a local address, which must be one of seqpacket, too")
{
    const temporary_folder folder;
    listener here(address::unix_seqpacket(folder.file("listener")));
    const address from = address::unix_seqpacket(folder.file("client"));
    const duplex d = connect(here.address(), connect_options().local(from), timeout);
    CHECK(peer_name(here.accept(timeout)) == from);
    CHECK(code_of([&] { (void)connect(here.address(), connect_options().local("abstract:x"), timeout); }) ==
          errc::invalid_argument);
}

TEST_CASE("seqpacket: a listening socket that is open already knows what it is")
{
    const temporary_folder folder;
    unique_fd fd(must(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)));
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    const std::string path = folder.file("socket");
    std::memcpy(a.sun_path, path.data(), path.size());
    must(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a));
    must(::listen(fd.get(), 8));
    listener here(address::fd(fd.get()));
    (void)fd.release();
    CHECK(here.address() == address::unix_seqpacket(path));
    const duplex d = connect(here.address(), timeout);
    CHECK(here.accept(timeout).is_open());
}

TEST_CASE("seqpacket: a handshake needs a stream")
{
    const address at = address::unix_seqpacket_abstract("ferrule-nobody");
    const auto names_it = Catch::Matchers::Contains(at.to_string());
    CHECK_THROWS_WITH(py::connect(at, py::connect_options().authkey("secret"), timeout), names_it);
    CHECK_THROWS_WITH(py::listener<>(at, py::listener_options().authkey("secret")), names_it);
    CHECK_THROWS_AS(py::listener<>(at, py::listener_options().authkey("secret")), usage_error);
}
