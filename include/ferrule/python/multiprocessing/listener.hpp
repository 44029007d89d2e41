// Python's Listener: accepts multiprocessing connections from unrelated programs.
#pragma once

#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/net/listener.hpp>
#include <ferrule/python/multiprocessing/authentication.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ferrule::python {

/// Options of `listener`: those of `ferrule::listener`, and the key. They are written in place:
/// `listener_options().authkey(key).backlog(16)`.
class listener_options : public ferrule::detail::basic_listen_options<listener_options> {
public:
    listener_options() = default;

    /// The key and the weakest digest, as in `connect_options`.
    listener_options& authkey(std::string key)
    {
        authkey_ = std::move(key);
        return *this;
    }
    listener_options& min_digest(digest d) noexcept
    {
        min_digest_ = d;
        return *this;
    }

    [[nodiscard]] const std::string& authkey() const noexcept { return authkey_; }
    [[nodiscard]] std::optional<digest> min_digest() const noexcept { return min_digest_; }

private:
    std::string authkey_;
    std::optional<digest> min_digest_;
};

namespace detail {

using ferrule::detail::accept_queue;

/// Starts to listen. See src/net/acceptor.hpp.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT descriptor listen(std::vector<address>& at, const listener_options& o,
                                                               std::shared_ptr<accept_queue>& q);

} // namespace detail

/// Accepts connections from Python or C++, as `multiprocessing.connection.Listener` does. Handshakes proceed
/// concurrently while an accept waits, so a slow peer does not delay others. A failed handshake is not an error of the
/// listener. Otherwise it is as `ferrule::listener`.
///
///     python::listener listener(address::unix_path("/run/engine"), python::listener_options().authkey(key));
///     message_duplex<multiprocessing> peer = listener.accept();
template <framing Framing = multiprocessing>
class listener : public ferrule::detail::basic_listener<Framing> {
public:
    /// Listens at a new address that only processes of this user can reach: a unix socket in a folder of its own, or on
    /// Windows a pipe.
    explicit listener(const listener_options& o = {}, Framing f = {}, const limits& l = {})
        : listener(std::vector<ferrule::address>{}, o, std::move(f), l)
    {
    }
    explicit listener(const ferrule::address& at, const listener_options& o = {}, Framing f = {}, const limits& l = {})
        : listener(std::vector<ferrule::address>{at}, o, std::move(f), l)
    {
    }
    /// Listens at several addresses.
    explicit listener(std::vector<ferrule::address> at, const listener_options& o = {}, Framing f = {},
                      const limits& l = {})
        : ferrule::detail::basic_listener<Framing>(
              std::move(at), [&](auto& all, auto& q) { return detail::listen(all, o, q); }, std::move(f), l)
    {
    }
};

} // namespace ferrule::python
