// Ways to call a datagram socket.
#pragma once

#include "support/test.hpp"

#include <ferrule/net/datagrams.hpp>

namespace ferrule::test::datagrams {

enum class style : unsigned char { blocking, coroutine };
inline constexpr style all_styles[] = {style::blocking, style::coroutine};

template <class Socket>
auto recv(style s, Socket& socket, const until& limit = timeout)
{
    return s == style::blocking ? socket.recv(limit) : run(socket.async_recv(limit));
}
template <class Socket, class Message>
std::size_t send(style s, Socket& socket, const Message& m, const datagram_address& to, const until& limit = timeout)
{
    return s == style::blocking ? socket.send(m, to, limit) : run(socket.async_send(m, to, limit));
}

inline bool has_ipv6()
{
    try {
        const datagram_socket<> s("udp://[::1]:0");
        return true;
    } catch (const error&) {
        return false;
    }
}

inline std::string pattern(std::size_t size)
{
    std::string s(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        s[i] = static_cast<char>(i * 31 + i / 251);
    return s;
}

/// Where sockets can be bound again and again, one of each kind that this system has.
inline std::vector<std::string> local_datagram_places()
{
#if defined(_WIN32)
    return {"udp://127.0.0.1:0"};
#else
    return {"udp://127.0.0.1:0", "unixgram-abstract:"};
#endif
}

} // namespace ferrule::test::datagrams

using namespace ferrule::test::datagrams; // this header is for tests only
