// Unix sockets, which Windows has since 2018 and Wine 8.0 has not.
#include <ferrule/python/multiprocessing/address.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include "support/skip.hpp"
#include "support/test.hpp"

#include <winsock2.h>

#include <afunix.h>

#include <filesystem>

namespace {

bool has_unix_sockets()
{
    const SOCKET s = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const bool has = s != INVALID_SOCKET;
    ::closesocket(s);
    return has;
}

int family_of(const duplex& d)
{
    sockaddr_storage name{};
    int size = sizeof name;
    (void)::getsockname(reinterpret_cast<SOCKET>(d.native_handle()), reinterpret_cast<sockaddr*>(&name), &size);
    return name.ss_family;
}

} // namespace

TEST_CASE("unix sockets: socketpair is made of them where there are any")
{
    auto [a, b] = socketpair();
    for (const duplex* d : {&a, &b})
        CHECK(family_of(*d) == (has_unix_sockets() ? AF_UNIX : AF_INET));
    a.send("hello");
    CHECK(b.recv(5, 20s) == byte_view("hello"));
}

TEST_CASE("unix sockets: a listener, a client, and the user at the other end")
{
    if (!has_unix_sockets())
        skip("this Windows has no unix sockets");
    const std::string path = (std::filesystem::temp_directory_path() / "ferrule-test.sock").string();
    {
        py::listener<> listening(address::unix_path(path), py::listener_options().authkey("key"));
        std::jthread answering([&] {
            auto c = listening.accept(20s);
            c.send(c.recv(20s));
        });
        auto c = py::connect(address::unix_path(path), py::connect_options().authkey("key").same_user());
        c.send({1, "two"});
        CHECK(c.recv(20s).repr() == "(1, 'two')");
    }
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("unix sockets: where there are none, the error says so")
{
    if (has_unix_sockets())
        return;
    const address at = address::unix_path("nowhere.sock");
    CHECK(code_of([&] { py::listener<>(at, py::listener_options().authkey("key")); }) ==
          boost::system::errc::address_family_not_supported);
    CHECK(code_of([&] { (void)py::connect(at, py::connect_options().authkey("key")); }) ==
          boost::system::errc::address_family_not_supported);
}
