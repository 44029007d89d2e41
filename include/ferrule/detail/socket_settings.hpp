// Settings of sockets, as the options of connect and of listeners collect them for the system.
#pragma once

#include <chrono>
#include <optional>

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
