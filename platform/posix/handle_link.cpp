#include <ferrule/handle_link.hpp>

#include "platform/posix/file_io.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace ferrule {
namespace detail {

/// What has arrived beside the bytes of a link, and what is to leave with them.
class handle_traffic {
public:
    struct arrival {
        std::vector<passed_handle> handles;
        bool is_cut = false;
    };

    void arrived(arrival a)
    {
        const std::lock_guard guard(mutex_);
        waiting_ += a.handles.size();
        if (waiting_ > most) { // nobody asks for them: do not let a peer fill our table of descriptors
            waiting_ -= a.handles.size();
            a = {{}, true};
        }
        arrivals_.push_back(std::move(a));
    }
    [[nodiscard]] arrival take()
    {
        const std::lock_guard guard(mutex_);
        if (arrivals_.empty())
            return {};
        arrival a = std::move(arrivals_.front());
        arrivals_.pop_front();
        waiting_ -= a.handles.size();
        return a;
    }

    /// The bytes at `place` are to bring this handle.
    void leave_with(const std::byte* place, passed_handle h)
    {
        const std::lock_guard guard(mutex_);
        leaving_.insert_or_assign(place, std::move(h));
    }
    void forget(const std::byte* place) noexcept
    {
        const std::lock_guard guard(mutex_);
        leaving_.erase(place);
    }
    [[nodiscard]] native_handle_type leaving_with(const std::byte* place) noexcept
    {
        const std::lock_guard guard(mutex_);
        const auto found = leaving_.find(place);
        return found == leaving_.end() ? invalid_handle : found->second.native_handle();
    }

private:
    static constexpr std::size_t most = 1024;

    std::mutex mutex_;
    std::deque<arrival> arrivals_;
    std::size_t waiting_ = 0;
    std::map<const std::byte*, passed_handle> leaving_;
};

} // namespace detail

namespace {

using detail::handle_traffic;

constexpr std::byte bare{1};
constexpr std::byte with_framing{2};
constexpr std::size_t longest_name = 255;
constexpr std::size_t longest_frame = 2 + longest_name;

constexpr std::size_t handles_at_most = 253; // in one message, for Linux (SCM_MAX_FD)

class link_socket {
public:
    link_socket(int fd, std::shared_ptr<handle_traffic> t) noexcept : fd_(fd), traffic_(std::move(t)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(handles_at_most * sizeof(int))> beside;
        iovec part{in.data(), in.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = beside.data();
        message.msg_controllen = beside.size();
        ssize_t n;
        do
            n = ::recvmsg(fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            return failure();
        take_over(message);
        return posix::read_result(n, in.size());
    }

    io_result try_write(std::span<const byte_view> out) noexcept
    {
        // What brings a handle leaves alone, so that the handle is beside it and not beside what comes before.
        std::size_t plain = 0;
        int handle = invalid_handle;
        for (; plain < out.size(); ++plain) {
            handle = out[plain].size() <= longest_frame ? traffic_->leaving_with(out[plain].data()) : invalid_handle;
            if (handle != invalid_handle)
                break;
        }
        iovec parts[posix::max_parts];
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = posix::gather(out.first(std::max<std::size_t>(plain, 1)), parts);
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> beside{};
        if (plain == 0 && handle != invalid_handle) {
            message.msg_control = beside.data();
            message.msg_controllen = beside.size();
            cmsghdr* const c = CMSG_FIRSTHDR(&message);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof handle);
            std::memcpy(CMSG_DATA(c), &handle, sizeof handle);
        }
        ssize_t n;
        do
            n = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n >= 0 ? io_result::moved(static_cast<std::size_t>(n)) : failure();
    }

    readiness arm(direction d) noexcept
    {
        return d == direction::read ? readiness::readable(fd_) : readiness::writable(fd_);
    }
    void close() noexcept
    {
        if (const int fd = std::exchange(fd_, invalid_handle); fd != invalid_handle)
            ::close(fd);
    }
    error_code shutdown_write() noexcept { return ::shutdown(fd_, SHUT_WR) == 0 ? error_code() : posix::last_error(); }
    native_handle_type native_handle() const noexcept { return fd_; }
    native_handle_type release() noexcept { return std::exchange(fd_, invalid_handle); }

private:
    static io_result failure() noexcept
    {
        const int e = errno;
        if (e == EAGAIN || e == EWOULDBLOCK)
            return io_result::would_block();
        return io_result::failed({e, boost::system::system_category()});
    }

    void take_over(msghdr& message) noexcept
    {
        handle_traffic::arrival a;
        a.is_cut = (message.msg_flags & MSG_CTRUNC) != 0;
        std::array<int, handles_at_most> fds;
        std::size_t n = 0;
        for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                continue;
            n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            std::memcpy(fds.data(), CMSG_DATA(c), n * sizeof(int));
        }
        if (n == 0 && !a.is_cut)
            return;
        try {
            a.handles.reserve(n);
            for (std::size_t i = 0; i < n; ++i)
                a.handles.emplace_back(std::exchange(fds[i], invalid_handle));
            traffic_->arrived(std::move(a));
        } catch (const std::bad_alloc&) { // then the byte comes without its handle, which is reported
            for (std::size_t i = 0; i < n; ++i) {
                if (fds[i] != invalid_handle)
                    ::close(fds[i]);
            }
        }
    }

