// Datagrams with addresses: UDP and unix datagram sockets.
#pragma once

#include <ferrule/detail/datagram_settings.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/endpoint.hpp>
#include <ferrule/framing/none.hpp>
#include <ferrule/message.hpp>
#include <ferrule/net/address.hpp>

#include <array>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ferrule {

/// The address of a socket for datagrams, as the system takes it. Every datagram brings one, and it costs no memory of
/// its own. Text and an `address` of the families `udp`, `unix_datagram` and `unix_datagram_abstract` convert to it:
///
///     const datagram_address printer("udp://192.0.2.7:9100");
///
/// The conversion reads text, so convert once where many datagrams go to one address. It looks nothing up. A host
/// must be a number, and a service must be in the system's files.
///
/// Thread safety: any thread may call any const member at any time.
class datagram_address {
public:
    /// The address of a unix socket that is bound to none. Nothing can be sent to it.
    datagram_address() noexcept = default;
    /// Throws: what `address::parse` throws, and what the other constructor throws.
    template <std::convertible_to<std::string_view> Text>
    datagram_address(const Text& text) : datagram_address(ferrule::address(text))
    {
    }
    /// Throws: `usage_error` that names the address. `errc::invalid_argument`: the host is a name (see `resolve`), or
    /// the path is too long. `errc::unsupported`: the family has no datagrams, or the system lacks it.
    FERRULE_EXPORT datagram_address(const ferrule::address& a);

    [[nodiscard]] bool is_unnamed() const noexcept { return size_ == 0; }
    /// Throws: `usage_error` (`errc::invalid_argument`) if it is unnamed.
    [[nodiscard]] FERRULE_EXPORT ferrule::address to_address() const;
    /// The address as text, such as "udp://[::ffff:192.0.2.7]:9100", or "unnamed".
    [[nodiscard]] FERRULE_EXPORT std::string to_string() const;
    /// The `sockaddr`, for calls of the system.
    [[nodiscard]] byte_view native() const noexcept { return byte_view(bytes_).first(size_); }

    friend bool operator==(const datagram_address& a, const datagram_address& b) noexcept
    {
        return a.native() == b.native();
    }
    /// Some order, for containers.
    friend std::strong_ordering operator<=>(const datagram_address& a, const datagram_address& b) noexcept
    {
        return a.native().text() <=> b.native().text();
    }

private:
    // As `os::packet_address`.
    std::array<std::byte, 110> bytes_{};
    std::uint8_t size_ = 0;
};

/// A datagram that was received.
template <class Message>
class datagram {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    datagram() = default;
    datagram(const datagram_address& from, Message what) : peer(from), data(std::move(what)) {}

    /// Where it came from.
    datagram_address peer;
    Message data;
};

/// Options of a `datagram_socket`, written in place: `datagram_options().broadcast().ttl(2)`.
class datagram_options {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    datagram_options() = default;

    /// The system's memory for datagrams that nobody has received yet, in bytes (SO_RCVBUF). When it is full, more are
    /// dropped. The system may allow less; Linux also counts its own needs.
    datagram_options& receive_buffer(int bytes) noexcept
    {
        settings_.receive_buffer = bytes;
        return *this;
    }
    /// The same for what is sent (SO_SNDBUF), which also limits the size of a unix datagram.
    datagram_options& send_buffer(int bytes) noexcept
    {
        settings_.send_buffer = bytes;
        return *this;
    }

    // The following are for UDP, and have no effect elsewhere. A socket of IPv6 that also takes part in IPv4 has the
    // options in both.

