// What the options of connect and of listeners have in common.
#pragma once

#include <ferrule/detail/socket_settings.hpp>

#include <chrono>

namespace ferrule::detail {

/// Collects `Settings`, with the setters for TCP, which have no effect elsewhere. `Options` derives from this class.
template <class Options, class Settings>
class tcp_options {
public:
    /// Whether small data leaves immediately (TCP_NODELAY), instead of waiting for the acknowledgement of earlier data.
    /// Default: true.
    Options& no_delay(bool on) noexcept
    {
        settings_.tcp.no_delay = on;
        return self();
    }
    /// After `idle` without traffic the system probes the peer every `interval`. The connection is lost after `count`
    /// probes without an answer. All three are at least 1. Default: off.
    /// Platform: before version 1703 of Windows 10 `count` is always 10.
    Options& keep_alive(std::chrono::seconds idle, std::chrono::seconds interval, int count) noexcept
    {
        settings_.tcp.keep_alive = {idle, interval, count};
        return self();
    }
    /// How long sent bytes may stay unacknowledged before the connection is lost (TCP_USER_TIMEOUT, RFC 5482). 0 (the
    /// default): as the system decides.
    /// Platform: Linux; `errc::unsupported` elsewhere.
    Options& user_timeout(std::chrono::milliseconds d) noexcept
    {
        settings_.tcp.user_timeout = d;
        return self();
    }
    /// The octet of RFC 2474: IPv4's type of service or IPv6's traffic class. Its low two bits belong to the system.
    /// Default: 0.
    /// Platform: Linux; `errc::unsupported` elsewhere.
    Options& traffic_class(unsigned char c) noexcept
    {
        settings_.tcp.traffic_class = c;
        return self();
    }

    /// What was set.
    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }

protected:
    tcp_options() = default;

    Options& self() noexcept { return static_cast<Options&>(*this); }

    Settings settings_;
};

} // namespace ferrule::detail
