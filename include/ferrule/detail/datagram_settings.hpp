// How to open a socket for datagrams.
#pragma once

#include <optional>
#include <string>

namespace ferrule::detail {

/// What is not set, is as the system decides. See `datagram_options`.
struct datagram_settings {
    std::optional<int> receive_buffer; // bytes
    std::optional<int> send_buffer;    // bytes
    std::optional<int> ttl;
    std::optional<int> multicast_ttl;
    std::optional<bool> multicast_loop;
    std::optional<bool> only_ipv6;
    std::string multicast_interface;
    bool reuse_address = false;
    bool reuse_port = false;
    bool broadcast = false;
    bool report_errors = true;
};

} // namespace ferrule::detail
