// Looks up host names.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/message.hpp>
#include <ferrule/net/address.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace ferrule {

namespace detail {

/// The framing of a stream of one byte, which stands for the result of a lookup.
class resolved {
public:
    using message_type = std::vector<address>;
    /// What is known of the result.
    class state;

    explicit resolved(std::shared_ptr<const state> s) noexcept : state_(std::move(s)) {}

    decode_result decode(byte_view buffered, const limits&) const noexcept
    {
        return buffered.empty() ? decode_result::need_more(1) : decode_result::frame(0, 1);
    }
    error_code encode(const message_type&, const limits&, encoded&) const noexcept { return errc::unencodable; }
    [[noreturn]] FERRULE_EXPORT void throw_in_detail(const error_code& ec) const;
    [[nodiscard]] FERRULE_EXPORT message_type load(const bytes&) const;

private:
    std::shared_ptr<const state> state_;
};

/// Begins a lookup. Throws what `resolve` throws.
[[nodiscard]] FERRULE_EXPORT message_reader<resolved> start_resolving(const address& a);

} // namespace detail

/// Looks up the host and the service of an address of TCP, TLS or UDP. Returns its addresses in numbers, at least one, in the
/// system's order. Other addresses, and numbers, are returned as they are. Blocks until the system has answered or
/// `timeout` has passed. A thread of its own asks, and ends when the system has answered.
/// Throws: `error` with `boost::asio::error::host_not_found`, `host_not_found_try_again`, `service_not_found` or the
/// system's error; `timeout_error`, `cancelled_error`. The text names the address.
///
///     const datagram_address server(resolve("udp://time.example.org:ntp", 2s).front());
[[nodiscard]] FERRULE_EXPORT std::vector<address> resolve(const address& a, const until& timeout = {});
/// Returns nothing on error.
FERRULE_EXPORT std::vector<address> resolve(const address& a, const until& timeout, error_code& ec) noexcept;
/// `async_resolve(address [, timeout] [, token])` completes with the addresses. Defined in <ferrule/asio.hpp>.
/// Cancellation: the answer is not waited for any more.
template <detail::timeout_or_token... TimeoutAndToken>
auto async_resolve(const address& a, TimeoutAndToken&&... timeout_and_token)
{
    return detail::start_resolving(a).async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}

} // namespace ferrule
