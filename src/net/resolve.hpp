// Converts addresses to the system's form, and back. Private.
#pragma once

#include "platform/net.hpp"
#include "src/net/pending_handshake.hpp"

#include <ferrule/net/address.hpp>

#include <memory>
#include <optional>
#include <vector>

namespace ferrule::detail {

/// The functions below are for addresses where connections arrive, and refuse others (`usage_error`,
/// `errc::unsupported`).

/// Whether connections to the address are TCP connections, in clear or with TLS.
[[nodiscard]] inline bool is_tcp(const address& a) noexcept
{
    return a.kind() == address::family::tcp || a.kind() == address::family::tls;
}
/// Throws `usage_error` (`errc::unsupported`) if the address requires TLS and the handshake is another or none: nobody may
/// send in clear what was meant to be encrypted. Also if a handshake, which needs a stream, would be one over packets.
void check_handshake(const address& a, const begin_handshake& begin);
/// Returns nothing for a host name, which has to be looked up. Throws `error` for what cannot be an address.
[[nodiscard]] std::vector<os::native_address> resolve_now(const address& a);
/// Blocks until the system has resolved the host. Throws `error`.
[[nodiscard]] std::vector<os::native_address> resolve_waiting(const address& a);
[[nodiscard]] address address_of(const os::native_address& a);

/// Looks up a host name in a thread that ends when the system has answered.
class lookup {
public:
    /// Throws `error`.
    explicit lookup(const address& a);

    /// Becomes ready when there is a result.
    [[nodiscard]] readiness wait_handle() const noexcept;
    /// The addresses, or an error in `ec`; nothing and no error while the lookup is under way.
    [[nodiscard]] std::optional<std::vector<os::native_address>> result(error_code& ec);

private:
    class state;
    std::shared_ptr<state> state_;
};

/// The handle of an address of `address::family::fd`. Throws `error`.
[[nodiscard]] native_handle_type handle_of(const address& a);
} // namespace ferrule::detail
