// Sockets whose packets bring and take addresses.
#include "platform/datagrams.hpp"

#include "platform/posix/socket.hpp"
#include "platform/posix/socket_file.hpp"
#include "platform/sockaddr.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <memory>
#include <mutex>
#include <net/if.h>
#include <netinet/in.h>
#include <new>
#include <optional>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace ferrule::os {
namespace {

using posix::last_error;

constexpr std::size_t header_size = sizeof(packet_header);

/// An error that the system has queued, and the address of what was sent.
packet_header report_of(const packet_address& peer, int error_number) noexcept
{
    packet_header h{peer, {}};
    std::memcpy(h.error.data(), &error_number, sizeof error_number);
    return h;
}

/// The bytes of the name that a call has stored. A path of 108 bytes counts as 111, since its NUL is outside.
std::uint8_t size_of_name(socklen_t stored) noexcept
{
    return static_cast<std::uint8_t>(std::min<std::size_t>(stored, sizeof(packet_address::bytes)));
}

/// Calls until no signal interrupts.
template <class Call>
ssize_t uninterrupted(Call call) noexcept
{
    ssize_t n;
    do
        n = call();
    while (n < 0 && errno == EINTR);
    return n;
}

/// The queue of a UDP socket for errors (IP_RECVERR), which the sending and the receiving side look into.
///
/// Linux reports an error twice: once by a call on the socket, whichever is next, and once by the queue, which tells the
/// address. Only what comes out of the queue is passed on. Until the queue is empty, every wait ends immediately. So a
/// sender that waits must empty it, too, and leaves what it finds here for the receiver.
class error_reports {
public:
    explicit error_reports(int fd) noexcept : fd_(fd) {}

    /// Makes the next `take` look into the queue, since the error of the socket itself has gone to another call.
    void expect() noexcept { expected_.store(true, std::memory_order_release); }
    [[nodiscard]] bool expected() const noexcept { return expected_.load(std::memory_order_acquire); }

    /// The oldest report.
    [[nodiscard]] std::optional<packet_header> take() noexcept
    {
        if (expected_.exchange(false, std::memory_order_acq_rel)) {
            const std::lock_guard guard(mutex_);
            if (!left_.empty()) {
                const packet_header h = left_.front();
                left_.erase(left_.begin());
                expect();
                return h;
            }
        }
        const std::optional<packet_header> h = dequeue();
        if (h)
            expect(); // there may be more
        return h;
    }

    /// For a sender whose wait the queue has ended. A receiver that waits has been woken by the queue, too.
    void set_aside() noexcept
    {
        while (const std::optional<packet_header> h = dequeue()) {
            const std::lock_guard guard(mutex_);
            try {
                if (left_.size() < max_left)
                    left_.push_back(*h);
            } catch (const std::bad_alloc&) { // the system drops reports for lack of memory as well
            }
            expect();
        }
    }

private:
    static constexpr std::size_t max_left = 64;

    /// Also drops what is no report of the network. Those who have sent know of errors of this machine, and nobody has
    /// asked for notes on what was sent (SO_TIMESTAMPING).
    [[nodiscard]] std::optional<packet_header> dequeue() noexcept
    {
        for (;;) {
            packet_address to{};
            alignas(cmsghdr) std::array<std::byte, 512> control;
            msghdr message{};
            message.msg_name = to.bytes.data();
            message.msg_namelen = to.bytes.size();
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            if (uninterrupted([&] { return ::recvmsg(fd_, &message, MSG_ERRQUEUE | MSG_DONTWAIT); }) < 0)
                return std::nullopt;
            to.size = size_of_name(message.msg_namelen);
            for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
                if (!(c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) &&
                    !(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR))
                    continue;
                sock_extended_err e;
                std::memcpy(&e, CMSG_DATA(c), sizeof e);
                if (e.ee_origin == SO_EE_ORIGIN_ICMP || e.ee_origin == SO_EE_ORIGIN_ICMP6)
                    return report_of(to, static_cast<int>(e.ee_errno));
            }
        }
    }

    int fd_;
    std::atomic<bool> expected_{false};
    std::mutex mutex_;
    std::vector<packet_header> left_; // the oldest first
};

