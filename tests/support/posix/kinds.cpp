#include "support/posix/descriptors.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/posix/tls.hpp"
#include "support/sanitizers.hpp"
#include "support/system_kinds.hpp"

#include "platform/datagrams.hpp"
#include "platform/handle_socket.hpp"
#include "platform/serial/line.hpp"
#include "platform/shared_memory/meeting.hpp"

#include <ferrule/net/datagrams.hpp>

#include <netinet/tcp.h>
#include <pty.h>
#include <termios.h>

namespace ferrule::test {
namespace {

using testing::connection_kind;

ends adopt_both(std::pair<unique_fd, unique_fd> fds)
{
    descriptor first = adopt(fds.first.get());
    (void)fds.first.release();
    descriptor second = adopt(fds.second.get());
    (void)fds.second.release();
    return {std::move(first), std::move(second)};
}

ends fifo_ends()
{
    const fifo file;
    unique_fd reading = file.open(O_RDONLY | O_NONBLOCK);
    unique_fd writing = file.open(O_WRONLY);
    must(::fcntl(reading.get(), F_SETFL, O_RDONLY));
    return adopt_both({std::move(writing), std::move(reading)});
}

// Slave, master.
ends pty()
{
    int m;
    int s;
    must(::openpty(&m, &s, nullptr, nullptr, nullptr));
    unique_fd master(m);
    unique_fd slave(s);
    termios settings;
    must(::tcgetattr(s, &settings));
    ::cfmakeraw(&settings);
    must(::tcsetattr(s, TCSANOW, &settings));
    return adopt_both({std::move(slave), std::move(master)});
}

// A serial port, and the master of its pty.
ends serial_pty()
{
    int m;
    int s;
    char name[64];
    must(::openpty(&m, &s, name, nullptr, nullptr));
    unique_fd master(m);
    const unique_fd slave(s);
    descriptor port = serial::descriptor_of(serial::open_port(name, serial_settings()));
    descriptor device = adopt(m);
    (void)master.release();
    return {std::move(port), std::move(device)};
}

ends handle_link_ends()
{
    auto fds = raw_socketpair(SOCK_STREAM);
    const auto open = [](unique_fd& fd) {
        const int room = 1 << 20; // for as many sends of single bytes as other kinds take
        must(::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room));
        descriptor d = os::open_handle_socket(fd.get(), std::make_shared<detail::handle_arrivals>());
        (void)fd.release();
        return d;
    };
    descriptor first = open(fds.first);
    return {std::move(first), open(fds.second)};
}

// What is behind a datagram_socket, with one peer: sends to it, and leaves out where packets come from.
class one_peer {
public:
    one_peer(descriptor socket, const datagram_address& peer) : socket_(std::move(socket)), peer_(peer) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        std::vector<std::byte> packet(in.size() + header);
        const io_result r = socket_.get()->try_read(packet);
        if (r.status() == io_status::larger)
            return io_result::larger(r.size() - header);
        if (r.status() != io_status::moved)
            return r;
        std::copy_n(packet.begin() + header, r.size() - header, in.begin());
        return io_result::moved(r.size() - header);
    }
    io_result try_write(std::span<const byte_view> out) noexcept
    {
        std::vector<byte_view> all{detail::header_of(peer_)};
        all.insert(all.end(), out.begin(), out.end());
        return socket_.get()->try_write(all);
    }
    readiness arm(direction d) noexcept { return socket_.get()->arm(d); }
    [[nodiscard]] transfer_kind kind() const noexcept { return socket_.get()->kind(); }
    void close() noexcept { socket_.get()->close(); }

private:
    static constexpr std::ptrdiff_t header = sizeof(os::packet_header);

    descriptor socket_;
    datagram_address peer_;
};

ends datagram_pair(const char* at)
{
    datagram_address a;
    datagram_address b;
    // Errors are packets here, and the contract knows none of these.
    descriptor first = detail::bind_datagrams(at, datagram_options().report_errors(false), a);
    descriptor second = detail::bind_datagrams(at, datagram_options().report_errors(false), b);
    return {one_peer(std::move(first), b), one_peer(std::move(second), a)};
}

} // namespace

