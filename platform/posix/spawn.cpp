#include "platform/posix/unique_fd.hpp"
#include "platform/process.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <spawn.h>
#include <string_view>
#include <unistd.h>

extern char** environ;

namespace ferrule {
namespace {

void check(int error_number)
{
    if (error_number != 0)
        throw_error({error_number, boost::system::system_category()});
}

// posix_spawn and not a library's fork: it does not copy the page tables, and lets no code of ours run in the child of a
// process that has threads.
class spawn_actions {
public:
    spawn_actions() { check(posix_spawn_file_actions_init(&actions_)); }
    spawn_actions(const spawn_actions&) = delete;
    spawn_actions& operator=(const spawn_actions&) = delete;
    ~spawn_actions() { posix_spawn_file_actions_destroy(&actions_); }

    void duplicate(int from, int to) { check(posix_spawn_file_actions_adddup2(&actions_, from, to)); }
    void close(int fd) { check(posix_spawn_file_actions_addclose(&actions_, fd)); }
    void close_from(int fd) { check(posix_spawn_file_actions_addclosefrom_np(&actions_, fd)); }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

private:
    posix_spawn_file_actions_t actions_;
};

// What the child is to be like, whatever this process has made of its signals: one that ignores SIGPIPE, as servers do, or blocks
// what it takes from a signalfd, would hand that on, and the program that is started does not expect it.
class spawn_attributes {
public:
    spawn_attributes()
    {
        check(posix_spawnattr_init(&attributes_));
        sigset_t signals;
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes_, &signals);
        sigaddset(&signals, SIGPIPE);
        posix_spawnattr_setsigdefault(&attributes_, &signals);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    spawn_attributes(const spawn_attributes&) = delete;
    spawn_attributes& operator=(const spawn_attributes&) = delete;
    ~spawn_attributes() { posix_spawnattr_destroy(&attributes_); }

    [[nodiscard]] const posix_spawnattr_t* get() const noexcept { return &attributes_; }

private:
    posix_spawnattr_t attributes_;
};

std::vector<char*> pointers(const std::vector<std::string>& strings)
{
    std::vector<char*> p;
    for (const std::string& s : strings)
        p.push_back(const_cast<char*>(s.c_str()));
    p.push_back(nullptr);
    return p;
}

/// Ours, but for the numbers.
std::vector<std::string> environment(std::initializer_list<inheritance> inherited)
{
    const std::string variable = std::string(os::inheritance_variable) + "=";
    std::vector<std::string> all;
    for (char** e = environ; *e != nullptr; ++e) {
        if (!std::string_view(*e).starts_with(variable))
            all.emplace_back(*e);
    }
    std::string numbers;
    for (const inheritance& i : inherited) {
        if (i.number > STDERR_FILENO)
            (numbers += numbers.empty() ? "" : ",") += std::to_string(i.number);
    }
    if (!numbers.empty())
        all.push_back(variable + numbers);
    return all;
}

} // namespace

child spawn(const std::vector<std::string>& command, std::initializer_list<inheritance> inherited,
            const spawn_options& o)
{
    if (o.ends_with_parent())
        throw_error(errc::unsupported);
    const std::vector<int> numbers = os::check_inheritance(command, inherited);
    const int above = numbers.empty() ? STDERR_FILENO + 1 : std::max(numbers.back(), STDERR_FILENO) + 1;

    // Duplicates above all numbers: the numbers that the ends have here may be those that other ends are to have there.
    std::vector<posix::unique_fd> copies;
    spawn_actions actions;
    for (const inheritance& i : inherited) {
        const detail::handle_use use(i.end.channel()); // nobody closes it meanwhile
        if (use.get() == invalid_handle)
            throw_error(errc::closed);
        copies.push_back(posix::checked(::fcntl(use.get(), F_DUPFD_CLOEXEC, above)));
        actions.duplicate(copies.back().get(), i.number);
    }
    for (int n = STDERR_FILENO + 1; n < above; ++n) {
        if (!std::ranges::binary_search(numbers, n))
            actions.close(n);
    }
    actions.close_from(above);

    const std::vector<std::string> variables = environment(inherited);
    pid_t pid;
    const std::vector<char*> arguments = pointers(command);
    const spawn_attributes attributes;
    if (const int e = posix_spawnp(&pid, arguments[0], actions.get(), attributes.get(), arguments.data(),
                                   pointers(variables).data());
        e != 0)
        throw error({e, boost::system::system_category()}, "ferrule: cannot start '" + command[0] + "'");
    os::close_what_was_moved(inherited);
    return child(pid);
}

descriptor inherited(std::size_t which)
{
    return os::take_inherited(which, [](std::string_view name) {
        int number = invalid_handle;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
        if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size())
            os::nothing_inherited();
        return detail::own(number);
    });
}

void os::forget_inheritance() noexcept
{
    ::unsetenv(inheritance_variable);
}

namespace {

// Whether the process was started with it. What it has opened itself, and what its libraries have, is close-on-exec, and may have got
// the number of a standard stream that was missing.
bool is_standard_stream(int fd) noexcept
{
    const int flags = ::fcntl(fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

} // namespace

std::pair<descriptor, descriptor> standard_streams()
{
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO}) {
        if (!is_standard_stream(fd))
            throw usage_error(errc::bad_descriptor, std::string("the process was started without standard ") +
                                                        (fd == STDIN_FILENO ? "input" : "output"));
    }
    const posix::unique_fd nothing = posix::checked(::open("/dev/null", O_RDWR | O_CLOEXEC));
    std::pair<descriptor, descriptor> ends(duplicate(STDIN_FILENO), duplicate(STDOUT_FILENO));
    if (::dup2(nothing.get(), STDIN_FILENO) < 0)
        check(errno);
    if (::dup2(is_standard_stream(STDERR_FILENO) ? STDERR_FILENO : nothing.get(), STDOUT_FILENO) < 0)
        check(errno);
    return ends;
}

} // namespace ferrule