/// A socket that tells when another unix socket, to which the first is not connected, has room in its queue. For the
/// first itself the system always reports room.
class room_at_peer {
public:
    /// Returns 0 or what `errno` was.
    [[nodiscard]] int connect(const packet_address& to) noexcept
    {
        if (!probe_.is_open())
            probe_ = unique_handle(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const auto* const name = reinterpret_cast<const sockaddr*>(to.bytes.data());
        return probe_.is_open() && ::connect(probe_.get(), name, to.size) == 0 ? 0 : errno;
    }
    [[nodiscard]] readiness wait_handle() const noexcept { return readiness::writable(probe_.get()); }

private:
    unique_handle probe_;
};

class datagram_end : public posix::file_descriptor {
public:
    datagram_end(unique_handle socket, std::unique_ptr<posix::socket_file> file, bool is_ip)
        : file_descriptor(socket.get(), false),
          state_(std::make_unique<state>(std::move(socket), std::move(file), is_ip))
    {
    }

    [[nodiscard]] transfer_kind kind() const noexcept { return transfer_kind::message; }

    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (in.size() < header_size)
            return io_result::larger(header_size);
        state& s = *state_;
        const bool after_wait = s.end_wait(direction::read);
        if (s.reports.expected())
            if (const auto h = s.reports.take())
                return deliver(*h, in);
        if (in.size() < header_size + s.largest) {
            const ssize_t n =
                uninterrupted([&] { return ::recv(fd_, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT); });
            if (n < 0)
                return read_failure(in, after_wait);
            if (header_size + static_cast<std::size_t>(n) > in.size())
                return io_result::larger(header_size + static_cast<std::size_t>(n));
        }
        // Straight to its place, without a message header, which costs a fourth of the call.
        std::byte* const peer = in.data() + offsetof(packet_header, peer);
        auto* const name = reinterpret_cast<sockaddr*>(peer + offsetof(packet_address, bytes));
        const std::span<std::byte> rest = in.subspan(header_size);
        socklen_t name_size = 0;
        const ssize_t n = uninterrupted([&] {
            name_size = sizeof(packet_address::bytes);
            return ::recvfrom(fd_, rest.data(), rest.size(), MSG_DONTWAIT, name, &name_size);
        });
        if (n < 0)
            return read_failure(in, after_wait);
        peer[offsetof(packet_address, size)] = static_cast<std::byte>(size_of_name(name_size));
        std::fill_n(in.data() + offsetof(packet_header, error), sizeof(packet_header::error), std::byte{0});
        return io_result::moved(header_size + static_cast<std::size_t>(n));
    }

    io_result try_write(std::span<const byte_view> out) noexcept
    {
        state& s = *state_;
        packet_address to;
        std::memcpy(&to, out[0].data(), sizeof to);
        ssize_t n = send(to, out);
        // The error of the socket itself, which may belong to any earlier packet, goes to the next call.
        for (int tries = 0; n < 0 && s.is_ip && !is_would_block(last_error()) && tries < max_foreign_errors; ++tries) {
            s.reports.expect();
            n = send(to, out);
        }
        const bool after_wait = s.end_wait(direction::write);
        const int cannot_wait = std::exchange(s.cannot_wait, 0);
        if (n >= 0) {
            s.full.size = 0;
            return io_result::moved(static_cast<std::size_t>(n));
        }
        if (const error_code ec = last_error(); !is_would_block(ec))
            return io_result::failed(ec.value() == EMSGSIZE ? error_code(errc::too_large) : ec);
        if (cannot_wait != 0)
            return io_result::failed({cannot_wait, boost::system::system_category()});
        if (s.is_ip && after_wait)
            s.reports.set_aside();
        s.full = to;
        return io_result::would_block();
    }

    readiness arm(direction d) noexcept
    {
        state& s = *state_;
        s.waited[static_cast<std::size_t>(d)].store(true, std::memory_order_relaxed);
        if (d == direction::read)
            return s.reports.expected() ? readiness::now() : readiness::readable(fd_);
        if (s.is_ip || s.full.size == 0 || !has_own_room())
            return readiness::writable(fd_);
        s.cannot_wait = s.room.connect(s.full);
        return s.cannot_wait != 0 ? readiness::now() : s.room.wait_handle();
    }