    int fd_;
    std::shared_ptr<handle_traffic> traffic_;
};

} // namespace

passed_handle::passed_handle(const endpoint& e, std::string framing) : framing_(std::move(framing))
{
    const detail::handle_use use(e.channel()); // nobody closes it meanwhile
    if (use.get() == invalid_handle)
        throw_error(errc::closed);
    handle_ = ::fcntl(use.get(), F_DUPFD_CLOEXEC, 3);
    if (handle_ == invalid_handle)
        throw_error(posix::last_error());
}

passed_handle::~passed_handle()
{
    if (handle_ != invalid_handle)
        ::close(handle_);
}

decode_result handles::decode(byte_view buffered, const limits&) const noexcept
{
    if (buffered.empty())
        return decode_result::need_more(1);
    if (buffered.front() != with_framing)
        return decode_result::frame(0, 1);
    if (buffered.size() < 2)
        return decode_result::need_more(1);
    const std::size_t size = 2 + std::to_integer<std::size_t>(buffered[1]);
    return buffered.size() < size ? decode_result::need_more(size - buffered.size()) : decode_result::frame(0, size);
}

error_code handles::encode(const passed_handle& h, const limits&, encoded& out) const
{
    if (h.native_handle() == invalid_handle)
        return errc::bad_descriptor;
    if (h.framing().size() > longest_name)
        return errc::too_large;
    passed_handle own(::fcntl(h.native_handle(), F_DUPFD_CLOEXEC, 3)); // the caller's may be closed before it has left
    if (own.native_handle() == invalid_handle)
        return posix::last_error();
    bytes frame;
    if (h.framing().empty())
        frame.append(byte_view(&bare, 1));
    else {
        const std::byte head[] = {with_framing, static_cast<std::byte>(h.framing().size())};
        frame.append(head);
        frame.append(h.framing());
    }
    const byte_view place = out.hold(std::move(frame));
    traffic_->leave_with(place.data(), std::move(own));
    out.gather(place);
    // As long as the frame, in all its copies.
    const auto forget = [t = traffic_, p = place.data()](const encoded::watcher* w) {
        t->forget(p);
        delete w;
    };
    out.watch(std::shared_ptr<const encoded::watcher>(new encoded::watcher([](std::size_t, std::size_t) {}), forget));
    return {};
}

passed_handle handles::load(const bytes& payload) const
{
    handle_traffic::arrival a = traffic_->take();
    if (a.is_cut)
        throw_error(errc::packet_truncated);
    const bool named = payload.size() > 1;
    if (a.handles.size() != 1 || (!named && payload.data()[0] != bare))
        throw_error(errc::malformed);
    return passed_handle(a.handles.front().release(), std::string(named ? payload.text().substr(2) : ""));
}

detail::link_parts detail::open_link(native_handle_type socket)
{
    int domain = 0;
    int type = 0;
    socklen_t size = sizeof domain;
    if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
        throw_error(errc::bad_descriptor);
    size = sizeof type;
    if (::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || domain != AF_UNIX || type != SOCK_STREAM)
        throw_error(errc::unsupported);
    ::fcntl(socket, F_SETFD, FD_CLOEXEC);
    auto traffic = std::make_shared<handle_traffic>();
    return {link_socket(socket, traffic), handles(traffic)};
}

handle_link open_handle_link(native_handle_type socket)
{
    detail::link_parts parts = detail::open_link(socket);
    return {duplex(std::move(parts.socket)), std::move(parts.handles)};
}

std::pair<handle_link, handle_link> handle_link_pair()
{
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        throw_error(posix::last_error());
    handle_link first = open_handle_link(fds[0]);
    return {std::move(first), open_handle_link(fds[1])};
}

} // namespace ferrule
