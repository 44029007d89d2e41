#include <ferrule/handle_link.hpp>

#include "platform/posix/socket.hpp"
#include "platform/posix/unique_fd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ferrule {
namespace detail {

/// What came with one byte.
class handle_arrival {
public:
    passed_handle handle;
    bool is_several = false; // none of which is kept: nobody could have them
    bool is_cut = false;     // there were more
};

/// What has arrived, by the position of the byte that it came with. Everything here happens under the lock of the link's reading
/// direction.
class handle_arrivals {
public:
    /// Memory for one more, which `add` or `expect_none` follows. Throws `std::bad_alloc`.
    void expect() { waiting_.emplace_back(UINT64_MAX, std::make_shared<handle_arrival>()); }
    void expect_none() noexcept { waiting_.pop_back(); }
    void add(std::uint64_t position, handle_arrival a) noexcept
    {
        waiting_.back().position = position;
        *waiting_.back().what = std::move(a);
        // Nobody asks for them, it seems: a peer must not fill our table of descriptors.
        for (const std::size_t most = max_held(); waiting_.size() > most;) {
            lose(waiting_.front().position + 1);
            waiting_.pop_front();
        }
    }
    /// What came with a byte before `position` may be missing.
    void lose(std::uint64_t position) noexcept { lost_before_ = position; }
    [[nodiscard]] std::shared_ptr<handle_arrival> take(std::uint64_t position) noexcept
    {
        while (!waiting_.empty() && waiting_.front().position < position)
            waiting_.pop_front();
        if (!waiting_.empty() && waiting_.front().position == position)
            return waiting_.front().what;
        return position < lost_before_ ? lost_ : nullptr;
    }
    void clear() noexcept { waiting_.clear(); }

private:
    struct entry {
        entry(std::uint64_t p, std::shared_ptr<handle_arrival> a) noexcept : position(p), what(std::move(a)) {}

        std::uint64_t position;
        std::shared_ptr<handle_arrival> what; // whoever receives has it as well
    };

    static std::size_t max_held() noexcept
    {
        rlimit descriptors{};
        ::getrlimit(RLIMIT_NOFILE, &descriptors);
        return static_cast<std::size_t>(std::min<rlim_t>(1024, descriptors.rlim_cur / 4));
    }

    std::deque<entry> waiting_;
    std::uint64_t lost_before_ = 0;
    std::shared_ptr<handle_arrival> lost_ = [] {
        auto a = std::make_shared<handle_arrival>();
        a->is_cut = true;
        return a;
    }();
};

} // namespace detail

namespace {

using detail::handle_arrival;
using detail::handle_arrivals;

constexpr std::byte bare{1};
constexpr std::byte with_framing{2};
constexpr std::size_t longest_name = 255;

constexpr std::size_t max_handles = 253; // in one message, for Linux (SCM_MAX_FD)

class link_socket : public posix::socket_descriptor {
public:
    link_socket(int fd, std::shared_ptr<handle_arrivals> a) noexcept
        : socket_descriptor(fd, true),
          arrivals_(std::move(a))
    {
    }

    // A read that takes several bytes does not say which of them its handles came with: the system joins what was sent without
    // any to what was sent with them. So handles count only where one byte is read, and all other bytes must come without.
    io_result try_read(std::span<std::byte> in) noexcept
    {
        iovec part{in.data(), in.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        const ssize_t n = recv(message, MSG_PEEK);
        if (n <= 0)
            return read_result(n, in.size());
        const std::span<std::byte> seen = in.first(static_cast<std::size_t>(n));
        if ((message.msg_flags & MSG_CTRUNC) == 0)
            return read(seen);
        const std::size_t first = start_of_last(seen);
        std::size_t done = 0;
        for (const std::span<std::byte> some : {seen.first(first), seen.subspan(first, 1), seen.subspan(first + 1)}) {
            if (some.empty())
                continue;
            const io_result r = some.size() == 1 ? read_byte(some) : read(some);
            done += r.size();
            if (r.size() < some.size())
                return done == 0 ? r : io_result::moved(done);
        }
        return io_result::moved(done);
    }

    io_result try_write(std::span<const byte_view> out) noexcept { return send(out); }
    io_result try_write(std::span<const byte_view> out, native_handle_type beside) noexcept
    {
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof beside)> control{};
        cmsghdr c{};
        c.cmsg_level = SOL_SOCKET;
        c.cmsg_type = SCM_RIGHTS;
        c.cmsg_len = CMSG_LEN(sizeof beside);
        std::memcpy(control.data(), &c, sizeof c);
        std::memcpy(control.data() + CMSG_LEN(0), &beside, sizeof beside);
        return send(out, control);
    }