    void close() noexcept
    {
        file_descriptor::close();
        state_.reset();
    }

private:
    struct state {
        state(unique_handle s, std::unique_ptr<posix::socket_file> f, bool ip) noexcept
            : file(std::move(f)),
              socket(std::move(s)),
              reports(socket.get()),
              largest(ip ? 65'535 : SIZE_MAX - header_size),
              is_ip(ip)
        {
        }
        /// Whether this attempt follows a wait. Not an exchange, which would cost every attempt some nanoseconds.
        bool end_wait(direction d) noexcept
        {
            std::atomic<bool>& w = waited[static_cast<std::size_t>(d)];
            if (!w.load(std::memory_order_relaxed))
                return false;
            w.store(false, std::memory_order_relaxed);
            return true;
        }

        std::unique_ptr<posix::socket_file> file; // goes after the socket, as that of a listener
        unique_handle socket;
        error_reports reports;
        room_at_peer room;                         // of the sender
        packet_address full{};                     // whose queue was full, or the socket's own buffer
        int cannot_wait = 0;                       // why not for room at that peer: an `errno`
        std::array<std::atomic<bool>, 2> waited{}; // since the last attempt in this direction
        std::size_t largest;                       // bytes of the largest possible payload
        bool is_ip;
    };

    static constexpr int max_foreign_errors = 8; // more would have to arrive during the call

    ssize_t send(const packet_address& to, std::span<const byte_view> out) noexcept
    {
        constexpr int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
        const byte_view first = out[0].subspan(sizeof to);
        if (first.empty() && out.size() == 2) { // cheaper than sendmsg
            const auto* const name = reinterpret_cast<const sockaddr*>(to.bytes.data());
            return uninterrupted([&] { return ::sendto(fd_, out[1].data(), out[1].size(), flags, name, to.size); });
        }
        std::array<iovec, posix::max_parts + 1> parts;
        parts[0] = {const_cast<std::byte*>(first.data()), first.size()};
        packet_address name = to;
        msghdr message{};
        message.msg_name = name.bytes.data();
        message.msg_namelen = name.size;
        message.msg_iov = parts.data();
        message.msg_iovlen = 1 + posix::gather(out.subspan(1), std::span(parts).subspan<1>());
        return uninterrupted([&] { return ::sendmsg(fd_, &message, flags); });
    }

    io_result read_failure(std::span<std::byte> in, bool after_wait) noexcept
    {
        const error_code ec = last_error();
        const bool nothing = is_would_block(ec);
        if (state_->is_ip && (!nothing || after_wait))
            if (const auto h = state_->reports.take())
                return deliver(*h, in);
        return nothing ? io_result::would_block() : io_result::failed(ec);
    }
    static io_result deliver(const packet_header& h, std::span<std::byte> in) noexcept
    {
        std::memcpy(in.data(), &h, header_size);
        return io_result::moved(header_size);
    }

    /// Whether the socket itself has room, so that it is the peer that has none.
    [[nodiscard]] bool has_own_room() const noexcept
    {
        int used = 0;
        int room = 0;
        socklen_t size = sizeof room;
        return ::ioctl(fd_, SIOCOUTQ, &used) == 0 && ::getsockopt(fd_, SOL_SOCKET, SO_SNDBUF, &room, &size) == 0 &&
               used < room;
    }

    std::unique_ptr<state> state_;
};

/// Sets the options of a new socket.
class options {
public:
    /// `context` begins the texts of errors.
    options(int socket, const std::string& context) noexcept : socket_(socket), context_(context) {}

    template <class T>
    void set(const char* what, int level, int name, const T& value) const
    {
        if (::setsockopt(socket_, level, name, &value, sizeof value) != 0)
            detail::throw_in_context(last_error(), context_ + ": " + what);
    }
    /// Nothing is set if there is no value.
    template <class T>
    void set_int(const char* what, int level, int name, const std::optional<T>& value) const
    {
        if (value)
            set(what, level, name, static_cast<int>(*value));
    }
    /// A socket of IPv6 that also serves IPv4 takes the options of both.
    template <class T>
    void set_ip(const char* what, bool v6, int name_v4, int name_v6, const std::optional<T>& value) const
    {
        if (!v6)
            return set_int(what, IPPROTO_IP, name_v4, value);
        set_int(what, IPPROTO_IPV6, name_v6, value);
        if (value)
            try_set(IPPROTO_IP, name_v4, static_cast<int>(*value));
    }
    /// For what not every socket or system has.
    void try_set(int level, int name, int value) const noexcept
    {
        (void)::setsockopt(socket_, level, name, &value, sizeof value);
    }