    /// Whether several sockets may be bound to one port, and each gets a copy of every multicast (SO_REUSEADDR).
    datagram_options& reuse_address(bool on = true) noexcept
    {
        settings_.reuse_address = on;
        return *this;
    }
    /// Whether sockets of one user may be bound to one port, and share what arrives (SO_REUSEPORT).
    datagram_options& reuse_port(bool on = true) noexcept
    {
        settings_.reuse_port = on;
        return *this;
    }
    /// Whether broadcasts may be sent, as to "udp://255.255.255.255:5000". Otherwise the system refuses them.
    datagram_options& broadcast(bool on = true) noexcept
    {
        settings_.broadcast = on;
        return *this;
    }
    /// How many routers a datagram may pass, and one more: 1 to 255. Default: as the system decides, often 64.
    datagram_options& ttl(int hops) noexcept
    {
        settings_.ttl = hops;
        return *this;
    }
    /// The same for multicasts: 0 (this machine) to 255. Default: 1, the local network.
    datagram_options& multicast_ttl(int hops) noexcept
    {
        settings_.multicast_ttl = hops;
        return *this;
    }
    /// Whether members on this machine get the multicasts that this socket sends. Default: true.
    datagram_options& multicast_loop(bool on) noexcept
    {
        settings_.multicast_loop = on;
        return *this;
    }
    /// The interface by which multicasts leave, such as "eth0". Default: by the routes of the system.
    datagram_options& multicast_interface(std::string name) noexcept
    {
        settings_.multicast_interface = std::move(name);
        return *this;
    }
    /// Whether a socket at an address of IPv6, such as "udp://[::]:5000", leaves IPv4 out (RFC 3493, section 5.3).
    /// Otherwise peers of IPv4 have addresses such as "udp://[::ffff:192.0.2.7]:9100". Default: as the system decides.
    datagram_options& only_ipv6(bool on = true) noexcept
    {
        settings_.only_ipv6 = on;
        return *this;
    }
    /// Whether a receive fails once for each datagram that the network reports as undeliverable (ICMP), such as with
    /// ECONNREFUSED. The exception names the address. Receiving goes on. Default: true.
    /// Platform: Windows has no such reports.
    datagram_options& report_errors(bool on) noexcept
    {
        settings_.report_errors = on;
        return *this;
    }

    [[nodiscard]] const detail::datagram_settings& settings() const noexcept { return settings_; }

private:
    detail::datagram_settings settings_;
};

namespace detail {

/// Binds a socket. Throws what the constructors of `datagram_socket` throw.
[[nodiscard]] FERRULE_EXPORT descriptor bind_datagrams(const datagram_address& at, const datagram_options& o,
                                                       datagram_address& bound);
/// Takes the address off a packet that was received. Throws the error that the packet reports.
[[nodiscard]] FERRULE_EXPORT datagram_address take_peer(bytes& packet);
/// Throws what `datagram_socket::join` throws.
FERRULE_EXPORT void set_membership(const channel_ptr& c, const datagram_address& group,
                                   const std::string& interface_name, bool member);

/// The bytes before the payload of a packet to send.
inline byte_view header_of(const datagram_address& to) noexcept
{
    return {reinterpret_cast<const std::byte*>(&to), sizeof to};
}

/// Receives packets that begin with an address. Nothing is decoded, since a packet is a message.
template <class Framing>
class addressed {
public:
    using message_type = datagram<typename Framing::message_type>;

    addressed(Framing f, const limits& l) : framing_(std::move(f)), limits_(l) {}

    decode_result decode(byte_view packet, const limits&) const noexcept
    {
        return decode_result::frame(0, packet.size());
    }
    error_code encode(const message_type&, const limits&, encoded&) const noexcept { return errc::unencodable; }
    message_type load(bytes packet) const
    {
        message_type m;
        m.peer = take_peer(packet);
        if (packet.size() > limits_.max_payload())
            throw_error(errc::too_large, packet, packet.size());
        if constexpr (byte_framing<Framing>)
            m.data = restored(framing_, std::move(packet));
        else
            m.data = framing_.load(std::move(packet));
        return m;
    }

private:
    Framing framing_;
    limits limits_; // those of the endpoint would count the address
};

/// Sends packets that begin with an address.
template <class Framing>
class addressed_to {
public:
    using sent_type = std::conditional_t<byte_framing<Framing>, buffers, typename Framing::message_type>;
    struct message_type {
        const sent_type& message;
        const datagram_address& to;
        bool lasts; // the call may outlive both
    };

    addressed_to() = default;
    explicit addressed_to(Framing f) : framing_(std::move(f)) {}

