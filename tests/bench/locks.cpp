// What locks cost: alone, and around the writes of eight threads.
#include "bench/contenders.hpp"
#include "bench/wire.hpp"

#include <ferrule/cross_lock.hpp>
#include <ferrule/writer.hpp>

#include <barrier>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace ferrule::bench {
namespace {

template <class Lock>
void lock_and_unlock(const job& j)
{
    std::thread([] {}).join(); // in a process that never had a second thread, std::mutex leaves its atomics out
    Lock lock;
    j.timed([&](std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            lock.lock();
            lock.unlock();
        }
    });
}

constexpr std::size_t threads = 8;

void read_all(const job& j)
{
    std::vector<char> buffer(64 * 1024);
    j.timed([&](std::size_t count) {
        for (std::size_t left = count / threads * threads * j.where.size; left > 0;) {
            const ssize_t n = ::read(j.in, buffer.data(), buffer.size());
            if (n <= 0)
                throw std::system_error(n < 0 ? errno : EPIPE, std::generic_category(), "read");
            left -= static_cast<std::size_t>(n);
        }
    });
}

template <class Send>
void write_from_threads(const job& j, Send send)
{
    const std::vector<char> message = payload(j.where.size);
    std::barrier all_there(threads, [&j]() noexcept { (void)j.start(); });
    std::vector<std::jthread> all;
    for (std::size_t t = 0; t < threads; ++t) {
        all.emplace_back([&] {
            for (const std::size_t count : {j.warm_up(), j.n}) {
                all_there.arrive_and_wait();
                for (std::size_t i = 0; i < count / threads; ++i)
                    send(message);
            }
        });
    }
}

} // namespace

void standard_mutex(const job& j)
{
    lock_and_unlock<std::mutex>(j);
}

void our_lock(const job& j)
{
    lock_and_unlock<cross_lock>(j);
}

void mutex_and_write(const job& j)
{
    if (j.measures)
        return read_all(j);
    std::mutex turn;
    write_from_threads(j, [&](const std::vector<char>& message) {
        const std::lock_guard guard(turn);
        if (::write(j.out, message.data(), message.size()) != static_cast<ssize_t>(message.size()))
            throw std::system_error(errno, std::generic_category(), "write");
    });
}

void one_writer(const job& j)
{
    if (j.measures)
        return read_all(j);
    writer w(adopt(j.out));
    write_from_threads(j, [&](const std::vector<char>& message) { w.send(message); });
}

} // namespace ferrule::bench
