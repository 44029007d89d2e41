// What tests ask of POSIX systems, beyond what they ask of all.
#pragma once

#include "support/system.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <map>
#include <netinet/in.h>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace ferrule::test {

/// The result of a system call, or its `errno` as a `std::system_error`.
inline int must(int result)
{
    if (result < 0)
        throw std::system_error(errno, std::generic_category());
    return result;
}

// Made by the system calls, not by the library. Throw std::system_error.
std::pair<unique_fd, unique_fd> raw_pipe(int flags = O_CLOEXEC); // reading, writing
std::pair<unique_fd, unique_fd> raw_socketpair(int type);        // AF_UNIX, close-on-exec
std::pair<unique_fd, unique_fd> raw_tcp_pair();                  // over the loopback interface
unique_fd bound_tcp();                                           // 127.0.0.1, a free port; not listening yet
unique_fd bound_unix();                                          // a name the kernel chooses; not listening yet
unique_fd duplicate_fd(int fd);

[[nodiscard]] bool is_open(int fd);
[[nodiscard]] bool closes_on_exec(int fd);
// A number that is not open.
[[nodiscard]] int closed_number();

/// Sets the soft limit of a resource, such as RLIMIT_NOFILE, and returns the one before.
unsigned long exchange_limit(int resource, unsigned long limit);

// While it lives, no descriptor can be made.
class no_more_descriptors {
public:
    no_more_descriptors();
    no_more_descriptors(const no_more_descriptors&) = delete;
    no_more_descriptors& operator=(const no_more_descriptors&) = delete;
    ~no_more_descriptors();

private:
    unsigned long limit_;
};

// Number and target of every open descriptor, such as 3 → "pipe:[1234]".
std::map<int, std::string> open_descriptors();

// Runs f in a forked child and returns its wait status. The child exits with what f returns, 99 if it throws.
int in_child(const std::function<int()>& f);

pid_t thread_id();
// Returns once that thread of this process sleeps in poll. Looks again and again instead of guessing how long it takes.
void until_waiting(pid_t thread);

} // namespace ferrule::test