    /// 0 for no name.
    [[nodiscard]] unsigned index_of(const std::string& interface_name) const
    {
        const unsigned index = interface_name.empty() ? 0 : ::if_nametoindex(interface_name.c_str());
        if (index == 0 && !interface_name.empty())
            detail::throw_in_context(last_error(), context_ + ": interface " + interface_name);
        return index;
    }

private:
    int socket_;
    const std::string& context_;
};

void set_up_udp(const options& o, bool v6, const datagram_settings& s)
{
    const auto if_wanted = [](bool wanted) { return wanted ? std::optional(true) : std::nullopt; };
    o.set_int("reuse_address", SOL_SOCKET, SO_REUSEADDR, if_wanted(s.reuse_address));
    o.set_int("reuse_port", SOL_SOCKET, SO_REUSEPORT, if_wanted(s.reuse_port));
    o.set_int("broadcast", SOL_SOCKET, SO_BROADCAST, if_wanted(s.broadcast));
    if (v6)
        o.set_int("only_ipv6", IPPROTO_IPV6, IPV6_V6ONLY, s.only_ipv6);
    o.set_ip("report_errors", v6, IP_RECVERR, IPV6_RECVERR, if_wanted(s.report_errors));
    // Otherwise Linux delivers what is for the groups of any other socket, too.
    o.try_set(IPPROTO_IP, IP_MULTICAST_ALL, 0);
    if (v6)
        o.try_set(IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0); // Linux 4.20
    o.set_ip("ttl", v6, IP_TTL, IPV6_UNICAST_HOPS, s.ttl);
    o.set_ip("multicast_ttl", v6, IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS, s.multicast_ttl);
    o.set_ip("multicast_loop", v6, IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP, s.multicast_loop);
    if (const unsigned index = o.index_of(s.multicast_interface); index != 0) {
        ip_mreqn v4{};
        v4.imr_ifindex = static_cast<int>(index);
        if (v6)
            o.set("multicast_interface", IPPROTO_IPV6, IPV6_MULTICAST_IF, index);
        else
            o.set("multicast_interface", IPPROTO_IP, IP_MULTICAST_IF, v4);
    }
}

} // namespace

bound_datagrams bind_datagrams(const native_address& at, const datagram_settings& s, const std::string& context)
{
    const bool is_ip = at.type == native_address::kind::ip;
    unique_handle socket(::socket(as_sockaddr(at)->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.is_open())
        detail::throw_in_context(last_error(), context);
    const options o(socket.get(), context);
    o.set_int("receive_buffer", SOL_SOCKET, SO_RCVBUF, s.receive_buffer);
    o.set_int("send_buffer", SOL_SOCKET, SO_SNDBUF, s.send_buffer);
    if (is_ip)
        set_up_udp(o, is_ipv6(at), s);
    std::unique_ptr<posix::socket_file> file;
    try {
        if (at.type == native_address::kind::unix_path) {
            const posix::folder_lock lock(text_of(at).name);
            file = std::make_unique<posix::socket_file>(socket.get(), at, std::nullopt, lock);
        } else if (::bind(socket.get(), as_sockaddr(at), static_cast<socklen_t>(at.bytes.size())) != 0)
            throw_error(last_error());
    } catch (const error& e) {
        detail::throw_in_context(e.code(), context);
    }
    const packet_address where = packet_address_of(name_of(socket.get(), &last_error));
    return {datagram_end(std::move(socket), std::move(file), is_ip), where};
}

void set_membership(native_handle_type socket, const packet_address& group, const std::string& interface_name,
                    bool member, const std::string& context)
{
    const native_address g = native_of(group);
    if (g.type != native_address::kind::ip)
        detail::throw_in_context(errc::invalid_argument, context);
    const options o(socket, context);
    group_req request{}; // RFC 3678
    std::memcpy(&request.gr_group, g.bytes.data(), g.bytes.size());
    request.gr_interface = o.index_of(interface_name);
    if (is_ipv6(g) && interface_name.empty()) {
        sockaddr_in6 in6;
        std::memcpy(&in6, g.bytes.data(), sizeof in6);
        request.gr_interface = in6.sin6_scope_id;
    }
    o.set(member ? "join" : "leave", is_ipv6(g) ? IPPROTO_IPV6 : IPPROTO_IP,
          member ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, request);
}

} // namespace ferrule::os
