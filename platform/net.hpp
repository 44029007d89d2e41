// Sockets that listen and connect without waiting, and waiting for many of them at once. Private, but for the libraries of
// this project.
#pragma once

#include <ferrule/address.hpp>
#include <ferrule/deadline.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

#include <memory>
#include <span>
#include <vector>

namespace ferrule::os {

/// Owns a handle. Move-only.
class FERRULE_EXPORT socket_handle {
public:
    socket_handle() noexcept = default;
    explicit socket_handle(native_handle_type h) noexcept : handle_(h) {}
    socket_handle(socket_handle&& other) noexcept : handle_(other.release()) {}
    socket_handle& operator=(socket_handle&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~socket_handle();

    [[nodiscard]] bool is_open() const noexcept { return handle_ != invalid_handle; }
    [[nodiscard]] native_handle_type get() const noexcept { return handle_; }
    [[nodiscard]] native_handle_type release() noexcept { return std::exchange(handle_, invalid_handle); }

private:
    native_handle_type handle_ = invalid_handle;
};

/// A socket that listens; close-on-exec, and accepting never blocks. Throws `error`.
[[nodiscard]] FERRULE_EXPORT socket_handle listen_at(const address& a, int backlog);
/// Where it listens, with the port that it got.
[[nodiscard]] FERRULE_EXPORT address local_address(native_handle_type listening, address::family f);
/// Removes the file of a unix socket; nothing for other addresses.
FERRULE_EXPORT void remove_socket_file(const address& a) noexcept;
/// A new folder of one's own, for sockets. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::string make_private_folder();
FERRULE_EXPORT void remove_folder(const std::string& path) noexcept;

/// The next connection, blocking and close-on-exec; without one, `ec` says why: `would_block` and what the system says.
[[nodiscard]] FERRULE_EXPORT socket_handle accept_from(native_handle_type listening, error_code& ec) noexcept;
/// Whether who is at the other end of a connected unix socket is this process's user; false for other sockets.
[[nodiscard]] FERRULE_EXPORT bool is_this_user(native_handle_type connected) noexcept;
/// Whether it was this that `accept_from` or `start_connect` said: come back later.
[[nodiscard]] FERRULE_EXPORT bool is_would_block(const error_code& ec) noexcept;
/// Whether the process or the system has no descriptor left.
[[nodiscard]] FERRULE_EXPORT bool is_exhausted(const error_code& ec) noexcept;

/// The system's form of an address.
struct resolved_address {
    std::vector<std::byte> bytes;
};
/// Nothing if it is the name of a host, other than a number. Throws `error` for what cannot be an address.
[[nodiscard]] FERRULE_EXPORT std::vector<resolved_address> resolve_at_once(const address& a);
/// All that a host's name stands for; may block to find out. Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::vector<resolved_address> resolve(const address& a);
/// The same without waiting, by a thread that ends when the system knows.
class FERRULE_EXPORT lookup {
public:
    /// Throws `error`.
    explicit lookup(const address& a);

    /// Polls readable when it is done.
    [[nodiscard]] native_handle_type handle() const noexcept;
    /// Then: what was found, or why not.
    [[nodiscard]] std::vector<resolved_address> take(error_code& ec);

private:
    class state;
    std::shared_ptr<state> state_;
};
/// A socket that is connected, or, with `ec` clear and `finished` false, will be once it polls writable.
[[nodiscard]] FERRULE_EXPORT socket_handle start_connect(const resolved_address& to, bool& finished,
                                                         error_code& ec) noexcept;
/// Of a socket that has become writable: what came of connecting. From then on it is blocking.
[[nodiscard]] FERRULE_EXPORT error_code finish_connect(native_handle_type h) noexcept;

/// At most so much as is there or fits; never waits, whatever the mode of the socket, and raises no signal.
[[nodiscard]] FERRULE_EXPORT io_result receive_some(native_handle_type h, std::span<std::byte> in) noexcept;
[[nodiscard]] FERRULE_EXPORT io_result send_some(native_handle_type h, byte_view out) noexcept;

/// Many handles and a time behind one handle, which polls readable when one of them is ready or the time has come.
class FERRULE_EXPORT poll_set {
public:
    /// Throws `error`.
    poll_set();
    poll_set(poll_set&&) noexcept = default;
    poll_set& operator=(poll_set&&) noexcept = default;

    [[nodiscard]] native_handle_type handle() const noexcept { return events_.get(); }
    [[nodiscard]] error_code add(native_handle_type h, direction d) noexcept;
    void change(native_handle_type h, direction d) noexcept;
    void remove(native_handle_type h) noexcept;
    void set_time(const deadline& d) noexcept;
    /// Those that are ready, at most so many as there is room for; `invalid_handle` stands for the time.
    [[nodiscard]] std::size_t ready(std::span<native_handle_type> out) noexcept;

private:
    socket_handle events_;
    socket_handle timer_;
};

} // namespace ferrule::os
