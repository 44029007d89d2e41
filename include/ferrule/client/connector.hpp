// What a client connects to, as often as it must.
#pragma once

#include <ferrule/net/connect.hpp>

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace ferrule {

namespace detail {

/// A connection, or the reader of one that is being made.
using connecting_duplex = std::variant<duplex, message_reader<accepted<void>>>;

/// How long the system waits before it finds out that a silent instrument is gone: 90 s.
[[nodiscard]] inline connect_options watchful()
{
    return connect_options().keep_alive(std::chrono::seconds(60), std::chrono::seconds(10), 3);
}

} // namespace detail

/// A way to make the same connection again and again. For TLS there is `tls::connector`, in
/// <ferrule/client/tls_connector.hpp>.
///
/// Thread safety: any thread may call any member at any time.
class FERRULE_EXPORT connector {
public:
    /// Connects as `connect` does. Unless `o` is given, TCP probes a silent peer after 60 s (every 10 s, 3 times).
    connector(address to, const connect_options& o = detail::watchful());
    template <std::convertible_to<address> Address>
        requires(!std::same_as<std::remove_cvref_t<Address>, address>)
    connector(const Address& to, const connect_options& o = detail::watchful()) : connector(address(to), o)
    {
    }
    /// Calls `open`, which returns the connection or throws. `name` is for the texts of errors. `open` should not block:
    /// no deadline applies to it.
    template <std::invocable Open>
        requires std::convertible_to<std::invoke_result_t<Open&>, detail::connecting_duplex>
    connector(std::string name, Open open) : name_(std::move(name)),
                                             begin_(std::move(open))
    {
    }
    /// Starts a program and talks to its standard input and output. The program sees the end of its input when the
    /// connection is given up. If it still runs when the client connects again, or when the last copy of this object is
    /// gone, it is killed.
    [[nodiscard]] static connector program(std::vector<std::string> command);

    /// The address, or what else names the peer.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// For other parts of ferrule. Begins to connect, and throws as `open` does.
    [[nodiscard]] detail::connecting_duplex begin() const { return begin_(); }

private:
    std::string name_;
    std::function<detail::connecting_duplex()> begin_;
};

} // namespace ferrule
