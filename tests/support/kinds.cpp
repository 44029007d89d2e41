#include "support/kinds.hpp"

#include "support/find_kind.hpp"
#include "support/memory_packets.hpp"
#include "support/memory_pair.hpp"
#include "support/sanitizers.hpp"
#include "support/system.hpp"

#include <ferrule/handle_link.hpp>
#include <ferrule/platform/pair.hpp>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <system_error>
#include <termios.h>
#include <unistd.h>
#include <vector>

namespace ferrule::test {
namespace {

using testing::connection_kind;
using ends = std::pair<descriptor, descriptor>;

int must(int result)
{
    if (result < 0)
        throw std::system_error(errno, std::generic_category());
    return result;
}

ends adopt_both(std::pair<unique_fd, unique_fd> fds)
{
    descriptor first = adopt(fds.first.get());
    (void)fds.first.release();
    descriptor second = adopt(fds.second.get());
    (void)fds.second.release();
    return {std::move(first), std::move(second)};
}

ends swapped(ends e)
{
    return {std::move(e.second), std::move(e.first)};
}

ends fifo()
{
    char folder[] = "/tmp/ferrule-fifo-XXXXXX";
    if (::mkdtemp(folder) == nullptr)
        must(-1);
    const auto file = std::filesystem::path(folder) / "fifo";
    must(::mkfifo(file.c_str(), 0600));
    unique_fd reading(must(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
    unique_fd writing(must(::open(file.c_str(), O_WRONLY | O_CLOEXEC)));
    must(::fcntl(reading.get(), F_SETFL, O_RDONLY));
    std::filesystem::remove_all(folder);
    return adopt_both({std::move(writing), std::move(reading)});
}

ends tcp()
{
    auto fds = raw_tcp_pair();
    const int on = 1;
    for (const unique_fd* fd : {&fds.first, &fds.second})
        must(::setsockopt(fd->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    return adopt_both(std::move(fds));
}

ends udp()
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

std::vector<connection_kind> make()
{
    std::vector<connection_kind> all;
    const auto add = [&](connection_kind::factory connect) -> connection_kind& {
        connection_kind& k = all.emplace_back(std::string(kind_names[all.size()]), std::move(connect));
        k.stride = sanitized ? 3 : 1; // the rest would show sanitizers nothing new
        k.can_be_adopted = !k.name.starts_with("memory") && k.name != "handle link";
        return k;
    };
    const auto packets = [](connection_kind& k) -> connection_kind& {
        k.transfers = transfer_kind::message;
        return k;
    };
    add([] { return memory_pair(); });
    add([] { return swapped(pipe_descriptors()); }).two_way = false;
    add(fifo).two_way = false;
    add(socketpair_descriptors);
    {
        connection_kind& k = add(tcp);
        k.prompt = false;
        k.survives_close = false;
    }
    {
        connection_kind& k = add(pty);
        k.prompt = false;
        k.survives_close = false; // that of the master
        k.tells_sender = false;
        k.room = 3000;
    }
    {
        connection_kind& k = add([] { return swapped(pty()); });
        k.prompt = false;
        k.tells_sender = false;
        k.has_end = false; // the slave is hung up, with what it had not read
        k.survives_close = false;
        k.room = 3000;
    }
    packets(add([] { return memory_packet_pair(); })).room = 16 * 1024;
    {
        connection_kind& k = packets(add([] { return adopt_both(raw_socketpair(SOCK_DGRAM)); }));
        k.has_end = false;
        k.survives_close = false; // a send that finds nobody empties the sender's own queue
        k.room = 10 * 1024;       // the system queues ten packets or so
    }
    packets(add([] { return adopt_both(raw_socketpair(SOCK_SEQPACKET)); })).room = 10 * 1024;
    {
        connection_kind& k = packets(add(udp));
        k.has_end = false;
        k.prompt = false;
        k.drops = true;
        k.room = 60 * 1024;
    }
    add([] {
        auto fds = raw_socketpair(SOCK_STREAM);
        descriptor first = detail::open_link(fds.first.get()).socket;
        (void)fds.first.release();
        descriptor second = detail::open_link(fds.second.get()).socket;
        (void)fds.second.release();
        return ends(std::move(first), std::move(second));
    });
    return all;
}

} // namespace

const connection_kind& kind(std::string_view name)
{
    static const std::vector<connection_kind> all = make();
    return find_kind(all, name);
}

} // namespace ferrule::test