    decode_result decode(byte_view packet, const limits&) const noexcept
    {
        return decode_result::frame(0, packet.size());
    }
    error_code encode(const message_type& m, const limits& l, encoded& out) const
    {
        if (m.to.is_unnamed())
            return errc::invalid_argument;
        out.append_view(m.lasts ? out.hold(bytes(header_of(m.to))) : header_of(m.to));
        if constexpr (byte_framing<Framing>) {
            if (m.lasts && m.message.has_temporaries()) {
                const byte_view copy = out.hold(m.message.copy());
                return framing_.encode({&copy, 1}, l, out);
            }
            return framing_.encode(m.message.list(), l, out);
        } else
            return framing_.encode(m.message, l, out);
    }

private:
    Framing framing_{};
};

} // namespace detail

/// A socket that sends datagrams to any address, and receives them with the address they came from. A datagram is one
/// message of the framing, of which only the serialisation is used: bytes with `none`, values with a framing of values.
///
///     datagram_socket<> s("udp://0.0.0.0:5000");
///     const auto question = s.recv();
///     s.send("answer", question.peer);
///
///     datagram_socket meters("unixgram:/run/meters", json_lines<>());
///
/// Copies share the socket. It is closed by `close()`, or when the last copy is gone and the calls under way have ended.
/// Closing removes the file of a unix socket, unless it is another one by now. A datagram may be lost, repeated or
/// overtaken. A send or receive that ends early has moved all of a datagram, or nothing.
///
/// A handle that was moved from or default-constructed reports `errc::closed`.
///
/// Thread safety: any number of threads and coroutines may call any member at the same time, except assign to the same
/// handle object. Sends and receives do not wait for each other. Sends go one after the other. One that waits for a
/// unix peer keeps those to other peers waiting. `try_send`, deadlines or more sockets help.
/// Platform: on Windows UDP only; unix sockets, `reuse_port` and interfaces by name are `errc::unsupported` there.
template <framing Framing = none>
    requires byte_framing<Framing> || typed_framing<Framing>
