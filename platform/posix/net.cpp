#include "platform/caught.hpp"
#include "platform/posix/file_io.hpp"
#include "platform/posix/socket_file.hpp"
#include "platform/sockaddr.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace ferrule::os {
namespace {

using posix::last_error;

bool set_option(const unique_handle& socket, int level, int option, int value) noexcept
{
    return ::setsockopt(socket.get(), level, option, &value, sizeof value) == 0;
}

/// For connections to or at `a`. Negative on error.
int new_socket(const native_address& a) noexcept
{
    const int type = a.packets ? SOCK_SEQPACKET : SOCK_STREAM;
    return ::socket(as_sockaddr(a)->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/// Sets up a socket, from which accepted ones inherit. `at` is its address, or that of its peer.
bool set_tcp(const unique_handle& socket, const native_address& at, const detail::tcp_settings& s) noexcept
{
    if (at.type != native_address::kind::ip)
        return true;
    const bool v6 = is_ipv6(at);
    const auto set = [&](int level, int option, int value) { return set_option(socket, level, option, value); };
    return set(IPPROTO_TCP, TCP_NODELAY, s.no_delay ? 1 : 0) &&
           (!s.keep_alive ||
            (set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(s.keep_alive->idle.count())) &&
             set(IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(s.keep_alive->interval.count())) &&
             set(IPPROTO_TCP, TCP_KEEPCNT, s.keep_alive->count) && set(SOL_SOCKET, SO_KEEPALIVE, 1))) &&
           (s.user_timeout.count() == 0 ||
            set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(s.user_timeout.count()))) &&
           (s.traffic_class == 0 || set(v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS, s.traffic_class));
}

/// A new folder that only this user may enter.
class private_folder {
public:
    private_folder()
    {
        const char* const t = std::getenv("TMPDIR");
        path_ = std::string(t != nullptr && *t != '\0' ? t : "/tmp") + "/ferrule-XXXXXXXX";
        if (::mkdtemp(path_.data()) == nullptr)
            throw error(last_error(), "ferrule: folder " + path_);
    }
    private_folder(const private_folder&) = delete;
    private_folder& operator=(const private_folder&) = delete;
    ~private_folder() { ::rmdir(path_.c_str()); }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
};

class listening_socket final : public listening {
public:
    listening_socket(const native_address& a, const listening_settings& s, std::unique_ptr<private_folder> f = {})
        : folder_(std::move(f)),
          socket_(posix::checked(new_socket(a)))
    {
        std::optional<posix::folder_lock> lock; // until it listens
        if (a.type == native_address::kind::unix_path) {
            lock.emplace(text_of(a).name);
            file_.emplace(socket_.get(), a, s.permissions, *lock);
        } else if (!set_up(a, s) || ::bind(socket_.get(), as_sockaddr(a), static_cast<socklen_t>(a.bytes.size())) != 0)
            throw_error(last_error());
        if (::listen(socket_.get(), s.backlog) != 0)
            throw_error(last_error());
    }
    explicit listening_socket(unique_handle socket) noexcept : socket_(std::move(socket)) {}

    [[nodiscard]] native_address where() const override
    {
        native_address a = name_of(socket_.get(), &last_error);
        int type = 0;
        socklen_t size = sizeof type;
        a.packets = ::getsockopt(socket_.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
        return a;
    }
    [[nodiscard]] readiness wait_handle() const noexcept override { return readiness::readable(socket_.get()); }
    [[nodiscard]] std::optional<descriptor> accept(error_code& ec) noexcept override
    {
        int fd;
        do
            fd = ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
        if (fd < 0) {
            if (!is_would_block(last_error()))
                ec = last_error();
            return std::nullopt;
        }
        unique_handle accepted(fd);
        return try_make([&] { return accepted.adopt(); }, ec);
    }

private:
    bool set_up(const native_address& a, const listening_settings& s) noexcept
    {
        if (a.type != native_address::kind::ip)
            return true;
        // Without it a server could not start again while connections of the one before still end.
        return (!s.reuse_address || set_option(socket_, SOL_SOCKET, SO_REUSEADDR, 1)) &&
               (!s.reuse_port || set_option(socket_, SOL_SOCKET, SO_REUSEPORT, 1)) &&
               (!is_ipv6(a) || set_option(socket_, IPPROTO_IPV6, IPV6_V6ONLY, s.only_ipv6 ? 1 : 0)) &&
               set_tcp(socket_, a, s.tcp);
    }

    std::unique_ptr<private_folder> folder_; // first, so that it is empty when removed
    std::optional<posix::socket_file> file_;
    unique_handle socket_;
};

class socket_attempt final : public attempt {
public:
    socket_attempt(const native_address& to, const connect_settings& s) noexcept : socket_(new_socket(to))
    {
        if (!socket_.is_open() || !set_up(to, s)) {
            failed_ = last_error();
            return;
        }
        int r;
        do
            r = ::connect(socket_.get(), as_sockaddr(to), static_cast<socklen_t>(to.bytes.size()));
        while (r != 0 && errno == EINTR);
        if (r != 0 && errno != EINPROGRESS)
            failed_ = last_error();
    }

