// Starting child processes that talk to this one.
#pragma once

#include <ferrule/pair.hpp>
#include <ferrule/process/child.hpp>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace ferrule {

/// An endpoint that the child gets as its descriptor `number`. Windows has numbers only for the standard streams 0, 1
/// and 2.
struct child_handle {
    child_handle(const endpoint& e, int n) noexcept : end(e), number(n) {}
    /// An endpoint that is moved in belongs to the child alone. `spawn` closes it here, for all who share it, once the
    /// child runs.
    child_handle(endpoint&& e, int n) noexcept : end(e), number(n), closed_here(&e) {}

    const endpoint& end;
    int number;
    endpoint* closed_here = nullptr;
};

/// Options of `spawn`, written in place: `spawn(command, end, 3, spawn_options().end_with_parent())`.
class spawn_options {
public:
    // Declared, so that it is no aggregate; see <ferrule/asio.hpp>.
    spawn_options() = default;

    /// Ends the child when this process ends, however that happens.
    /// Platform: Windows only (a job object). Elsewhere `spawn` reports `errc::unsupported`; the child sees the end of
    /// its streams instead.
    spawn_options& end_with_parent(bool on = true) noexcept
    {
        ends_with_parent_ = on;
        return *this;
    }

    [[nodiscard]] bool ends_with_parent() const noexcept { return ends_with_parent_; }

private:
    bool ends_with_parent_ = false;
};

/// Starts `command`, a program (searched in PATH) and its arguments. Blocks until the program has been loaded.
///
/// * The child inherits the listed handles and any unlisted standard stream, nothing else. This holds even for
///   descriptors that are not close-on-exec, whatever other threads open or start meanwhile.
/// * The child starts with no signal blocked and with the default action for SIGPIPE.
/// * The child's environment lists the numbers from 3 on in the order given, as FERRULE_FD=3,4; see `inherited`.
/// * Close your copies of the endpoints afterwards, or move them in. Otherwise the end of the child is not seen as the
///   end of the stream.
///
/// Throws: `error`:
/// * system errors in starting the program
/// * `errc::closed`, `errc::read_ahead` (an endpoint holds bytes not yet received), `errc::torn` (an unsent tail),
///   `errc::busy` (a call is under way)
/// * `errc::invalid_argument` (no command, a negative or repeated number; on Windows also a batch file with arguments,
///   which no quoting makes safe, and text that is not UTF-8), `errc::unsupported`
///
/// Endpoints that were moved in stay open then.
/// Platform: on Windows FERRULE_FD lists handles. A pipe is `handle:1c4`, the only form that a program without ferrule
/// can use. Sockets travel by WSADuplicateSocket.
[[nodiscard]] FERRULE_EXPORT child spawn(const std::vector<std::string>& command,
                                         std::initializer_list<child_handle> inherited = {},
                                         const spawn_options& o = {});

/// Starts `command` with one descriptor.
[[nodiscard]] inline child spawn(const std::vector<std::string>& command, const endpoint& inherited, int number = 3,
                                 const spawn_options& o = {})
{
    return spawn(command, {child_handle{inherited, number}}, o);
}
[[nodiscard]] inline child spawn(const std::vector<std::string>& command, endpoint&& inherited, int number = 3,
                                 const spawn_options& o = {})
{
    return spawn(command, {child_handle{std::move(inherited), number}}, o);
}

/// A child and the connection to it. Destroying both closes the connection first, which tells the child to end.
template <class Duplex>
struct connected_child {
    child process;
    Duplex connection;
};

/// Starts `command` with one end of a socket pair as its descriptor 3, and keeps the other end. Throws as `spawn` does.
/// A C++ child opens its end with `inherited()`. A Python child uses `Connection(3)`, for messages framed as
/// `multiprocessing`.
[[nodiscard]] inline connected_child<duplex> spawn_connected(const std::vector<std::string>& command)
{
    auto [ours, theirs] = socketpair();
    return {spawn(command, std::move(theirs)), std::move(ours)};
}
template <framing Framing>
[[nodiscard]] connected_child<message_duplex<Framing>> spawn_connected(const std::vector<std::string>& command,
                                                                       Framing f, const limits& l = {})
{
    auto [ours, theirs] = socketpair(std::move(f), l);
    return {spawn(command, std::move(theirs)), std::move(ours)};
}

/// A child, a reader of its standard output and a writer to its standard input.
template <class Reader, class Writer>
struct piped_child {
    child process;
    Reader output;
    Writer input;
};

namespace detail {

template <class Reader, class Writer, class... Arguments>
piped_child<Reader, Writer> start_piped(const std::vector<std::string>& command, const Arguments&... arguments)
{
    // The child's ends are synchronous, so the child need not know ferrule.
    auto in = pipe_descriptors(synchronous_end::reading);
    auto out = pipe_descriptors(synchronous_end::writing);
    reader input(std::move(in.first));
    writer output(std::move(out.second));
    Reader from_child(std::move(out.first), arguments...);
    Writer to_child(std::move(in.second), arguments...);
    // Last, since a child that is started but not returned would never be waited for.
    return {spawn(command, {{std::move(input), 0}, {std::move(output), 1}}), std::move(from_child),
            std::move(to_child)};
}

} // namespace detail

/// Starts `command` with pipes as its standard input and output. Throws as `spawn` does.
[[nodiscard]] inline piped_child<reader, writer> spawn_piped(const std::vector<std::string>& command)
{
    return detail::start_piped<reader, writer>(command);
}
template <framing Framing>
[[nodiscard]] piped_child<message_reader<Framing>, message_writer<Framing>>
spawn_piped(const std::vector<std::string>& command, Framing f, const limits& l = {})
{
    return detail::start_piped<message_reader<Framing>, message_writer<Framing>>(command, f, l);
}

} // namespace ferrule