ends tcp_pair()
{
    auto fds = raw_tcp_pair();
    const int on = 1;
    for (const unique_fd* fd : {&fds.first, &fds.second})
        must(::setsockopt(fd->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    return adopt_both(std::move(fds));
}

ends udp_pair()
{
    const auto bound = [](sockaddr_in& a) {
        unique_fd s(must(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
        a = {};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        must(::bind(s.get(), reinterpret_cast<sockaddr*>(&a), size));
        must(::getsockname(s.get(), reinterpret_cast<sockaddr*>(&a), &size));
        return s;
    };
    sockaddr_in here;
    sockaddr_in there;
    unique_fd a = bound(here);
    unique_fd b = bound(there);
    must(::connect(a.get(), reinterpret_cast<sockaddr*>(&there), sizeof there));
    must(::connect(b.get(), reinterpret_cast<sockaddr*>(&here), sizeof here));
    return adopt_both({std::move(a), std::move(b)});
}

ends shared_memory_ends()
{
    auto fds = raw_socketpair(SOCK_STREAM);
    constexpr std::uint64_t capacity = 64 * 1024;
    shared_memory::meeting one(os::unique_handle(fds.first.release()), capacity, capacity);
    shared_memory::meeting other(os::unique_handle(fds.second.release()), capacity, capacity);
    bool done = false;
    while (!done) {
        const bool first = !one.advance();
        done = !other.advance() && first;
    }
    return {one.take(), other.take()};
}

void adapt_to_system(std::vector<connection_kind>& all)
{
    all.emplace_back("FIFO", fifo_ends).two_way = false;
    {
        connection_kind& k = all.emplace_back("pty", pty);
        k.prompt = false;
        k.survives_close = false; // that of the master
        k.tells_sender = false;
        k.room = 3000;
    }
    {
        connection_kind& k = all.emplace_back("pty master sends", [] {
            auto e = pty();
            return ends(std::move(e.second), std::move(e.first));
        });
        k.prompt = false;
        k.tells_sender = false;
        k.has_end = false; // the slave is hung up, with what it had not read
        k.survives_close = false;
        k.room = 3000;
    }
    {
        connection_kind& k = all.emplace_back("serial port", serial_pty);
        k.prompt = false;
        k.survives_close = false; // that of the device
        k.tells_sender = false;
        k.room = 3000;
    }
    {
        connection_kind& k = all.emplace_back("serial port receives", [] {
            auto e = serial_pty();
            return ends(std::move(e.second), std::move(e.first));
        });
        k.prompt = false;
        k.tells_sender = false;
        k.has_end = false; // a device that has gone is an error
        k.survives_close = false;
        k.room = 3000;
    }
    {
        connection_kind& k = all.emplace_back("unix datagram", [] { return adopt_both(raw_socketpair(SOCK_DGRAM)); });
        k.transfers = transfer_kind::message;
        k.has_end = false;
        k.survives_close = false; // a send that finds nobody empties the sender's own queue
        k.room = 10 * 1024;       // the system queues ten packets or so
    }
    {
        connection_kind& k = all.emplace_back("seqpacket", [] { return adopt_both(raw_socketpair(SOCK_SEQPACKET)); });
        k.transfers = transfer_kind::message;
        k.room = 10 * 1024;
    }
    for (connection_kind& k : all)
        k.can_be_adopted = !k.name.starts_with("memory");
    all.emplace_back("handle link", handle_link_ends);
    all.emplace_back("shared memory", shared_memory_ends);
    {
        connection_kind& k = all.emplace_back("UDP with addresses", [] { return datagram_pair("udp://127.0.0.1:0"); });
        k.transfers = transfer_kind::message;
        k.has_end = false;
        k.tells_sender = false;
        k.prompt = false;
        k.drops = true;
        k.room = 60 * 1024;
    }
    {
        connection_kind& k =
            all.emplace_back("unix datagram with addresses", [] { return datagram_pair("unixgram-abstract:"); });
        k.transfers = transfer_kind::message;
        k.has_end = false;
        k.room = 10 * 1024;
    }
    all.emplace_back("TLS", [] { return tls_pair(); });
    for (connection_kind& k : all)
        k.stride = sanitized ? 3 : 1; // the rest would show sanitizers nothing new
}

} // namespace ferrule::test
