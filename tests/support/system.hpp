#pragma once

// What tests ask of the operating system. POSIX only.

#include "support/unique_fd.hpp"

#include <csignal>
#include <fcntl.h>
#include <functional>
#include <map>
#include <string>
#include <sys/types.h>
#include <utility>

namespace ferrule::test {

// Made by the system calls, not by the library. Throw std::system_error.
std::pair<unique_fd, unique_fd> raw_pipe(int flags = O_CLOEXEC); // reading, writing
std::pair<unique_fd, unique_fd> raw_socketpair(int type);        // AF_UNIX, close-on-exec
std::pair<unique_fd, unique_fd> raw_stream_pair();               // the same, of streams
std::pair<unique_fd, unique_fd> raw_tcp_pair();                  // over the loopback interface
unique_fd bound_tcp();                                           // 127.0.0.1, a free port; not listening yet
unique_fd bound_unix();                                          // a name the kernel chooses; not listening yet
unique_fd duplicate_fd(int fd);
void reset_when_closed(int tcp_socket); // instead of ended

[[nodiscard]] bool is_open(int fd);
[[nodiscard]] bool closes_on_exec(int fd);
// A number that is not open.
[[nodiscard]] int closed_number();

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

void write_all(int fd, const std::string& data);
// Up to the end of the stream.
std::string read_to_end(native_handle_type fd);
// Exactly n bytes; fewer if the stream ends before.
std::string read_n(int fd, std::size_t n);
// Writes until the descriptor takes no more; returns the number of bytes. Its O_NONBLOCK is as before afterwards.
std::size_t fill(int fd);

// Runs f in a forked child and returns its wait status. The child exits with what f returns, 99 if it throws.
int in_child(const std::function<int()>& f);

pid_t thread_id();
// Returns once that thread of this process sleeps in poll. Looks again and again instead of guessing how long it takes.
void until_waiting(pid_t thread);

} // namespace ferrule::test
