// Connections and sockets that Python programs send each other with `send`.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/process/passed_handle.hpp>
#include <ferrule/python/pickle.hpp>
#include <ferrule/python/value.hpp>

#include <memory>
#include <string>

namespace ferrule::python {

/// Fetches the handle of a Connection or a socket that Python sent with `connection.send(other)`. The received value
/// names the place to fetch it from. Blocks until Python has handed it over, which it does once. `authkey` is that of
/// the sending process, `multiprocessing.current_process().authkey`.
///
///     message_duplex<multiprocessing> other(python::fetch_handle(messages.recv(), key).open());
///
/// Throws: `frame_error` (`errc::invalid_value`) if `sent` is no such value, and what `connect`, `send` and `recv`
/// throw.
/// Platform: on Windows it works for Connections over pipes. The value names a handle in the sending process, and the
/// handle is moved out of that process. No key is needed, so the sender must be trusted.
///
/// Source: Lib/multiprocessing/resource_sharer.py; on Windows reduction.py.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT passed_handle fetch_handle(const value& sent, const std::string& authkey,
                                                                        const until& timeout = {});

/// Offers a duplicate of an endpoint's handle. Python's `recv` returns a Connection with it.
///
///     python::offered_handle offer(endpoint, key);
///     messages.send(offer.as_connection()); // its names have to be allowed, see `allow`
///     offer.hand_over();                    // Python fetches it within its recv
///
/// Platform: on Windows the endpoint must be a pipe (`errc::unsupported`).
class FERRULE_MULTIPROCESSING_EXPORT offered_handle {
public:
    /// `authkey` is that of the receiving process, `multiprocessing.current_process().authkey`. Throws `error`.
    offered_handle(const endpoint& e, const std::string& authkey);
    offered_handle(offered_handle&&) noexcept;
    offered_handle& operator=(offered_handle&&) noexcept;
    ~offered_handle();

    /// The value to send, for one receiver.
    [[nodiscard]] value as_connection(bool readable = true, bool writable = true) const;
    /// Blocks until the receiver has fetched the handle. Other peers are rejected. Call it once. Throws what `accept`,
    /// `send` and `recv` throw.
    /// Platform: on Windows the receiver takes the handle out of this process at any time. So call it after the message
    /// has left; it returns immediately, and the handle then belongs to the receiver.
    void hand_over(const until& timeout = {});

    /// Allows the names in `as_connection`.
    static globals allow(globals g = {});

private:
    class state;

    std::unique_ptr<state> state_;
};

} // namespace ferrule::python