    [[nodiscard]] readiness wait_handle() const noexcept override { return readiness::writable(socket_.get()); }
    [[nodiscard]] std::optional<descriptor> result(error_code& ec) noexcept override
    {
        if ((ec = failed_))
            return std::nullopt;
        if (posix::ready(socket_.get(), POLLOUT) == 0) // SO_ERROR is meaningless until then
            return std::nullopt;
        int e = 0;
        socklen_t size = sizeof e;
        if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &e, &size) != 0)
            e = errno;
        if ((ec = {e, boost::system::system_category()}))
            return std::nullopt;
        ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) & ~O_NONBLOCK); // as accepted ones
        return try_make([&] { return socket_.adopt(); }, ec);
    }

private:
    // Before connecting, because some options are for the first packet too.
    bool set_up(const native_address& to, const connect_settings& s) noexcept
    {
        if (s.local && ::bind(socket_.get(), as_sockaddr(*s.local), static_cast<socklen_t>(s.local->bytes.size())) != 0)
            return false;
        return set_tcp(socket_, to, s.tcp);
    }

    unique_handle socket_;
    error_code failed_;
};

} // namespace

std::unique_ptr<listening> listen_at(const native_address& a, const listening_settings& s)
{
    return std::make_unique<listening_socket>(a, s);
}

std::unique_ptr<listening> listen_anywhere(const listening_settings& s)
{
    auto folder = std::make_unique<private_folder>();
    const native_address at = unix_address(folder->path() + "/listener");
    return std::make_unique<listening_socket>(at, s, std::move(folder));
}

std::unique_ptr<listening> adopt_listening(native_handle_type socket)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    if (::getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0)
        throw_error(last_error());
    if (listens == 0)
        throw_error(errc::bad_descriptor);
    // No call accepts without waiting otherwise, where another process may have taken the connection.
    if (::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK) != 0 ||
        ::fcntl(socket, F_SETFD, FD_CLOEXEC) != 0)
        throw_error(last_error());
    unique_handle owned(socket);
    try {
        return std::make_unique<listening_socket>(std::move(owned));
    } catch (...) {
        (void)owned.release();
        throw;
    }
}

native_handle_type handle_of(int number)
{
    return number;
}

std::vector<passed_socket> passed_sockets()
{
    constexpr int first = 3; // SD_LISTEN_FDS_START
    const auto number = [](const char* variable) {
        const char* const text = std::getenv(variable);
        return text != nullptr ? std::strtol(text, nullptr, 10) : 0;
    };
    std::vector<passed_socket> all;
    if (number("LISTEN_PID") != ::getpid())
        return all;
    const char* const given = std::getenv("LISTEN_FDNAMES");
    std::string_view names = given != nullptr ? given : "";
    for (int i = 0; i < number("LISTEN_FDS"); ++i) {
        const std::size_t end = std::min(names.find(':'), names.size());
        // Whoever takes one makes it close-on-exec. Its number may stand for something else later.
        const int flags = ::fcntl(first + i, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0)
            all.push_back({std::string(names.substr(0, end)), first + i});
        names.remove_prefix(std::min(end + 1, names.size()));
    }
    return all;
}

native_address unix_address(const std::string& path)
{
    return unix_sockaddr(native_address::kind::unix_path, path);
}

native_address abstract_address(const std::string& name)
{
    return unix_sockaddr(native_address::kind::unix_abstract, name);
}

native_address pipe_address(const std::string&)
{
    throw_error(errc::unsupported);
}

std::vector<native_address> look_up(const std::string& host, const std::string& service, bool only_numbers,
                                    error_code& ec, bool datagrams)
{
    addrinfo hints{};
    hints.ai_socktype = datagrams ? SOCK_DGRAM : SOCK_STREAM;
    hints.ai_flags = only_numbers ? AI_NUMERICHOST : 0;
    addrinfo* found = nullptr;
    const int e = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
    switch (e) {
    case 0: break;
    case EAI_SYSTEM: ec = posix::last_error(); return {};
    case EAI_MEMORY: ec = detail::no_memory(); return {};
    case EAI_SERVICE: ec = boost::asio::error::service_not_found; return {};
    case EAI_AGAIN: ec = boost::asio::error::host_not_found_try_again; return {};
    default: ec = boost::asio::error::host_not_found; return {};
    }
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, &::freeaddrinfo);
    return addresses_of(found);
}

bool is_would_block(const error_code& ec) noexcept
{
    return ec.category() == boost::system::system_category() && (ec.value() == EAGAIN || ec.value() == EWOULDBLOCK);
}

bool is_exhausted(const error_code& ec) noexcept
{
    return ec.category() == boost::system::system_category() &&
           (ec.value() == EMFILE || ec.value() == ENFILE || ec.value() == ENOBUFS || ec.value() == ENOMEM);
}

std::unique_ptr<attempt> start_connect(const native_address& to, const connect_settings& s)
{
    return std::make_unique<socket_attempt>(to, s);
}

} // namespace ferrule::os
