#include "support/system.hpp"

#include "support/posix/descriptors.hpp"

#include <cerrno>
#include <system_error>
#include <vector>

namespace ferrule::test {

std::pair<unique_fd, unique_fd> raw_stream_pair()
{
    return raw_socketpair(SOCK_STREAM);
}

void write_all(int fd, const std::string& data)
{
    for (std::size_t done = 0; done < data.size();) {
        const ssize_t n = ::write(fd, data.data() + done, data.size() - done);
        if (n < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category());
        done += n < 0 ? 0 : static_cast<std::size_t>(n);
    }
}

std::string read_n(int fd, std::size_t n)
{
    std::string data(n, '\0');
    std::size_t done = 0;
    while (done < n) {
        const ssize_t r = ::read(fd, data.data() + done, n - done);
        if (r == 0)
            break;
        if (r < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category());
        done += r < 0 ? 0 : static_cast<std::size_t>(r);
    }
    data.resize(done);
    return data;
}

std::size_t fill(int fd)
{
    const int flags = must(::fcntl(fd, F_GETFL));
    must(::fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    const std::vector<char> block(65536, 'x');
    std::size_t total = 0;
    // Smaller and smaller, until not one byte fits.
    for (std::size_t size = block.size(); size != 0; size /= 2) {
        ssize_t n;
        while ((n = ::write(fd, block.data(), size)) > 0)
            total += static_cast<std::size_t>(n);
    }
    must(::fcntl(fd, F_SETFL, flags));
    return total;
}

std::size_t open_handles()
{
    return open_descriptors().size();
}

void reset_when_closed(int tcp_socket)
{
    const linger at_once{1, 0};
    must(::setsockopt(tcp_socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}

} // namespace ferrule::test
