#include "support/posix/descriptors.hpp"

#include <ferrule/error.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <exception>
#include <fstream>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <system_error>

namespace ferrule::test {

std::pair<unique_fd, unique_fd> raw_pipe(int flags)
{
    int fds[2];
    must(::pipe2(fds, flags));
    return {unique_fd(fds[0]), unique_fd(fds[1])};
}

std::pair<unique_fd, unique_fd> raw_socketpair(int type)
{
    int fds[2];
    must(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
    return {unique_fd(fds[0]), unique_fd(fds[1])};
}

unique_fd bound_tcp()
{
    unique_fd s(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(::bind(s.get(), reinterpret_cast<sockaddr*>(&a), sizeof a));
    return s;
}

unique_fd bound_unix()
{
    unique_fd s(must(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    must(::bind(s.get(), reinterpret_cast<sockaddr*>(&a), sizeof a.sun_family)); // autobind: an abstract name
    return s;
}

std::pair<unique_fd, unique_fd> raw_tcp_pair()
{
    const unique_fd server = bound_tcp();
    must(::listen(server.get(), 1));
    sockaddr_in a{};
    socklen_t size = sizeof a;
    must(::getsockname(server.get(), reinterpret_cast<sockaddr*>(&a), &size));
    unique_fd client(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    must(::connect(client.get(), reinterpret_cast<sockaddr*>(&a), sizeof a));
    unique_fd accepted(must(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    return {std::move(client), std::move(accepted)};
}

unique_fd duplicate_fd(int fd)
{
    return unique_fd(must(::fcntl(fd, F_DUPFD_CLOEXEC, 3)));
}

bool is_open(int fd)
{
    return ::fcntl(fd, F_GETFD) >= 0;
}

bool closes_on_exec(int fd)
{
    return (must(::fcntl(fd, F_GETFD)) & FD_CLOEXEC) != 0;
}

int closed_number()
{
    const unique_fd highest(must(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    return highest.get() + 100;
}

unsigned long exchange_limit(int resource, unsigned long limit)
{
    rlimit r{};
    must(::getrlimit(resource, &r));
    const auto old = std::exchange(r.rlim_cur, limit);
    must(::setrlimit(resource, &r));
    return old;
}

no_more_descriptors::no_more_descriptors()
{
    // UndefinedBehaviorSanitizer makes a pipe when it meets a type for the first time, and reports an error without one.
    for (const error_code& ec : {error_code(EMFILE, boost::system::system_category()), error_code(errc::timed_out),
                                 error_code(EMFILE, boost::system::generic_category())})
        try {
            throw_error(ec);
        } catch (const error& e) {
            (void)(e.code() == boost::system::errc::too_many_files_open ? e.what() : "");
        }
    unique_fd lowest = duplicate_fd(STDIN_FILENO); // all below are taken
    const auto number = static_cast<unsigned long>(lowest.get());
    lowest.reset();
    limit_ = exchange_limit(RLIMIT_NOFILE, number);
}

no_more_descriptors::~no_more_descriptors()
{
    exchange_limit(RLIMIT_NOFILE, limit_);
}

std::map<int, std::string> open_descriptors()
{
    std::map<int, std::string> found;
    DIR* dir = ::opendir("/proc/self/fd");
    if (dir == nullptr)
        throw std::system_error(errno, std::generic_category());
    while (const dirent* e = ::readdir(dir)) {
        const int fd = std::atoi(e->d_name);
        if (e->d_name[0] == '.' || fd == ::dirfd(dir))
            continue;
        char target[256];
        const ssize_t n = ::readlinkat(::dirfd(dir), e->d_name, target, sizeof target);
        found[fd] = n < 0 ? std::string() : std::string(target, static_cast<std::size_t>(n));
    }
    ::closedir(dir);
    return found;
}

int in_child(const std::function<int()>& f)
{
    const pid_t pid = must(::fork());
    if (pid == 0) {
        for (const int fatal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTERM})
            ::signal(fatal, SIG_DFL); // the test framework's handlers would report a test that is not its own
        int code = 99;
        try {
            code = f();
        } catch (const std::exception& e) {
            std::fprintf(stderr, "in the child: %s\n", e.what());
        }
        ::_exit(code);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

pid_t thread_id()
{
    return static_cast<pid_t>(::syscall(SYS_gettid));
}

void until_waiting(pid_t thread)
{
    const std::string path = "/proc/self/task/" + std::to_string(thread) + "/syscall";
    for (;;) {
        std::ifstream file(path);
        long number = -1;
        if (!file)
            throw std::system_error(ENOENT, std::generic_category(), path);
        // "running" while it runs, else the number of the call that it sleeps in.
        if (file >> number && (number == SYS_poll || number == SYS_ppoll))
            return;
        ::sched_yield();
    }
}

} // namespace ferrule::test