    void close() noexcept
    {
        socket_descriptor::close();
        arrivals_->clear();
    }

private:
    // The system copies what it has piece by piece, as the peer has sent it, and stops before a piece that it cannot copy whole.
    // Returns where the piece begins to which the last of these bytes belongs.
    std::size_t start_of_last(std::span<std::byte> seen) noexcept
    {
        if (seen.size() == 1)
            return 0;
        static constexpr std::byte read_only{};
        iovec parts[] = {{seen.data(), seen.size() - 1}, {const_cast<std::byte*>(&read_only), 1}};
        msghdr message{};
        message.msg_iov = parts;
        message.msg_iovlen = std::size(parts);
        const ssize_t n = recv(message, MSG_PEEK);
        return n < 0 ? 0 : std::min(static_cast<std::size_t>(n), seen.size() - 1);
    }

    /// A byte that brings a handle. Without memory for that, both stay where they are.
    io_result read_byte(std::span<std::byte> in) noexcept
    {
        try {
            arrivals_->expect();
        } catch (const std::bad_alloc&) {
            return io_result::failed(detail::no_memory());
        }
        const std::uint64_t position = received_;
        handle_arrival a;
        const io_result r = read(in, a);
        if (r.size() != 0)
            arrivals_->add(position, std::move(a));
        else
            arrivals_->expect_none();
        return r;
    }
    io_result read(std::span<std::byte> in) noexcept
    {
        handle_arrival a;
        const io_result r = read(in, a);
        if (a.is_several || a.is_cut || a.handle.native_handle() != invalid_handle)
            arrivals_->lose(received_);
        return r;
    }
    io_result read(std::span<std::byte> in, handle_arrival& a) noexcept
    {
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(max_handles * sizeof(int))> control;
        iovec part{in.data(), in.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t n = recv(message, MSG_CMSG_CLOEXEC);
        if (n > 0) {
            take_over(message, a);
            received_ += static_cast<std::uint64_t>(n);
        }
        return read_result(n, in.size());
    }

    static void take_over(msghdr& message, handle_arrival& a) noexcept
    {
        a.is_cut = (message.msg_flags & MSG_CTRUNC) != 0;
        for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                continue;
            const std::size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            a.is_several = n > 1;
            for (std::size_t i = 0; i < n; ++i) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                passed_handle h(fd);
                if (n == 1)
                    a.handle = std::move(h);
            }
        }
    }

    std::shared_ptr<handle_arrivals> arrivals_;
    std::uint64_t received_ = 0; // bytes
};

} // namespace

passed_handle::passed_handle(const endpoint& e, std::string framing) : framing_(std::move(framing))
{
    detail::require_nothing_held(e.channel());
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
    // The caller's may be closed before it has left.
    posix::unique_fd copy(::fcntl(h.native_handle(), F_DUPFD_CLOEXEC, 3));
    if (!copy.is_open())
        return posix::last_error();
    const auto own = std::make_shared<const passed_handle>(copy.get());
    (void)copy.release();
    out.attach(own->native_handle(), own);
    if (h.framing().empty())
        out.keep(bytes(byte_view(&bare, 1)));
    else {
        const std::byte head[] = {with_framing, static_cast<std::byte>(h.framing().size())};
        out.copy(head);
        out.keep(bytes(byte_view(h.framing())));
    }
    return {};
}

std::shared_ptr<handle_arrival> handles::attached(std::uint64_t position) const noexcept
{
    return arrivals_->take(position);
}

passed_handle handles::load(const bytes& payload, const std::shared_ptr<handle_arrival>& with) const
{
    const bool named = payload.size() > 1;
    const bool cut = with && with->is_cut;
    if (cut || !with || with->handle.native_handle() == invalid_handle || (!named && payload.data()[0] != bare)) {
        if (with)
            with->handle = {};
        throw_error(cut ? errc::packet_truncated : errc::malformed);
    }
    std::string framing(named ? payload.text().substr(2) : "");
    return passed_handle(with->handle.release(), std::move(framing));
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
    auto arrivals = std::make_shared<handle_arrivals>();
    return {callers(link_socket(socket, arrivals)), handles(arrivals)};
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
    posix::unique_fd one(fds[0]);
    posix::unique_fd other(fds[1]);
    handle_link first = open_handle_link(one.get());
    (void)one.release();
    handle_link second = open_handle_link(other.get());
    (void)other.release();
    return {std::move(first), std::move(second)};
}

} // namespace ferrule
