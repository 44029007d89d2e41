// Stream and datagram sockets. The socket becomes non-blocking, as WSAEventSelect requires.
//
// A socket signals a single event. While one direction waits, that is the direction's own event. While both wait, a
// thread of the system's pool reads the network events and passes them on, since reading clears them for both.
#include "platform/datagrams.hpp"
#include "platform/windows/handle.hpp"

#include <ws2tcpip.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

namespace ferrule::windows {
namespace {

constexpr std::size_t largest_datagram = 65'507; // over IPv4
constexpr std::size_t datagram_room = 65'535;    // with less, a larger datagram may be reported twice
constexpr std::size_t max_parts = 64;

io_result failure() noexcept
{
    const int e = ::WSAGetLastError();
    if (e == WSAEMSGSIZE)
        return io_result::failed(errc::too_large);
    return e == WSAEWOULDBLOCK ? io_result::would_block() : io_result::failed(system_error(static_cast<DWORD>(e)));
}

/// The events for which the directions wait.
class socket_news {
public:
    explicit socket_news(SOCKET s) : socket_(s) {}

    /// Must precede an attempt, not follow it, since Windows signals once after each attempt.
    void forget(direction d) noexcept { ::ResetEvent(event(d)); }

    /// Returns the event that is signalled when `d` may go on, until `forget`.
    readiness await(direction d) noexcept
    {
        const std::lock_guard guard(mutex_);
        awaited_ |= news_for(d);
        const bool both = (awaited_ & FD_READ) != 0 && (awaited_ & FD_WRITE) != 0;
        if (both && !sharing_.is_started() && !sharing_.start(any_.get(), &share, this, false))
            return readiness::now();
        const HANDLE teller = both ? any_.get() : event(d);
        if (teller != teller_ || awaited_ != told_) {
            if (::WSAEventSelect(socket_, teller, awaited_) != 0)
                return readiness::now();
            teller_ = teller;
            told_ = awaited_;
        }
        return readiness::readable(event(d));
    }
    void stop_waiting(direction d) noexcept
    {
        const std::lock_guard guard(mutex_);
        awaited_ &= ~(d == direction::read ? FD_READ : FD_WRITE);
    }

private:
    static long news_for(direction d) noexcept { return FD_CLOSE | (d == direction::read ? FD_READ : FD_WRITE); }
    [[nodiscard]] HANDLE event(direction d) const noexcept
    {
        return (d == direction::read ? readable_ : writable_).get();
    }

    static void CALLBACK share(void* self, BOOLEAN) noexcept
    {
        socket_news& n = *static_cast<socket_news*>(self);
        WSANETWORKEVENTS what{};
        if (::WSAEnumNetworkEvents(n.socket_, n.any_.get(), &what) != 0)
            return;
        for (const direction d : {direction::read, direction::write}) {
            if ((what.lNetworkEvents & news_for(d)) != 0)
                ::SetEvent(n.event(d));
        }
    }

    const SOCKET socket_;
    std::mutex mutex_;
    long awaited_ = 0;
    HANDLE teller_ = nullptr;
    long told_ = 0;
    unique_handle readable_ = make_event();
    unique_handle writable_ = make_event();
    unique_handle any_ = make_event();
    pool_wait sharing_; // last, so that it ends first
};

class socket_end {
public:
    socket_end(SOCKET s, bool owned, transfer_kind k, bool addressed)
        : socket_(s),
          owned_(owned),
          kind_(k),
          addressed_(addressed),
          news_(std::make_unique<socket_news>(s))
    {
        u_long on = 1;
        if (::ioctlsocket(s, static_cast<long>(FIONBIO), &on) != 0)
            throw_error(last_socket_error());
        if (kind_ == transfer_kind::message) {
            packet_ = std::make_unique<std::array<std::byte, datagram_room>>();
            // Otherwise an undelivered datagram is an error of a later receive.
            DWORD off = 0;
            DWORD n = 0;
            constexpr DWORD connection_reset = 0x9800000C; // SIO_UDP_CONNRESET
            ::WSAIoctl(s, connection_reset, &off, sizeof off, nullptr, 0, &n, nullptr, nullptr);
        }
    }

    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (kind_ == transfer_kind::stream) {
            const io_result r = receive(in);
            return r.status() == io_status::moved && r.size() == 0 ? io_result::end() : r;
        }
        if (!holds_packet_) {
            const io_result r = receive(*packet_);
            if (r.status() != io_status::moved)
                return r;
            held_ = r.size();
            holds_packet_ = true;
        }
        const std::size_t header = addressed_ ? sizeof header_ : 0;
        if (header + held_ > in.size())
            return io_result::larger(header + held_);
        holds_packet_ = false;
        if (addressed_)
            std::memcpy(in.data(), &header_, header);
        std::copy_n(packet_->data(), held_, in.data() + header);
        return io_result::moved(header + held_);
    }

