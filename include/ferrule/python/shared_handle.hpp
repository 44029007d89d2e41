// Connections and sockets that Python programs send each other with `send`.
#pragma once

#include <ferrule/handle_link.hpp>
#include <ferrule/python/listener.hpp>

#include <string>

namespace ferrule::python {

/// The handle behind a Connection or a socket that was sent by Python's `connection.send(other)`: such an object says where to fetch
/// it. Blocks until Python has handed it over, which it does once. `authkey` is that of the sending process,
/// `multiprocessing.current_process().authkey`. Throws `frame_error` (`errc::invalid_value`) if `sent` is none, and what
/// `connect`, `send` and `recv` throw.
///
///     message_duplex<multiprocessing> other(python::fetch_handle(messages.recv(), key).open());
///
/// Source: Lib/multiprocessing/resource_sharer.py.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT passed_handle fetch_handle(const value& sent, const std::string& authkey,
                                                                        const until& limit = {});

/// The reverse: Python's `recv` returns a Connection with a duplicate of an endpoint's handle.
///
///     python::offered_handle offer(endpoint, key);
///     messages.send(offer.as_connection()); // its names have to be allowed, see `allow`
///     offer.hand_over();                    // Python fetches it within its recv
class FERRULE_MULTIPROCESSING_EXPORT offered_handle {
public:
    /// `authkey` is that of the receiving process, `multiprocessing.current_process().authkey`. Throws `error`.
    offered_handle(const endpoint& e, const std::string& authkey);

    /// What to send, for one receiver.
    [[nodiscard]] value as_connection(bool readable = true, bool writable = true) const;
    /// Blocks until the receiver has fetched it; whoever else comes, is sent away. Once. Throws what `accept`, `send` and
    /// `recv` throw.
    void hand_over(const until& limit = {});

    /// Allows the names that are in `as_connection`.
    static globals allow(globals g = {});

private:
    passed_handle handle_;
    listener<multiprocessing> listener_;
};

} // namespace ferrule::python
