// Connections and sockets that Python programs send each other with `send`.
#pragma once

#include <ferrule/handle_link.hpp>
#include <ferrule/python/listener.hpp>

#include <memory>
#include <string>

namespace ferrule::python {

/// The handle behind a Connection or a socket that was sent by Python's `connection.send(other)`: such an object says where to fetch
/// it. Blocks until Python has handed it over, which it does once. `authkey` is that of the sending process,
/// `multiprocessing.current_process().authkey`. Throws `frame_error` (`errc::invalid_value`) if `sent` is none, and what
/// `connect`, `send` and `recv` throw.
///
///     message_duplex<multiprocessing> other(python::fetch_handle(messages.recv(), key).open());
///
/// On Windows it works for Connections of pipes. What is sent there names a handle and the process that has it, out of which it is
/// taken; no key is needed, and whoever sends it has to be trusted.
///
/// Source: Lib/multiprocessing/resource_sharer.py; on Windows reduction.py.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT passed_handle fetch_handle(const value& sent, const std::string& authkey,
                                                                        const until& limit = {});

/// The reverse: Python's `recv` returns a Connection with a duplicate of an endpoint's handle.
///
///     python::offered_handle offer(endpoint, key);
///     messages.send(offer.as_connection()); // its names have to be allowed, see `allow`
///     offer.hand_over();                    // Python fetches it within its recv
///
/// On Windows the endpoint has to be a pipe (`errc::unsupported`).
class FERRULE_MULTIPROCESSING_EXPORT offered_handle {
public:
    /// `authkey` is that of the receiving process, `multiprocessing.current_process().authkey`. Throws `error`.
    offered_handle(const endpoint& e, const std::string& authkey);
    offered_handle(offered_handle&&) noexcept;
    offered_handle& operator=(offered_handle&&) noexcept;
    ~offered_handle();

    /// What to send, for one receiver.
    [[nodiscard]] value as_connection(bool readable = true, bool writable = true) const;
    /// Blocks until the receiver has fetched it; whoever else comes, is sent away. Once. Throws what `accept`, `send` and
    /// `recv` throw. On Windows, where the receiver takes the handle out of this process when it wants to, it returns at once,
    /// and from then on the handle is the receiver's: to be called when the message has left.
    void hand_over(const until& limit = {});

    /// Allows the names that are in `as_connection`.
    static globals allow(globals g = {});

private:
    class state;

    std::unique_ptr<state> state_;
};

} // namespace ferrule::python
