// Sockets that listen, TCP and unix, and connecting to them.
#include "platform/windows/net.hpp"

#include <array>
#include <cstdlib>
#include <ws2tcpip.h>

namespace ferrule::windows {
namespace {

const sockaddr* as_sockaddr(const os::resolved_address& a) noexcept
{
    return reinterpret_cast<const sockaddr*>(a.bytes.data());
}

// What is small leaves at once: a header would otherwise wait for the acknowledgement of what came before it.
void set_no_delay(SOCKET s, address::family f)
{
    if (f == address::family::tcp)
        set_option(s, IPPROTO_TCP, TCP_NODELAY);
}

class listening_socket final : public os::listening {
public:
    listening_socket(const address& a, const os::resolved_address& at, int backlog)
        : at_(a),
          socket_(new_stream_socket(as_sockaddr(at)->sa_family))
    {
        if (a.kind() == address::family::tcp)
            set_option(socket_.get(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE);
        if (::bind(socket_.get(), as_sockaddr(at), static_cast<int>(at.bytes.size())) != 0 ||
            ::listen(socket_.get(), backlog) != 0)
            throw error(last_socket_error(), "ferrule: listening at " + a.to_string());
        check(::WSAEventSelect(socket_.get(), news_.get(), FD_ACCEPT)); // it is non-blocking from now on
        if (a.kind() == address::family::tcp)
            at_ = find_name();
    }
    ~listening_socket() override
    {
        if (at_.kind() == address::family::unix_path)
            ::DeleteFileW(wide(at_.name()).c_str());
    }

    [[nodiscard]] address where() const override { return at_; }
    [[nodiscard]] readiness news() const noexcept override { return readiness::readable(news_.get()); }
    [[nodiscard]] std::optional<descriptor> accept(error_code& ec) noexcept override
    {
        ::ResetEvent(news_.get());
        SOCKET s;
        do
            s = ::accept(socket_.get(), nullptr, nullptr);
        while (s == INVALID_SOCKET && ::WSAGetLastError() == WSAECONNRESET);
        if (s == INVALID_SOCKET && ::WSAGetLastError() == WSAEWOULDBLOCK)
            return std::nullopt;
        ::SetEvent(news_.get()); // there may be more
        return os::made_by(
            [&] {
                unique_socket accepted(s);
                ::WSAEventSelect(s, nullptr, 0); // whose news would go where the listener's do
                set_no_delay(s, at_.kind());
                return accepted.adopt();
            },
            ec);
    }

private:
    [[nodiscard]] address find_name() const
    {
        sockaddr_storage storage{};
        int size = sizeof storage;
        check(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &size));
        std::array<char, NI_MAXHOST> host{};
        std::array<char, NI_MAXSERV> port{};
        check(::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, host.data(), host.size(), port.data(),
                            port.size(), NI_NUMERICHOST | NI_NUMERICSERV));
        return address::tcp(host.data(), static_cast<std::uint16_t>(std::atoi(port.data())));
    }

    address at_;
    unique_handle news_ = make_event();
    unique_socket socket_;
};

class socket_attempt final : public os::attempt {
public:
    explicit socket_attempt(const os::resolved_address& to) : socket_(new_stream_socket(as_sockaddr(to)->sa_family))
    {
        set_no_delay(socket_.get(), to.kind);
        check(::WSAEventSelect(socket_.get(), news_.get(), FD_CONNECT));
        if (::connect(socket_.get(), as_sockaddr(to), static_cast<int>(to.bytes.size())) == 0)
            ::SetEvent(news_.get());
        else if (::WSAGetLastError() != WSAEWOULDBLOCK)
            failed_ = last_socket_error();
    }

    [[nodiscard]] readiness news() const noexcept override { return readiness::readable(news_.get()); }
    [[nodiscard]] std::optional<descriptor> result(error_code& ec) noexcept override
    {
        if ((ec = failed_))
            return std::nullopt;
        if (::WaitForSingleObject(news_.get(), 0) != WAIT_OBJECT_0)
            return std::nullopt;
        WSANETWORKEVENTS what{};
        if (::WSAEnumNetworkEvents(socket_.get(), nullptr, &what) != 0)
            ec = last_socket_error();
        else
            ec = system_error(static_cast<DWORD>(what.iErrorCode[FD_CONNECT_BIT]));
        if (ec)
            return std::nullopt;
        ::WSAEventSelect(socket_.get(), nullptr, 0);
        return os::made_by([&] { return socket_.adopt(); }, ec);
    }

private:
    unique_handle news_ = make_event();
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

void set_option(SOCKET s, int level, int option)
{
    const BOOL on = TRUE;
    check(::setsockopt(s, level, option, reinterpret_cast<const char*>(&on), sizeof on));
}

std::unique_ptr<os::listening> listen_at_socket(const address& a, int backlog)
{
    return std::make_unique<listening_socket>(a, os::resolve(a).front(), backlog);
}

std::unique_ptr<os::attempt> connect_socket(const os::resolved_address& to)
{
    return std::make_unique<socket_attempt>(to);
}

} // namespace ferrule::windows
