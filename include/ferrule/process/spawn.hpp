// Child processes, and what they talk to their parents with.
#pragma once

#include <ferrule/deadline.hpp>
#include <ferrule/pair.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace ferrule {

/// How a process ended.
class exit_status {
public:
    exit_status(int code, int signal) noexcept : code_(code), signal_(signal) {}

    /// Exit code; −1 if a signal ended it.
    [[nodiscard]] int code() const noexcept { return code_; }
    /// The signal that ended it, else 0. Windows has none.
    [[nodiscard]] int signal() const noexcept { return signal_; }
    [[nodiscard]] bool success() const noexcept { return code_ == 0; }

private:
    int code_;
    int signal_;
};

/// A child process. Move-only. Destroying it neither ends the child nor waits for it; a child that has already ended is
/// reaped. One thread at a time.
class FERRULE_EXPORT child {
public:
    /// Takes over a child of this process that was started otherwise, such as by fork. On Windows any process; throws `error`
    /// there.
    explicit child(int pid);
    child(child&& other) noexcept;
    child& operator=(child&& other) noexcept;
    ~child();

    [[nodiscard]] int pid() const noexcept { return pid_; }

    /// Blocks until the child has ended. Throws `timeout_error`, `cancelled_error`; calling it again then is fine, as is
    /// calling it again after it has returned. Needs no descriptor: where none is left, it looks every few milliseconds.
    exit_status wait(const until& limit = {});
    /// −1 and no signal on error.
    exit_status wait(const until& limit, error_code& ec);

    /// Ends the child immediately (SIGKILL; on Windows its exit code is 1 then). Nothing happens if it has ended, and no other process
    /// is ever meant, whoever has its number by then. `wait` reaps it.
    void kill() noexcept;

private:
    [[nodiscard]] bool reap(bool block) noexcept;
    /// Sees to `handle_`. False if the system has none to give.
    [[nodiscard]] bool watch() noexcept;

    int pid_ = -1;
    native_handle_type handle_ = invalid_handle; // becomes readable when the process ends
    bool ended_ = false;
    exit_status status_{-1, 0};
};

/// An end that a child is to have as its descriptor `number`. Windows has numbers only for the standard streams: 0, 1, 2.
struct inheritance {
    inheritance(const endpoint& e, int n) noexcept : end(e), number(n) {}
    /// Of an end that is moved in, the child has the only copy: `spawn` closes it here, for all who share it, once the child runs.
    inheritance(endpoint&& e, int n) noexcept : end(e), number(n), closed_here(&e) {}

    const endpoint& end;
    int number;
    endpoint* closed_here = nullptr;
};

/// How to start a child, to be written where it is used: `spawn(command, end, 3, spawn_options().end_with_parent())`.
class spawn_options {
public:
    // Declared, so that it is no aggregate; see <ferrule/asio.hpp>.
    spawn_options() = default;

    /// The child is ended when this process ends, however that happens. Windows only (a job object): `errc::unsupported`
    /// elsewhere, where a child learns of it by the end of its streams.
    spawn_options& end_with_parent(bool on = true) noexcept
    {
        ends_with_parent_ = on;
        return *this;
    }

    [[nodiscard]] bool ends_with_parent() const noexcept { return ends_with_parent_; }

private:
    bool ends_with_parent_ = false;
};

/// Starts `command` (a program, searched in PATH, and its arguments) with these descriptors. It inherits nothing else but
/// standard input, output and error, as far as they are not among them, whatever other threads open or start meanwhile,
/// even descriptors that are not close-on-exec. It starts with no signal blocked, and is ended by SIGPIPE, however that is
/// here. The child finds the numbers from 3 on in its environment, as
/// FERRULE_FD=3,4, in the order given; see `inherited`. (On Windows, handles: `handle:1c4` for a pipe, which is all that a
/// program without ferrule can use; sockets travel by WSADuplicateSocket.) Close your copies of the ends afterwards, or move the ends
/// in, so that the end of the child is seen as the end of the stream. Blocks until the program has been loaded. Throws
/// `error`: what the system says of the program, `errc::closed`, `errc::invalid_argument` (no command, a number below zero or twice;
/// on Windows also a batch file with arguments, which no quoting makes safe, and text that is not UTF-8), `errc::unsupported`;
/// `errc::read_ahead` for an end that has read what nobody has received yet, `errc::torn` for one that has not sent a frame whole,
/// `errc::busy` for one where a call is under way. What was moved in stays open then.
[[nodiscard]] FERRULE_EXPORT child spawn(const std::vector<std::string>& command,
                                         std::initializer_list<inheritance> inherited, const spawn_options& o = {});

/// The same with one descriptor.
[[nodiscard]] inline child spawn(const std::vector<std::string>& command, const endpoint& inherited, int number = 3,
                                 const spawn_options& o = {})
{
    return spawn(command, {inheritance{inherited, number}}, o);
}
[[nodiscard]] inline child spawn(const std::vector<std::string>& command, endpoint&& inherited, int number = 3,
                                 const spawn_options& o = {})
{
    return spawn(command, {inheritance{std::move(inherited), number}}, o);
}

/// A child, and the connection to it. Destroying both closes the connection first, which is how the child learns that it
/// may end.
template <class Duplex>
struct connected_child {
    child process;
    Duplex connection;
};

/// Starts `command` with one end of a socket pair as its descriptor 3, and keeps the other. Throws as `spawn` does.
/// In a C++ child `inherited()` is the other end; in a Python child `Connection(3)`, for messages framed as
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

/// A child, its standard output to be read and its standard input to be written.
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
    // The child need not know ferrule.
    auto in = pipe_descriptors(ordinary_end::reading);
    auto out = pipe_descriptors(ordinary_end::writing);
    reader input(std::move(in.first));
    writer output(std::move(out.second));
    Reader from_child(std::move(out.first), arguments...);
    Writer to_child(std::move(in.second), arguments...);
    // Last: a child that is started and then not handed out would never be waited for.
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

/// In a child: the descriptor that its parent has handed down, the first or another one of those that FERRULE_FD names in
/// the environment (see `spawn`; a Python parent sets it itself, with `pass_fds`). It becomes close-on-exec, and yours:
/// it can be taken once. The first call takes FERRULE_FD out of the environment, so that programs which this one starts do not
/// find numbers there that mean nothing to them; make it before other threads read the environment. Throws `usage_error`:
/// `errc::bad_descriptor` if there is no such number, or it was taken, or nothing is open behind it.
[[nodiscard]] FERRULE_EXPORT descriptor inherited(std::size_t which = 0);

/// In a child: standard input and standard output as ends of their own, safe from whatever else reads and prints in this
/// process: from now on standard input is empty, and what is printed goes to standard error, or nowhere if there is none. Call it
/// once, before other threads print. Throws `error`; `usage_error` (`errc::bad_descriptor`) if the process was started
/// without one of them, even if something that this process has opened has its number by now.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor> standard_streams();

} // namespace ferrule
