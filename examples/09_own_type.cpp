// A type of one's own as transport: here a queue in memory, which gives back what it is given. ferrule asks it to try, and
// what to wait for if it could not.
#include <ferrule/pair.hpp>

#include <algorithm>
#include <iostream>
#include <mutex>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

class loopback {
public:
    //[transport
    ferrule::io_result try_read(std::span<std::byte> in)
    {
        const std::lock_guard guard(state_->mutex);
        ferrule::bytes& data = state_->data;
        if (data.empty())
            return ferrule::io_result::would_block();
        const std::size_t n = std::min(in.size(), data.size());
        std::copy_n(data.begin(), n, in.begin());
        data.drop_front(n);
        eventfd_t rung;
        if (data.empty())
            eventfd_read(state_->doorbell, &rung);
        return ferrule::io_result::moved(n);
    }
    ferrule::io_result try_write(std::span<const ferrule::byte_view> out)
    {
        const std::lock_guard guard(state_->mutex);
        state_->data.append(out.front()); // a part will do: ferrule comes back with the rest
        eventfd_write(state_->doorbell, 1);
        return ferrule::io_result::moved(out.front().size());
    }
    ferrule::readiness arm(ferrule::direction d)
    {
        if (d == ferrule::direction::write)
            return ferrule::readiness::now(); // there is always room
        return ferrule::readiness::readable(state_->doorbell);
    }
    void close() { ::close(state_->doorbell); }
    //]

private:
    struct state {
        std::mutex mutex; // a read and a write may come at the same time
        ferrule::bytes data;
        const int doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); // readable while there are data
    };
    std::unique_ptr<state> state_ = std::make_unique<state>();
};

int main()
{
    ferrule::message_duplex<> queue{loopback()};
    std::jthread sender([](ferrule::message_duplex<> q) { q.send("through memory"); }, queue);
    std::cout << queue.recv(std::chrono::seconds(10)).text() << '\n';
}
