// Settings and options of sockets.
#pragma once

#include <chrono>
#include <optional>

namespace ferrule {

/// Options of a socket, see <ferrule/net/peer.hpp>. Each is a number; those that are on or off are 1 or 0.
enum class socket_option : unsigned char {
    no_delay,       // TCP_NODELAY: small data leaves immediately
    keep_alive,     // SO_KEEPALIVE: the system probes a silent peer
    receive_buffer, // SO_RCVBUF, in bytes; Linux answers with twice what was set
    send_buffer     // SO_SNDBUF, in the same way
};

} // namespace ferrule

namespace ferrule::detail {

/// Settings of TCP connections; they have no effect on others.
struct tcp_settings {
    struct probes {
        std::chrono::seconds idle;
        std::chrono::seconds interval;
        int count;
    };

    bool no_delay = true;
    std::optional<probes> keep_alive;
    std::chrono::milliseconds user_timeout{0}; // 0: as the system decides
    unsigned char traffic_class = 0;
};

/// Settings of a place where connections arrive.
struct listening_settings {
    tcp_settings tcp; // of the connections
    int backlog = 128;
    bool reuse_address = true;
    bool reuse_port = false;
    bool only_ipv6 = false;
    std::optional<unsigned> permissions; // of the file of a unix socket
};

} // namespace ferrule::detail
