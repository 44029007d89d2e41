// Shared memory: a bare ring, which is the floor, Boost's queue, and the library.
#include "bench/contenders.hpp"
#include "bench/ferrule_links.hpp"
#include "platform/os.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/message.hpp>
#include <ferrule/net/shared_memory.hpp>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>

#include <algorithm>
#include <atomic>
#include <linux/futex.h>
#include <memory>
#include <string>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace ferrule::bench {
namespace {

namespace ipc = boost::interprocess;

constexpr std::size_t capacity = 1 << 20; // as ours

/// Of something that both processes have, by the numbers that they tell each other.
class meeting {
public:
    explicit meeting(const job& j) : socket_(j.in)
    {
        const pid_t mine = ::getpid();
        tell(&mine, sizeof mine);
        pid_t theirs = 0;
        hear(&theirs, sizeof theirs);
        name_ =
            "ferrule-bench-" + std::to_string(std::min(mine, theirs)) + '-' + std::to_string(std::max(mine, theirs));
    }
    [[nodiscard]] std::string name(bool back) const { return name_ + (back ? "-back" : "-there"); }
    /// Returns when the other process has come as far.
    void wait()
    {
        char c = 0;
        tell(&c, 1);
        hear(&c, 1);
    }

private:
    void tell(const void* data, std::size_t n)
    {
        if (::write(socket_, data, n) != static_cast<ssize_t>(n))
            throw std::system_error(errno, std::generic_category(), "write");
    }
    void hear(void* data, std::size_t n)
    {
        if (::read(socket_, data, n) != static_cast<ssize_t>(n))
            throw std::system_error(errno, std::generic_category(), "read");
    }

    int socket_;
    std::string name_;
};

/// A ring in memory that starts as zeros.
struct ring {
    alignas(64) std::atomic<std::uint64_t> written;
    alignas(64) std::atomic<std::uint64_t> taken;
    alignas(64) std::atomic<std::uint32_t> reader_sleeps;
    alignas(64) std::atomic<std::uint32_t> writer_sleeps;
    alignas(64) std::byte data[capacity];
};

void futex(std::atomic<std::uint32_t>& word, int what, std::uint32_t value)
{
    ::syscall(SYS_futex, &word, what, value, nullptr, nullptr, 0);
}

/// Polls for 50 µs where the peer has a core of its own, and sleeps then.
template <class Ready>
void wait_until(Ready ready, std::atomic<std::uint32_t>& sleeps, bool polls)
{
    const auto end = clock_type::now() + std::chrono::microseconds(50);
    while (polls && clock_type::now() < end) {
        for (int i = 0; i < 100; ++i) {
            if (ready())
                return;
            os::relax();
        }
    }
    while (!ready()) {
        sleeps.store(1);
        if (!ready())
            futex(sleeps, FUTEX_WAIT, 1);
        sleeps.store(0);
    }
}

void wake(std::atomic<std::uint32_t>& sleeps)
{
    if (sleeps.load() != 0 && sleeps.exchange(0) != 0)
        futex(sleeps, FUTEX_WAKE, 1);
}

class mapped_ring {
public:
    mapped_ring(meeting& m, bool creates, bool back)
    {
        const std::string name = m.name(back);
        if (creates)
            ipc::shared_memory_object(ipc::create_only, name.c_str(), ipc::read_write).truncate(sizeof(ring));
        m.wait();
        region_ = ipc::mapped_region(ipc::shared_memory_object(ipc::open_only, name.c_str(), ipc::read_write),
                                     ipc::read_write);
        m.wait();
        if (creates)
            ipc::shared_memory_object::remove(name.c_str());
    }
    [[nodiscard]] ring& get() const { return *static_cast<ring*>(region_.get_address()); }

private:
    ipc::mapped_region region_;
};

class ring_link {
public:
    explicit ring_link(const job& j)
        : met_(j),
          there_(met_, j.measures, false),
          back_(met_, j.measures, true),
          out_(j.sends_first() ? there_.get() : back_.get()),
          in_(j.sends_first() ? back_.get() : there_.get()),
          polls_(j.where.on != cores::one),
          header_(header_of(j.where.size)),
          payload_(payload(j.where.size)),
          received_(j.where.size)
    {
    }

