// Listening TCP and unix sockets, and connections to them.
#include "platform/caught.hpp"
#include "platform/windows/net.hpp"

#include <mstcpip.h>

namespace ferrule::windows {
namespace {

constexpr int keep_alive_count = 16; // TCP_KEEPCNT, which MinGW's headers lack

void set_tcp(const unique_socket& socket, os::native_address::kind k, const detail::tcp_settings& s)
{
    if (k != os::native_address::kind::ip)
        return;
    if (s.no_delay)
        set_option(socket.get(), IPPROTO_TCP, TCP_NODELAY);
    if (s.keep_alive) {
        const auto milliseconds = [](std::chrono::milliseconds d) { return static_cast<ULONG>(d.count()); };
        tcp_keepalive probes{TRUE, milliseconds(s.keep_alive->idle), milliseconds(s.keep_alive->interval)};
        DWORD n = 0;
        check(::WSAIoctl(socket.get(), SIO_KEEPALIVE_VALS, &probes, sizeof probes, nullptr, 0, &n, nullptr, nullptr));
        // Windows before version 1703, and Wine, do not know it.
        const int count = s.keep_alive->count;
        ::setsockopt(socket.get(), IPPROTO_TCP, keep_alive_count, reinterpret_cast<const char*>(&count), sizeof count);
    }
    if (s.user_timeout.count() != 0 || s.traffic_class != 0)
        throw_error(errc::unsupported);
}

/// The file of a unix socket. The destructor removes it.
struct socket_file {
    socket_file() = default;
    socket_file(const socket_file&) = delete;
    socket_file& operator=(const socket_file&) = delete;
    ~socket_file()
    {
        if (!path.empty())
            ::DeleteFileW(path.c_str());
    }

    std::wstring path;
};

class listening_socket final : public os::listening {
public:
    listening_socket(const os::native_address& a, const os::listening_settings& s)
        : kind_(a.type),
          tcp_(s.tcp),
          socket_(new_stream_socket(os::as_sockaddr(a)->sa_family))
    {
        std::wstring name = kind_ == os::native_address::kind::unix_path ? wide(os::text_of(a).name) : std::wstring();
        if (kind_ == os::native_address::kind::ip)
            set_option(socket_.get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE);
        if (s.reuse_port)
            throw_error(errc::unsupported);
        if (os::is_ipv6(a))
            set_option(socket_.get(), IPPROTO_IPV6, IPV6_V6ONLY, s.only_ipv6);
        check(::bind(socket_.get(), os::as_sockaddr(a), static_cast<int>(a.bytes.size())));
        file_.path = std::move(name);
        check(::listen(socket_.get(), s.backlog));
        check(::WSAEventSelect(socket_.get(), ready_.get(), FD_ACCEPT)); // makes it non-blocking
    }

    [[nodiscard]] os::native_address where() const override { return os::name_of(socket_.get(), &last_socket_error); }
    [[nodiscard]] readiness wait_handle() const noexcept override { return readiness::readable(ready_.get()); }
    [[nodiscard]] std::optional<descriptor> accept(error_code& ec) noexcept override
    {
        // Accepting lets Windows signal again, immediately if more peers wait. If Wine is about to report a peer that was
        // accepted meanwhile, it signals for nobody, and then never again. So only reported peers are accepted.
        if (::WaitForSingleObject(ready_.get(), 0) != WAIT_OBJECT_0)
            return std::nullopt;
        ::ResetEvent(ready_.get());
        const SOCKET s = ::accept(socket_.get(), nullptr, nullptr);
        if (s == INVALID_SOCKET && (::WSAGetLastError() == WSAEWOULDBLOCK || ::WSAGetLastError() == WSAECONNRESET))
            return std::nullopt; // the peer has gone
        if (s == INVALID_SOCKET)
            ::SetEvent(ready_.get()); // the peer still waits
        return os::try_make(
            [&] {
                unique_socket accepted(s);
                ::WSAEventSelect(s, nullptr, 0); // it would signal the listener's event
                set_tcp(accepted, kind_, tcp_);
                return accepted.adopt();
            },
            ec);
    }

private:
    os::native_address::kind kind_;
    detail::tcp_settings tcp_;
    unique_handle ready_ = make_event();
    unique_socket socket_;
    socket_file file_;
};

class socket_attempt final : public os::attempt {
public:
    socket_attempt(const os::native_address& to, const os::connect_settings& s)
        : socket_(new_stream_socket(os::as_sockaddr(to)->sa_family))
    {
        try {
            set_up(to, s);
        } catch (const error& e) {
            failed_ = e.code();
            return;
        }
        check(::WSAEventSelect(socket_.get(), ready_.get(), FD_CONNECT));
        if (::connect(socket_.get(), os::as_sockaddr(to), static_cast<int>(to.bytes.size())) == 0)
            ::SetEvent(ready_.get());
        else if (::WSAGetLastError() != WSAEWOULDBLOCK)
            failed_ = last_socket_error();
    }

    [[nodiscard]] readiness wait_handle() const noexcept override { return readiness::readable(ready_.get()); }
    [[nodiscard]] std::optional<descriptor> result(error_code& ec) noexcept override
    {
        if ((ec = failed_))
            return std::nullopt;
        if (::WaitForSingleObject(ready_.get(), 0) != WAIT_OBJECT_0)
            return std::nullopt;
        WSANETWORKEVENTS what{};
        if (::WSAEnumNetworkEvents(socket_.get(), nullptr, &what) != 0)
            ec = last_socket_error();
        else
            ec = system_error(static_cast<DWORD>(what.iErrorCode[FD_CONNECT_BIT]));
        if (ec)
            return std::nullopt;
        ::WSAEventSelect(socket_.get(), nullptr, 0);
        return os::try_make([&] { return socket_.adopt(); }, ec);
    }

private:
    void set_up(const os::native_address& to, const os::connect_settings& s)
    {
        if (s.local)
            check(::bind(socket_.get(), os::as_sockaddr(*s.local), static_cast<int>(s.local->bytes.size())));
        set_tcp(socket_, to.type, s.tcp);
    }

    unique_handle ready_ = make_event();
    unique_socket socket_;
    error_code failed_;
};

} // namespace

void check(int result)
{
    if (result != 0)
        throw_error(last_socket_error());
}

unique_socket new_stream_socket(int family)
{
    start_sockets();
    return unique_socket(
        ::WSASocketW(family, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
}

void set_option(SOCKET s, int level, int option, bool on)
{
    const BOOL value = on ? TRUE : FALSE;
    check(::setsockopt(s, level, option, reinterpret_cast<const char*>(&value), sizeof value));
}

std::unique_ptr<os::listening> listen_at_socket(const os::native_address& a, const os::listening_settings& s)
{
    return std::make_unique<listening_socket>(a, s);
}

std::unique_ptr<os::attempt> connect_socket(const os::native_address& to, const os::connect_settings& s)
{
    return std::make_unique<socket_attempt>(to, s);
}

} // namespace ferrule::windows