class datagram_socket
    : private endpoint,
      private detail::message_recv_functions<datagram_socket<Framing>, detail::addressed<Framing>>,
      private detail::message_send_functions<datagram_socket<Framing>, detail::addressed_to<Framing>> {
    using receiving = detail::message_recv_functions<datagram_socket, detail::addressed<Framing>>;
    using sending = detail::message_send_functions<datagram_socket, detail::addressed_to<Framing>>;
    using outgoing = typename detail::addressed_to<Framing>::message_type;
    friend receiving;
    friend sending;

public:
    /// What is received: an address and a message.
    using datagram_type = datagram<typename Framing::message_type>;
    /// The parameter of a send: one or several buffers that form one message, or a value.
    using sent_type = typename detail::addressed_to<Framing>::sent_type;

    datagram_socket() = default;
    /// Binds a socket to `at`, from which it sends and at which it receives. Port 0, or an empty abstract name, lets the
    /// system choose. A socket file that nobody has bound any more is replaced. The socket is not inherited. Never waits
    /// for a peer.
    /// Throws: `usage_error` for an impossible address or value of an option, else `error` with the system's error. The
    /// text names the address, and the option.
    explicit datagram_socket(const datagram_address& at, const datagram_options& o = {})
        : datagram_socket(at, Framing(), o)
    {
    }
    /// The same for messages of `f`. Each is within `l`, in both directions, without its address.
    datagram_socket(const datagram_address& at, Framing f, const datagram_options& o = {},
                    const ferrule::limits& l = {})
        : datagram_socket(bound(at, o), std::move(f), l)
    {
    }

    /// Where the socket is bound, with what the system has chosen.
    [[nodiscard]] const datagram_address& address() const noexcept { return address_; }

    /// The calls that receive: `recv`, `try_recv` and `async_recv`, as those of `message_reader`, with a `datagram_type`
    /// as the result.
    ///
    /// Throws: `timeout_error`, `cancelled_error`, `closed_error`; `frame_error` with `errc::too_large` for a datagram
    /// over the limit, which is dropped, or with `errc::invalid_value` from a framing of values; for each report of the
    /// network on what was sent before, see `datagram_options::report_errors`, `broken_error` or `error` with the
    /// system's error, whose text begins with the address. All but `errc::closed` leave the socket usable.
    /// Cancellation: a receive that ends early has taken nothing, neither a datagram nor a report.
    using receiving::async_recv;
    using receiving::recv;
    using receiving::try_recv;

    /// Sends one datagram to `to`. Returns the number of bytes sent, without the address, when the system has taken it.
    /// Waits while the socket, or the queue of a unix peer, has no room.
    /// Throws: `timeout_error`, `cancelled_error`, `closed_error`; `usage_error` (`errc::invalid_argument`) if `to` is
    /// unnamed, or if text is no address; `errc::too_large` if the message exceeds the limit, or the system does not
    /// take so large a datagram (UDP over IPv4: 65,507 bytes); `broken_error` if there is no route or no unix socket
    /// at `to`; else `error`. What framings throw is passed on. In each case nothing was sent.
    std::size_t send(const sent_type& message, const datagram_address& to, const until& timeout = {})
    {
        return sending::send(outgoing{message, to, false}, timeout);
    }
    std::size_t send(const sent_type& message, const datagram_address& to, const until& timeout, error_code& ec)
    {
        return sending::send(outgoing{message, to, false}, timeout, ec);
    }
    std::size_t send(const sent_type& message, const datagram_address& to, error_code& ec)
    {
        return send(message, to, until(), ec);
    }
    /// Like `send`, but never waits. Returns false if there is no room or another send is under way.
    [[nodiscard]] bool try_send(const sent_type& message, const datagram_address& to)
    {
        return sending::try_send(outgoing{message, to, false});
    }
    /// `async_send(message, to [, timeout] [, token])`. A value is encoded, and the address copied, before the call
    /// returns. Temporary byte messages that own their bytes are copied; others must live until completion.
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_send(const sent_type& message, const datagram_address& to, TimeoutAndToken&&... timeout_and_token)
    {
        const outgoing m{message, to, true};
        return sending::async_send(m, std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Joins the multicast group of `group`, such as "udp://239.1.2.3:5000", whose port is ignored. The socket then
    /// receives what is sent to the group and to its own port. `interface_name` is such as "eth0"; without one the
    /// system chooses by its routes. Joins and leaves do not wait.
    /// Throws: `closed_error`, else `error` with the system's error. The text names the group.
    void join(const datagram_address& group, const std::string& interface_name = {})
    {
        detail::set_membership(channel(), group, interface_name, true);
    }
    /// Leaves a group, with the same arguments as it was joined.
    void leave(const datagram_address& group, const std::string& interface_name = {})
    {
        detail::set_membership(channel(), group, interface_name, false);
    }

    /// Closes the socket for all copies. Waits for a send under way until `timeout`, by default not at all. Then wakes
    /// every thread and coroutine that waits here with `errc::closed`. Closing again returns 0.
    /// Returns: the number of bytes of a send that this call interrupts.
    std::size_t close(const until& timeout = deadline::now()) noexcept
    {
        const std::size_t unsent = endpoint::close(timeout);
        return unsent == 0 ? 0 : unsent - sizeof(datagram_address);
    }

    /// See `endpoint`.
    using endpoint::arm;
    using endpoint::disarm;
    using endpoint::inheritable;
    using endpoint::is_open;
    using endpoint::native_handle;
    using endpoint::set_inheritable;

private:
    struct bound {
        bound(const datagram_address& at, const datagram_options& o) : socket(detail::bind_datagrams(at, o, where)) {}

        datagram_address where;
        descriptor socket;
    };

    datagram_socket(bound&& b, Framing f, const ferrule::limits& l)
        : endpoint(detail::open_channel(std::move(b.socket)), ferrule::limits(SIZE_MAX)),
          receiving(detail::addressed<Framing>(f, l), ferrule::limits(SIZE_MAX)),
          sending(detail::addressed_to<Framing>(std::move(f)), l),
          address_(b.where)
    {
    }

    datagram_address address_;
};

} // namespace ferrule
