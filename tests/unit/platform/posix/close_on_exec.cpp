// P7: descriptors are close-on-exec from the very call that makes them, so that no child that somebody else starts in between
// inherits one. The calls are seen by replacing the functions of the C library for the whole test program.

#include "support/test.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// Sanitizers replace the same functions.
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)

namespace {

std::atomic<int> made{0};
std::atomic<int> inheritable{0};

void note(bool close_on_exec) noexcept
{
    ++made;
    if (!close_on_exec)
        ++inheritable;
}

} // namespace

extern "C" int pipe2(int* fds, int flags) noexcept
{
    note((flags & O_CLOEXEC) != 0);
    return static_cast<int>(::syscall(SYS_pipe2, fds, flags));
}

extern "C" int socketpair(int domain, int type, int protocol, int* fds) noexcept
{
    note((type & SOCK_CLOEXEC) != 0);
    return static_cast<int>(::syscall(SYS_socketpair, domain, type, protocol, fds));
}

extern "C" int eventfd(unsigned count, int flags) noexcept
{
    note((flags & EFD_CLOEXEC) != 0);
    return static_cast<int>(::syscall(SYS_eventfd2, count, flags));
}

extern "C" int epoll_create1(int flags) noexcept
{
    note((flags & EPOLL_CLOEXEC) != 0);
    return static_cast<int>(::syscall(SYS_epoll_create1, flags));
}

TEST_CASE("descriptor: each is close-on-exec from the call that makes it")
{
    made = inheritable = 0;
    const auto expect_made = [](int n) {
        CHECK(made >= n);
        CHECK(inheritable == 0);
        made = 0;
    };
    auto [r, w] = pipe();
    expect_made(1);
    auto [a, b] = socketpair();
    expect_made(1);
    // A thread's first wait makes its wake-up descriptor.
    std::thread([in = r]() mutable {
        error_code ec;
        in.recv(1, 1ms, ec);
    }).join();
    expect_made(1);
    asio::io_context context;
    made = 0; // that was Asio's
    a.async_recv(asio::bind_executor(context, [](error_code, bytes) {}));
    context.poll();
    expect_made(1);
}

#endif