    io_result try_write(std::span<const byte_view> out) noexcept
    {
        std::array<WSABUF, max_parts + 1> parts; // the first may be for the address alone
        DWORD n = 0;
        std::size_t total = 0;
        os::packet_address to{};
        for (byte_view p : out) {
            if (n == parts.size())
                break;
            if (addressed_ && n == 0) {
                std::memcpy(&to, p.data(), sizeof to);
                p = p.subspan(sizeof to);
            }
            parts[n++] = {static_cast<ULONG>(std::min<std::size_t>(p.size(), ULONG_MAX)),
                          reinterpret_cast<char*>(const_cast<std::byte*>(p.data()))};
            total += p.size();
        }
        if (kind_ == transfer_kind::message) {
            if (total > largest_datagram || n < out.size())
                return io_result::failed(errc::too_large);
        } else if (total == 0)
            return io_result::moved(0);
        news_->forget(direction::write);
        DWORD sent = 0;
        full_ = (addressed_ ? ::WSASendTo(socket_, parts.data(), n, &sent, 0,
                                          reinterpret_cast<const sockaddr*>(to.bytes.data()), to.size, nullptr, nullptr)
                            : ::WSASend(socket_, parts.data(), n, &sent, 0, nullptr, nullptr)) != 0;
        return full_ ? failure() : io_result::moved(sent);
    }

    [[nodiscard]] readiness arm(direction d) noexcept
    {
        // Windows signals FD_WRITE only after a send that found no room. Wine signals no FD_READ for the rest of the input,
        // once both ends have ended their output.
        if (d == direction::read ? holds_packet_ || !drained_ : !full_)
            return readiness::now();
        return news_->await(d);
    }
    void disarm(direction d) noexcept { news_->stop_waiting(d); }
    [[nodiscard]] transfer_kind kind() const noexcept { return kind_; }
    error_code shutdown_write() noexcept
    {
        if (kind_ == transfer_kind::message)
            return errc::unsupported;
        return ::shutdown(socket_, SD_SEND) == 0 ? error_code() : last_socket_error();
    }
    void close() noexcept
    {
        if (socket_ == INVALID_SOCKET)
            return;
        const SOCKET s = forget();
        if (owned_)
            ::closesocket(s);
    }
    [[nodiscard]] native_handle_type native_handle() const noexcept { return reinterpret_cast<HANDLE>(socket_); }
    [[nodiscard]] native_handle_type release() noexcept
    {
        const SOCKET s = forget();
        u_long blocking = 0;
        ::ioctlsocket(s, static_cast<long>(FIONBIO), &blocking);
        return reinterpret_cast<HANDLE>(s);
    }
    [[nodiscard]] bool inheritable() const { return is_inheritable(native_handle()); }
    // Windows sockets are not inherited as handles.
    error_code set_inheritable(bool on) noexcept { return on ? errc::unsupported : errc(); }

private:
    io_result receive(std::span<std::byte> in) noexcept
    {
        WSABUF part{static_cast<ULONG>(std::min<std::size_t>(in.size(), ULONG_MAX)),
                    reinterpret_cast<char*>(in.data())};
        DWORD n = 0;
        DWORD flags = 0;
        news_->forget(direction::read);
        int name_size = sizeof header_.peer.bytes;
        drained_ = (addressed_ ? ::WSARecvFrom(socket_, &part, 1, &n, &flags,
                                               reinterpret_cast<sockaddr*>(header_.peer.bytes.data()), &name_size,
                                               nullptr, nullptr)
                               : ::WSARecv(socket_, &part, 1, &n, &flags, nullptr, nullptr)) != 0;
        header_.peer.size = static_cast<std::uint8_t>(name_size);
        return drained_ ? failure() : io_result::moved(n);
    }
    SOCKET forget() noexcept
    {
        const SOCKET s = std::exchange(socket_, INVALID_SOCKET);
        news_.reset();
        ::WSAEventSelect(s, nullptr, 0);
        return s;
    }

    SOCKET socket_;
    bool owned_;
    transfer_kind kind_;
    bool addressed_;
    os::packet_header header_{}; // of the packet held
    std::unique_ptr<socket_news> news_;
    std::unique_ptr<std::array<std::byte, datagram_room>> packet_;
    std::size_t held_ = 0;
    bool holds_packet_ = false;
    bool drained_ = false; // the last receive has failed
    bool full_ = false;    // the last send has failed
};

} // namespace

void start_sockets()
{
    static const int failed = [] {
        WSADATA data;
        return ::WSAStartup(MAKEWORD(2, 2), &data);
    }();
    if (failed != 0)
        throw_error(system_error(static_cast<DWORD>(failed)));
}

bool is_socket(HANDLE h) noexcept
{
    int type = 0;
    int size = sizeof type;
    return ::getsockopt(reinterpret_cast<SOCKET>(h), SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&type), &size) == 0;
}

descriptor open_socket(SOCKET s, bool owned, bool addressed)
{
    const auto option = [&](int name) {
        int value = 0;
        int size = sizeof value;
        if (::getsockopt(s, SOL_SOCKET, name, reinterpret_cast<char*>(&value), &size) != 0)
            throw_error(errc::bad_descriptor);
        return value;
    };
    const int type = option(SO_TYPE);
    if (type != SOCK_STREAM && type != SOCK_DGRAM)
        throw_error(errc::unsupported);
    if (type == SOCK_STREAM && option(SO_ACCEPTCONN) != 0)
        throw_error(errc::listening);
    return socket_end(s, owned, type == SOCK_STREAM ? transfer_kind::stream : transfer_kind::message, addressed);
}

} // namespace ferrule::windows
