// Listening and connecting without waiting, and waiting for many things at once. Private, but for the libraries of this
// project.
#pragma once

#include "platform/caught.hpp"

#include <ferrule/address.hpp>
#include <ferrule/deadline.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ferrule::os {

/// Where connections arrive.
class FERRULE_EXPORT listening {
public:
    listening() = default;
    listening(const listening&) = delete;
    listening& operator=(const listening&) = delete;
    /// Removes what it has made in the file system.
    virtual ~listening() = default;

    /// With the port that it got.
    [[nodiscard]] virtual address where() const = 0;
    /// Tells when there is a connection. Always the same.
    [[nodiscard]] virtual readiness news() const noexcept = 0;
    /// The next connection, which is not inherited; without one `ec` says why, and is clear if there is just none yet. Never
    /// waits.
    [[nodiscard]] virtual std::optional<descriptor> accept(error_code& ec) noexcept = 0;
};
/// Throws `error`.
[[nodiscard]] FERRULE_EXPORT std::unique_ptr<listening> listen_at(const address& a, int backlog);
/// The same at a new address, which only this user's processes can reach.
[[nodiscard]] FERRULE_EXPORT std::unique_ptr<listening> listen_anywhere(int backlog);

/// What `f` returns; nothing if it throws, and `ec` says why.
template <class F>
std::optional<descriptor> made_by(F f, error_code& ec) noexcept
{
    try {
        return f();
    } catch (...) {
        ec = caught();
        return std::nullopt;
    }
}

/// Whether who is at the other end of a connection is this process's user; false where the system does not say.
[[nodiscard]] FERRULE_EXPORT bool is_this_user(const detail::any_descriptor& connected) noexcept;
/// Whether it was this that `attempt` said: come back later.
[[nodiscard]] FERRULE_EXPORT bool is_would_block(const error_code& ec) noexcept;
/// Whether the process or the system has no descriptor left.
[[nodiscard]] FERRULE_EXPORT bool is_exhausted(const error_code& ec) noexcept;

/// The system's form of an address.
struct resolved_address {
    address::family kind;
    std::vector<std::byte> bytes;
};
/// Nothing if it is the name of a host, other than a number. Throws `error` for what cannot be an address.
[[nodiscard]] FERRULE_EXPORT std::vector<resolved_address> resolve_at_once(const address& a);
/// All that a host's name stands for, or a number alone; may block to find out.
[[nodiscard]] std::vector<resolved_address> look_up(const address& a, bool only_numbers, error_code& ec);
/// `Sockaddr`: the system's sockaddr_un, of which `family` is AF_UNIX.
template <class Sockaddr>
resolved_address unix_address(const address& a, int family)
{
    const bool is_abstract = a.kind() == address::family::unix_abstract;
    Sockaddr un{};
    un.sun_family = static_cast<decltype(un.sun_family)>(family);
    const std::string path = is_abstract ? std::string(1, '\0') + a.name() : a.name();
    // A path ends with a NUL; an abstract name ends where the address does.
    if (path.size() + (is_abstract ? 0 : 1) > sizeof un.sun_path || a.name().empty() ||
        (!is_abstract && path.find('\0') != path.npos))
        throw error(errc::invalid_argument, "unix socket '" + a.name() + "'");
    std::memcpy(un.sun_path, path.data(), path.size());
    const std::size_t size = offsetof(Sockaddr, sun_path) + path.size() + (is_abstract ? 0 : 1);
    const auto* const begin = reinterpret_cast<const std::byte*>(&un);
    return {a.kind(), std::vector<std::byte>(begin, begin + size)};
}
/// Of the list that getaddrinfo and its like return.
template <class Info>
std::vector<resolved_address> addresses_of(const address& a, const Info* found)
{
    std::vector<resolved_address> all;
    for (; found != nullptr; found = found->ai_next) {
        const auto* const begin = reinterpret_cast<const std::byte*>(found->ai_addr);
        all.push_back({a.kind(), std::vector<std::byte>(begin, begin + found->ai_addrlen)});
    }
    return all;
}
/// Both. Throws `error`.
[[nodiscard]] std::vector<resolved_address> resolve(const address& a);
/// `look_up` without waiting, by a thread that ends when the system knows.
class FERRULE_EXPORT lookup {
public:
    /// Throws `error`.
    explicit lookup(const address& a);

    /// Tells when it is done.
    [[nodiscard]] readiness news() const noexcept;
    /// What was found, or why not; nothing while it is under way.
    [[nodiscard]] std::optional<std::vector<resolved_address>> result(error_code& ec);

private:
    class state;
    std::shared_ptr<state> state_;
};
/// Calls `f` in a thread of its own, for which nobody waits and which gets no signals. Throws `error`.
void start_thread(std::function<void()> f);
/// What others wait for until somebody rings it, in any thread.
class doorbell {
public:
    /// Throws `error`.
    doorbell();
    doorbell(const doorbell&) = delete;
    doorbell& operator=(const doorbell&) = delete;
    ~doorbell();

    void ring() noexcept;
    [[nodiscard]] readiness news() const noexcept { return readiness::readable(handle_); }

private:
    native_handle_type handle_;
};

/// A connection that is being made.
class FERRULE_EXPORT attempt {
public:
    attempt() = default;
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
    virtual ~attempt() = default;

    /// Tells when it has come to something.
    [[nodiscard]] virtual readiness news() const noexcept = 0;
    /// The connection, once; without one `ec` says why, and is clear while it is being made. Never waits.
    [[nodiscard]] virtual std::optional<descriptor> result(error_code& ec) noexcept = 0;
};
/// What fails at once is a result, too. Throws `std::bad_alloc`, and on Windows `error` for lack of an event.
[[nodiscard]] FERRULE_EXPORT std::unique_ptr<attempt> start_connect(const resolved_address& to);

/// Waits for many things and a time at once, by one handle, which polls readable when one of them is ready or the time has come,
/// and until `ready` finds nothing.
class FERRULE_EXPORT poll_set {
public:
    /// Throws `error`.
    poll_set();
    poll_set(const poll_set&) = delete;
    poll_set& operator=(const poll_set&) = delete;
    ~poll_set();

    [[nodiscard]] readiness news() const noexcept;
    /// `what` is not `now()`, and not there yet; `key` is not null. Throws `error`, `std::bad_alloc`.
    void add(const void* key, const readiness& what);
    /// Before what it waits for is closed.
    void remove(const readiness& what) noexcept;
    void set_time(const deadline& d) noexcept;
    /// The keys of those that are ready, at most so many as there is room for; null stands for the time.
    [[nodiscard]] std::size_t ready(std::span<const void*> out) noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace ferrule::os
