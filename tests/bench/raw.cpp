// The floor: one write per message, and one read per wake-up through a buffer.
#include "bench/contenders.hpp"
#include "bench/wire.hpp"

#include <cerrno>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

namespace ferrule::bench {
namespace {

class raw_link {
public:
    explicit raw_link(const job& j)
        : in_(j.in),
          out_(j.out),
          header_(header_of(j.where.size)),
          payload_(payload(j.where.size)),
          inbox_(j.where.size)
    {
    }

    void send()
    {
        // A blocking descriptor takes everything, as no signal handler interrupts.
        const iovec parts[] = {{header_.data(), header_.size()}, {payload_.data(), payload_.size()}};
        if (::writev(out_, parts, 2) != static_cast<ssize_t>(header_.size() + payload_.size()))
            throw std::system_error(errno, std::generic_category(), "writev");
    }
    void recv()
    {
        while (!inbox_.take()) {
            const std::span<char> room = inbox_.room();
            const ssize_t n = ::read(in_, room.data(), room.size());
            if (n <= 0)
                throw std::system_error(n < 0 ? errno : EPIPE, std::generic_category(), "read");
            inbox_.filled(static_cast<std::size_t>(n));
        }
    }

private:
    int in_;
    int out_;
    header header_;
    std::vector<char> payload_;
    inbox inbox_;
};

} // namespace

void raw(const job& j)
{
    raw_link link(j);
    exchange(link, j);
}

} // namespace ferrule::bench
