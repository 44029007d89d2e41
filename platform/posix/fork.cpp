#include <ferrule/detail/fork_generation.hpp>

#include "platform/os.hpp"

#include <atomic>
#include <cstdlib>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <unistd.h>

namespace ferrule {
namespace detail {
namespace {

// The generation lives on a page that the kernel wipes in the child. This detects a bare clone() as well as fork(). The
// count is not on that page.
std::atomic<std::uint32_t> count{0};

std::atomic<std::uint32_t>* make_page() noexcept
{
    const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* page = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        std::abort(); // nothing works without a page of memory
    if (madvise(page, size, MADV_WIPEONFORK) != 0) {
        static std::atomic<std::uint32_t>* fallback = static_cast<std::atomic<std::uint32_t>*>(page);
        pthread_atfork(nullptr, nullptr, [] { fallback->store(0, std::memory_order_relaxed); });
    }
    return static_cast<std::atomic<std::uint32_t>*>(page);
}

// Read before the page exists, 0 means that there is no generation yet.
constinit const std::atomic<std::uint32_t> none{0};

} // namespace

constinit std::atomic<const std::atomic<std::uint32_t>*> generation_page{&none};

std::uint32_t next_fork_generation() noexcept
{
    static std::atomic<std::uint32_t>& page = *make_page();
    generation_page.store(&page, std::memory_order_release);
    std::uint32_t seen = page.load(std::memory_order_relaxed);
    if (seen != 0)
        return seen;
    const std::uint32_t fresh = count.fetch_add(1, std::memory_order_relaxed) + 1;
    return page.compare_exchange_strong(seen, fresh, std::memory_order_relaxed) ? fresh : seen;
}

} // namespace detail

bool os::single_threaded() noexcept
{
    return __libc_single_threaded != 0;
}

} // namespace ferrule
