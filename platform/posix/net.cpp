#include "platform/net.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

namespace ferrule::os {
namespace {

error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

socket_handle checked(int fd)
{
    if (fd < 0)
        throw_error(last_error());
    return socket_handle(fd);
}

const sockaddr* as_sockaddr(const resolved_address& a) noexcept
{
    return reinterpret_cast<const sockaddr*>(a.bytes.data());
}

void set_blocking(int fd, bool on) noexcept
{
    const int flags = ::fcntl(fd, F_GETFL);
    ::fcntl(fd, F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

// What is small leaves at once: a header would otherwise wait for the acknowledgement of what came before it.
void set_no_delay(int fd) noexcept
{
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); // fails where there is no delay
}

epoll_event interest(native_handle_type h, direction d) noexcept
{
    epoll_event e{};
    e.events = d == direction::read ? EPOLLIN : EPOLLOUT;
    e.data.fd = h;
    return e;
}

} // namespace

socket_handle::~socket_handle()
{
    if (is_open())
        ::close(handle_);
}

socket_handle listen_at(const address& a, int backlog)
{
    const resolved_address at = resolve(a).front();
    socket_handle s = checked(::socket(as_sockaddr(at)->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (a.kind() == address::family::tcp)
        ::setsockopt(s.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(s.get(), as_sockaddr(at), static_cast<socklen_t>(at.bytes.size())) != 0 ||
        ::listen(s.get(), backlog) != 0)
        throw error(last_error(), "ferrule: listening at " + a.to_string());
    return s;
}

address local_address(native_handle_type listening, address::family f)
{
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(listening, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        throw_error(last_error());
    if (f != address::family::tcp) {
        const auto* const un = reinterpret_cast<const sockaddr_un*>(&storage);
        const std::string path(un->sun_path, size - offsetof(sockaddr_un, sun_path));
        return f == address::family::unix_abstract ? address::unix_abstract(path.substr(1))
                                                   : address::unix_path(path.c_str());
    }
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> port{};
    if (::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), size, host.data(), host.size(), port.data(),
                      port.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        throw_error(errc::bad_descriptor);
    return address::tcp(host.data(), static_cast<std::uint16_t>(std::atoi(port.data())));
}

void remove_socket_file(const address& a) noexcept
{
    if (a.kind() == address::family::unix_path)
        ::unlink(a.name().c_str());
}

std::string make_private_folder()
{
    const char* const t = std::getenv("TMPDIR");
    std::string path = std::string(t != nullptr && *t != '\0' ? t : "/tmp") + "/ferrule-XXXXXXXX";
    if (::mkdtemp(path.data()) == nullptr)
        throw error(last_error(), "ferrule: folder " + path);
    return path;
}

void remove_folder(const std::string& path) noexcept
{
    ::rmdir(path.c_str());
}

socket_handle accept_from(native_handle_type listening, error_code& ec) noexcept
{
    int fd;
    do
        fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0)
        ec = last_error();
    else
        set_no_delay(fd);
    return socket_handle(fd < 0 ? invalid_handle : fd);
}

bool is_this_user(native_handle_type connected) noexcept
{
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(connected, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && size == sizeof peer &&
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

socket_handle start_connect(const resolved_address& to, bool& finished, error_code& ec) noexcept
{
    finished = false;
    socket_handle s(::socket(as_sockaddr(to)->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!s.is_open()) {
        ec = last_error();
        return s;
    }
    set_no_delay(s.get());
    int r;
    do
        r = ::connect(s.get(), as_sockaddr(to), static_cast<socklen_t>(to.bytes.size()));
    while (r != 0 && errno == EINTR);
    if (r == 0) {
        finished = true;
        set_blocking(s.get(), true);
    } else if (errno != EINPROGRESS)
        ec = last_error();
    return s;
}

error_code finish_connect(native_handle_type h) noexcept
{
    int e = 0;
    socklen_t size = sizeof e;
    if (::getsockopt(h, SOL_SOCKET, SO_ERROR, &e, &size) != 0)
        return last_error();
    set_blocking(h, true);
    return {e, boost::system::system_category()};
}

io_result receive_some(native_handle_type h, std::span<std::byte> in) noexcept
{
    ssize_t n;
    do
        n = ::recv(h, in.data(), in.size(), MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return io_result::moved(static_cast<std::size_t>(n));
    if (n == 0)
        return io_result::end();
    const error_code ec = last_error();
    return is_would_block(ec) ? io_result::would_block() : io_result::failed(ec);
}

io_result send_some(native_handle_type h, byte_view out) noexcept
{
    ssize_t n;
    do
        n = ::send(h, out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return io_result::moved(static_cast<std::size_t>(n));
    const error_code ec = last_error();
    return is_would_block(ec) ? io_result::would_block() : io_result::failed(ec);
}

poll_set::poll_set()
    : events_(checked(::epoll_create1(EPOLL_CLOEXEC))),
      timer_(checked(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)))
{
    if (const error_code ec = add(timer_.get(), direction::read))
        throw_error(ec);
}

error_code poll_set::add(native_handle_type h, direction d) noexcept
{
    epoll_event e = interest(h, d);
    return ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, h, &e) == 0 ? error_code() : last_error();
}

void poll_set::change(native_handle_type h, direction d) noexcept
{
    epoll_event e = interest(h, d);
    ::epoll_ctl(events_.get(), EPOLL_CTL_MOD, h, &e);
}

void poll_set::remove(native_handle_type h) noexcept
{
    ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, h, nullptr);
}

void poll_set::set_time(const deadline& d) noexcept
{
    using namespace std::chrono;
    itimerspec at{}; // zero: never
    if (!d.is_never()) {
        const auto since = std::max<nanoseconds>(d.at().time_since_epoch(), nanoseconds(1));
        at.it_value = {static_cast<std::time_t>(floor<seconds>(since).count()),
                       static_cast<long>((since - floor<seconds>(since)).count())};
    }
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

std::size_t poll_set::ready(std::span<native_handle_type> out) noexcept
{
    std::array<epoll_event, 64> events;
    int n;
    do
        n = ::epoll_wait(events_.get(), events.data(), static_cast<int>(std::min(events.size(), out.size())), 0);
    while (n < 0 && errno == EINTR);
    for (int i = 0; i < n; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        out[static_cast<std::size_t>(i)] = fd == timer_.get() ? invalid_handle : fd;
    }
    return n < 0 ? 0 : static_cast<std::size_t>(n);
}

} // namespace ferrule::os
