#include "contract/posix/scarce.hpp"

#if !defined(_WIN32)

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <new>
#include <sys/socket.h>
#include <sys/types.h>
#include <utility>

namespace ferrule::test {
namespace {

thread_local scarcity* innermost = nullptr; // trivial: it may be asked for in any state of a thread
std::atomic<std::int64_t> objects{0};

} // namespace

scarcity::scarcity(resource r, std::uint64_t first, std::uint64_t count) noexcept
    : outer_(std::exchange(innermost, this)),
      kind_(r),
      first_(first),
      count_(count)
{
}

scarcity::scarcity(std::uint64_t seed, unsigned one_of) noexcept
    : outer_(std::exchange(innermost, this)),
      dice_(seed),
      one_of_(one_of)
{
}

scarcity::~scarcity()
{
    innermost = outer_;
}

bool scarcity::asked_for(resource r) noexcept
{
    bool refused = false;
    if (one_of_ != 0) { // splitmix64, which needs no memory
        std::uint64_t x = dice_ += 0x9e3779b97f4a7c15;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        refused = (x ^ (x >> 31)) % one_of_ == 0;
    } else if (r == kind_) {
        ++asked_;
        refused = asked_ >= first_ && asked_ - first_ < count_;
    }
    refused_ = refused_ || refused;
    return refused;
}

plenty::plenty() noexcept : outer_(std::exchange(innermost, nullptr)) {}

plenty::~plenty()
{
    innermost = outer_;
}

bool refuses(resource r) noexcept
{
    return innermost != nullptr && innermost->asked_for(r);
}

std::int64_t live_objects() noexcept
{
    return objects.load(std::memory_order_relaxed);
}

namespace {

bool has_no_memory() noexcept
{
    if (!refuses(resource::memory))
        return false;
    errno = ENOMEM;
    return true;
}

bool has_no_descriptor() noexcept
{
    if (!refuses(resource::descriptors))
        return false;
    errno = EMFILE;
    return true;
}

} // namespace
} // namespace ferrule::test

using ferrule::test::has_no_descriptor;
using ferrule::test::has_no_memory;

// ---- memory: all that a sanitizer's runtime would replace as well ----

extern "C" void* __real_malloc(std::size_t size);

void* operator new(std::size_t size)
{
    void* const p = has_no_memory() ? nullptr : __real_malloc(size);
    if (p == nullptr)
        throw std::bad_alloc();
    ferrule::test::objects.fetch_add(1, std::memory_order_relaxed);
    return p;
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept
{
    try {
        return operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}

void* operator new[](std::size_t size)
{
    return operator new(size);
}

void* operator new[](std::size_t size, const std::nothrow_t& none) noexcept
{
    return operator new(size, none);
}

void operator delete(void* p) noexcept
{
    if (p != nullptr)
        ferrule::test::objects.fetch_sub(1, std::memory_order_relaxed);
    std::free(p);
}

void operator delete(void* p, std::size_t) noexcept
{
    operator delete(p);
}

void operator delete(void* p, const std::nothrow_t&) noexcept
{
    operator delete(p);
}

void operator delete[](void* p) noexcept
{
    operator delete(p);
}

void operator delete[](void* p, std::size_t) noexcept
{
    operator delete(p);
}

// ---- what `--wrap` of the linker leads here ----

extern "C" {

void* __wrap_malloc(std::size_t size);
void* __wrap_malloc(std::size_t size)
{
    return has_no_memory() ? nullptr : __real_malloc(size);
}

void* __real_realloc(void* p, std::size_t size);
void* __wrap_realloc(void* p, std::size_t size);
void* __wrap_realloc(void* p, std::size_t size)
{
    return has_no_memory() ? nullptr : __real_realloc(p, size);
}

void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size);
void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size)
{
    return has_no_memory() ? nullptr : __real_aligned_alloc(alignment, size);
}

// What registers the destructor of a `thread_local` object. glibc ends the process where there is no memory for that.
int __real___cxa_thread_atexit(void (*destroy)(void*), void* object, void* library);
int __wrap___cxa_thread_atexit(void (*destroy)(void*), void* object, void* library);
int __wrap___cxa_thread_atexit(void (*destroy)(void*), void* object, void* library)
{
    if (has_no_memory())
        std::abort();
    return __real___cxa_thread_atexit(destroy, object, library);
}

int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __wrap_epoll_create1(int flags)
{
    return has_no_descriptor() ? -1 : __real_epoll_create1(flags);
}

int __real_epoll_create(int size);
int __wrap_epoll_create(int size);
int __wrap_epoll_create(int size)
{
    return has_no_descriptor() ? -1 : __real_epoll_create(size);
}

int __real_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags);
int __wrap_eventfd(unsigned count, int flags)
{
    return has_no_descriptor() ? -1 : __real_eventfd(count, flags);
}

int __real_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags)
{
    return has_no_descriptor() ? -1 : __real_timerfd_create(clock, flags);
}

int __real_pipe2(int* fds, int flags);
int __wrap_pipe2(int* fds, int flags);
int __wrap_pipe2(int* fds, int flags)
{
    return has_no_descriptor() ? -1 : __real_pipe2(fds, flags);
}

int __real_socketpair(int domain, int type, int protocol, int* fds);
int __wrap_socketpair(int domain, int type, int protocol, int* fds);
int __wrap_socketpair(int domain, int type, int protocol, int* fds)
{
    return has_no_descriptor() ? -1 : __real_socketpair(domain, type, protocol, fds);
}

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol)
{
    return has_no_descriptor() ? -1 : __real_socket(domain, type, protocol);
}

int __real_accept4(int fd, sockaddr* from, socklen_t* size, int flags);
int __wrap_accept4(int fd, sockaddr* from, socklen_t* size, int flags);
int __wrap_accept4(int fd, sockaddr* from, socklen_t* size, int flags)
{
    return has_no_descriptor() ? -1 : __real_accept4(fd, from, size, flags);
}

int __real_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return has_no_descriptor() ? -1 : __real_open(path, flags, mode);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    const long argument = va_arg(rest, long); // also where there is none, as the C library does
    va_end(rest);
    const bool makes_one = command == F_DUPFD || command == F_DUPFD_CLOEXEC;
    return makes_one && has_no_descriptor() ? -1 : __real_fcntl(fd, command, argument);
}

} // extern "C"

#endif
