#include "platform/net.hpp"
#include "platform/posix/file_io.hpp"
#include "platform/posix/unique_fd.hpp"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

namespace ferrule::os {
namespace {

using posix::last_error;
using posix::unique_fd;

const sockaddr* as_sockaddr(const resolved_address& a) noexcept
{
    return reinterpret_cast<const sockaddr*>(a.bytes.data());
}

// What is small leaves at once: a header would otherwise wait for the acknowledgement of what came before it.
void set_no_delay(int fd) noexcept
{
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // fails where there is no delay
}

/// Takes the socket over, or says why not.
std::optional<descriptor> adopt_socket(unique_fd& fd, error_code& ec) noexcept
{
    return made_by(
        [&] {
            descriptor d = detail::own(fd.get());
            (void)fd.release();
            return d;
        },
        ec);
}

/// A new folder that nobody else may enter.
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

/// The file of a unix socket, which is removed in the end.
class socket_file {
public:
    explicit socket_file(std::string path) noexcept : path_(std::move(path)) {}
    socket_file(const socket_file&) = delete;
    socket_file& operator=(const socket_file&) = delete;
    ~socket_file() { ::unlink(path_.c_str()); }

private:
    std::string path_;
};

class listening_socket final : public listening {
public:
    listening_socket(const address& a, int backlog, std::unique_ptr<private_folder> f = {})
        : folder_(std::move(f)),
          at_(a)
    {
        const resolved_address at = resolve(a).front();
        std::string name = a.name();
        socket_ = posix::checked(::socket(as_sockaddr(at)->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const int on = 1;
        if (a.kind() == address::family::tcp)
            ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const bool bound = ::bind(socket_.get(), as_sockaddr(at), static_cast<socklen_t>(at.bytes.size())) == 0;
        if (bound && a.kind() == address::family::unix_path)
            file_.emplace(std::move(name));
        if (!bound || ::listen(socket_.get(), backlog) != 0)
            throw error(last_error(), "ferrule: listening at " + a.to_string());
        at_ = find_name();
    }

    [[nodiscard]] address where() const override { return at_; }
    [[nodiscard]] readiness news() const noexcept override { return readiness::readable(socket_.get()); }
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
        set_no_delay(fd);
        unique_fd accepted(fd);
        return adopt_socket(accepted, ec);
    }

private:
    [[nodiscard]] address find_name() const
    {
        sockaddr_storage storage{};
        socklen_t size = sizeof storage;
        if (::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
            throw_error(last_error());
        if (at_.kind() != address::family::tcp) {
            const auto* const un = reinterpret_cast<const sockaddr_un*>(&storage);
            const std::string path(un->sun_path, size - offsetof(sockaddr_un, sun_path));
            return at_.kind() == address::family::unix_abstract ? address::unix_abstract(path.substr(1))
                                                                : address::unix_path(path.c_str());
        }
        std::array<char, NI_MAXHOST> host{};
        std::array<char, NI_MAXSERV> port{};
        if (::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, host.data(), host.size(), port.data(),
                          port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
            throw_error(errc::bad_descriptor);
        return address::tcp(host.data(), static_cast<std::uint16_t>(std::atoi(port.data())));
    }

    std::unique_ptr<private_folder> folder_; // first: removed last, when it is empty
    std::optional<socket_file> file_;
    address at_;
    unique_fd socket_;
};

class socket_attempt final : public attempt {
public:
    explicit socket_attempt(const resolved_address& to) noexcept
        : socket_(::socket(as_sockaddr(to)->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))
    {
        if (!socket_.is_open()) {
            failed_ = last_error();
            return;
        }
        set_no_delay(socket_.get());
        int r;
        do
            r = ::connect(socket_.get(), as_sockaddr(to), static_cast<socklen_t>(to.bytes.size()));
        while (r != 0 && errno == EINTR);
        if (r != 0 && errno != EINPROGRESS)
            failed_ = last_error();
    }

    [[nodiscard]] readiness news() const noexcept override { return readiness::writable(socket_.get()); }
    [[nodiscard]] std::optional<descriptor> result(error_code& ec) noexcept override
    {
        if ((ec = failed_))
            return std::nullopt;
        if (posix::ready(socket_.get(), POLLOUT) == 0) // until then SO_ERROR says nothing
            return std::nullopt;
        int e = 0;
        socklen_t size = sizeof e;
        if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &e, &size) != 0)
            e = errno;
        if ((ec = {e, boost::system::system_category()}))
            return std::nullopt;
        ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) & ~O_NONBLOCK); // as accepted ones are
        return adopt_socket(socket_, ec);
    }

private:
    unique_fd socket_;
    error_code failed_;
};

} // namespace

std::unique_ptr<listening> listen_at(const address& a, int backlog)
{
    return std::make_unique<listening_socket>(a, backlog);
}

std::unique_ptr<listening> listen_anywhere(int backlog)
{
    auto folder = std::make_unique<private_folder>();
    const address at = address::unix_path(folder->path() + "/listener");
    return std::make_unique<listening_socket>(at, backlog, std::move(folder));
}

bool is_this_user(const detail::any_descriptor& connected) noexcept
{
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(connected.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof peer &&
           peer.pid != 0 && peer.uid == ::geteuid();
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

std::unique_ptr<attempt> start_connect(const resolved_address& to)
{
    return std::make_unique<socket_attempt>(to);
}

} // namespace ferrule::os