    void send()
    {
        put({reinterpret_cast<const std::byte*>(header_.data()), header_.size()});
        put(std::as_bytes(std::span(payload_)));
        publish();
    }
    void recv()
    {
        header h;
        get({reinterpret_cast<std::byte*>(h.data()), h.size()});
        get(std::as_writable_bytes(std::span(received_).first(length_in(h.data()))));
        in_.taken.store(taken_);
        wake(in_.writer_sleeps);
        look_at(received_, payload_.size());
    }

private:
    void put(std::span<const std::byte> from)
    {
        while (!from.empty()) {
            std::size_t room = capacity - (written_ - seen_taken_);
            if (room == 0) {
                publish();
                wait_until([&] { return written_ - (seen_taken_ = out_.taken.load()) < capacity; }, out_.writer_sleeps,
                           polls_);
                continue;
            }
            const std::size_t at = written_ % capacity;
            room = std::min({room, from.size(), capacity - at, std::size_t{32} * 1024});
            std::copy_n(from.data(), room, out_.data + at);
            written_ += room;
            from = from.subspan(room);
            if (!from.empty())
                publish();
        }
    }
    void publish()
    {
        out_.written.store(written_);
        wake(out_.reader_sleeps);
    }
    void get(std::span<std::byte> to)
    {
        while (!to.empty()) {
            std::size_t there = seen_written_ - taken_;
            if (there == 0) {
                in_.taken.store(taken_);
                wake(in_.writer_sleeps);
                wait_until([&] { return (seen_written_ = in_.written.load()) != taken_; }, in_.reader_sleeps, polls_);
                continue;
            }
            const std::size_t at = taken_ % capacity;
            there = std::min({there, to.size(), capacity - at});
            std::copy_n(in_.data + at, there, to.data());
            taken_ += there;
            to = to.subspan(there);
        }
    }

    meeting met_;
    mapped_ring there_;
    mapped_ring back_;
    ring& out_;
    ring& in_;
    bool polls_;
    header header_;
    std::vector<char> payload_;
    std::vector<char> received_;
    std::uint64_t written_ = 0;
    std::uint64_t seen_taken_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t seen_written_ = 0;
};

class queue_link {
public:
    explicit queue_link(const job& j) : met_(j), payload_(payload(j.where.size)), received_(j.where.size)
    {
        const std::size_t places = std::clamp<std::size_t>(capacity / j.where.size, 1, 1000);
        for (const bool back : {false, true}) {
            auto& q = j.sends_first() == back ? in_ : out_;
            const std::string name = met_.name(back);
            if (j.measures)
                q = std::make_unique<ipc::message_queue>(ipc::create_only, name.c_str(), places, j.where.size);
            met_.wait();
            if (!q)
                q = std::make_unique<ipc::message_queue>(ipc::open_only, name.c_str());
            met_.wait();
            if (j.measures)
                ipc::message_queue::remove(name.c_str());
        }
    }

    void send() { out_->send(payload_.data(), payload_.size(), 0); }
    void recv()
    {
        ipc::message_queue::size_type n = 0;
        unsigned priority = 0;
        in_->receive(received_.data(), received_.size(), n, priority);
        look_at({received_.data(), n}, payload_.size());
    }

private:
    meeting met_;
    std::unique_ptr<ipc::message_queue> in_;
    std::unique_ptr<ipc::message_queue> out_;
    std::vector<char> payload_;
    std::vector<char> received_;
};

class shared_ends {
public:
    explicit shared_ends(const job& j)
        : in(share_memory(duplex(adopt(j.in)), shared_memory_options().capacity(capacity))),
          out(in)
    {
    }
    message_duplex<multiprocessing_bytes> in;
    message_duplex<multiprocessing_bytes>& out;
};

} // namespace

void bare_ring(const job& j)
{
    const auto link = std::make_unique<ring_link>(j);
    exchange(*link, j);
}

void boost_queue(const job& j)
{
    queue_link link(j);
    exchange(link, j);
}

void shared_blocking(const job& j)
{
    run_ferrule_blocking<ferrule_blocking_link<shared_ends>>(j);
}

void shared_coroutine(const job& j)
{
    run_coroutine<ferrule_coroutine_link<shared_ends>>(j);
}

} // namespace ferrule::bench
