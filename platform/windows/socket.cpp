// Sockets: streams and datagrams. The socket becomes non-blocking, as WSAEventSelect wants it; nobody else has it.
//
// A socket tells one event about everything, and a call that looks at it takes the news from the other direction. So a thread
// of the system's pool takes them, and passes them on to an event for each direction.
#include "platform/windows/handle.hpp"

#include <ws2tcpip.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <new>

namespace ferrule::windows {
namespace {

constexpr std::size_t largest_datagram = 65'507;
constexpr std::size_t datagram_room = 65'535; // with less, a larger one may be reported twice
constexpr std::size_t max_parts = 64;
constexpr long all_news = FD_READ | FD_WRITE | FD_CLOSE;

io_result failure() noexcept
{
    const int e = ::WSAGetLastError();
    return e == WSAEWOULDBLOCK ? io_result::would_block() : io_result::failed(system_error(static_cast<DWORD>(e)));
}

/// What the pool's thread needs, where it stays.
struct news {
    explicit news(SOCKET socket) : s(socket)
    {
        if (::WSAEventSelect(s, any.get(), all_news) != 0)
            throw_error(last_socket_error());
        ::SetEvent(writable.get()); // until a send says otherwise
        if (!wait.start(any.get(), &take, this, false))
            throw_error(last_error());
    }

    static void CALLBACK take(void* self, BOOLEAN) noexcept
    {
        news& n = *static_cast<news*>(self);
        WSANETWORKEVENTS what{};
        if (::WSAEnumNetworkEvents(n.s, n.any.get(), &what) != 0)
            return;
        if ((what.lNetworkEvents & (FD_READ | FD_CLOSE)) != 0)
            ::SetEvent(n.readable.get());
        if ((what.lNetworkEvents & (FD_WRITE | FD_CLOSE)) != 0)
            ::SetEvent(n.writable.get());
    }

    const SOCKET s;
    unique_handle any = make_event();
    unique_handle readable = make_event();
    unique_handle writable = make_event();
    pool_wait wait; // last: ends first
};

class socket_end {
public:
    socket_end(SOCKET s, bool owned, transfer_kind k)
        : socket_(s),
          owned_(owned),
          kind_(k),
          news_(std::make_unique<news>(s))
    {
        if (kind_ == transfer_kind::message) {
            packet_ = std::make_unique<std::array<std::byte, datagram_room>>();
            // Else a datagram that nobody took is an error of a later receive.
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
            return r.what() == io_result::status::moved && r.size() == 0 ? io_result::end() : r;
        }
        if (!holds_packet_) {
            const io_result r = receive(*packet_);
            if (r.what() != io_result::status::moved)
                return r;
            held_ = r.size();
            holds_packet_ = true;
        }
        if (held_ > in.size())
            return io_result::larger(held_);
        holds_packet_ = false;
        std::copy_n(packet_->begin(), held_, in.begin());
        return io_result::moved(held_);
    }

    io_result try_write(std::span<const byte_view> out) noexcept
    {
        std::array<WSABUF, max_parts> parts;
        DWORD n = 0;
        std::size_t total = 0;
        for (const byte_view p : out) {
            if (n == parts.size())
                break;
            parts[n++] = {static_cast<ULONG>(std::min<std::size_t>(p.size(), ULONG_MAX)),
                          reinterpret_cast<char*>(const_cast<std::byte*>(p.data()))};
            total += p.size();
        }
        if (kind_ == transfer_kind::message) {
            if (total > largest_datagram || n < out.size())
                return io_result::failed(system_error(WSAEMSGSIZE));
        } else if (total == 0)
            return io_result::moved(0);
        ::ResetEvent(news_->writable.get());
        DWORD sent = 0;
        if (::WSASend(socket_, parts.data(), n, &sent, 0, nullptr, nullptr) != 0)
            return failure(); // there will be news of room
        ::SetEvent(news_->writable.get());
        return io_result::moved(sent);
    }

    [[nodiscard]] readiness arm(direction d) noexcept
    {
        if (d == direction::read && holds_packet_)
            return readiness::now();
        return readiness::readable((d == direction::read ? news_->readable : news_->writable).get());
    }
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
    // Sockets are not inherited as handles: how Windows takes them over is another way.
    error_code set_inheritable(bool on) noexcept { return on ? errc::unsupported : errc(); }

private:
    io_result receive(std::span<std::byte> in) noexcept
    {
        WSABUF part{static_cast<ULONG>(std::min<std::size_t>(in.size(), ULONG_MAX)),
                    reinterpret_cast<char*>(in.data())};
        DWORD n = 0;
        DWORD flags = 0;
        ::ResetEvent(news_->readable.get());
        if (::WSARecv(socket_, &part, 1, &n, &flags, nullptr, nullptr) != 0)
            return failure();
        // There may be more, of which there is no news until it was asked for; and of an end there is none again.
        ::SetEvent(news_->readable.get());
        return io_result::moved(n);
    }
    SOCKET forget() noexcept
    {
        const SOCKET s = std::exchange(socket_, INVALID_SOCKET);
        news_->wait.stop();
        ::WSAEventSelect(s, nullptr, 0);
        news_.reset();
        return s;
    }

    SOCKET socket_;
    bool owned_;
    transfer_kind kind_;
    std::unique_ptr<news> news_;
    std::unique_ptr<std::array<std::byte, datagram_room>> packet_;
    std::size_t held_ = 0;
    bool holds_packet_ = false;
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

descriptor open_socket(SOCKET s, bool owned)
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
    return socket_end(s, owned, type == SOCK_STREAM ? transfer_kind::stream : transfer_kind::message);
}

} // namespace ferrule::windows
