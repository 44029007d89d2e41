#include "platform/posix/last_error.hpp"
#include "platform/process.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <string_view>
#include <unistd.h>

extern char** environ;

namespace ferrule::os {
namespace {

// posix_spawn does not copy the page tables. It also runs no code of ours in the child of a process that has threads.
class spawn_actions {
public:
    spawn_actions() { posix::check(posix_spawn_file_actions_init(&actions_)); }
    spawn_actions(const spawn_actions&) = delete;
    spawn_actions& operator=(const spawn_actions&) = delete;
    ~spawn_actions() { posix_spawn_file_actions_destroy(&actions_); }

    void duplicate(int from, int to) { posix::check(posix_spawn_file_actions_adddup2(&actions_, from, to)); }
    void close(int fd) { posix::check(posix_spawn_file_actions_addclose(&actions_, fd)); }
    void close_from(int fd) { posix::check(posix_spawn_file_actions_addclosefrom_np(&actions_, fd)); }
    [[nodiscard]] const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

private:
    posix_spawn_file_actions_t actions_;
};

// Gives the child an empty signal mask and the default action for SIGPIPE. It would otherwise inherit this process's
// settings, which programs do not expect. Servers ignore SIGPIPE, and block the signals that they take from a signalfd.
class spawn_attributes {
public:
    spawn_attributes()
    {
        posix::check(posix_spawnattr_init(&attributes_));
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

/// Returns this process's environment with the numbers of the inherited handles.
std::vector<std::string> environment(std::span<const given_handle> given)
{
    const std::string variable = std::string(inherited_variable) + "=";
    std::vector<std::string> all;
    for (char** e = environ; *e != nullptr; ++e) {
        if (!std::string_view(*e).starts_with(variable))
            all.emplace_back(*e);
    }
    std::string numbers;
    for (const given_handle& g : given) {
        if (g.number > STDERR_FILENO)
            (numbers += numbers.empty() ? "" : ",") += std::to_string(g.number);
    }
    if (!numbers.empty())
        all.push_back(variable + numbers);
    return all;
}

} // namespace

native_process start_process(const std::vector<std::string>& command, std::span<const given_handle> given,
                             bool ends_with_parent)
{
    if (ends_with_parent)
        throw_error(errc::unsupported);
    std::vector<int> numbers;
    int above = STDERR_FILENO + 1;
    for (const given_handle& g : given) {
        numbers.push_back(g.number);
        above = std::max(above, g.number + 1);
    }

    // The duplicates lie above all numbers, since a handle may occupy the number that another is to have in the child.
    std::vector<unique_handle> copies;
    spawn_actions actions;
    for (const given_handle& g : given) {
        copies.push_back(posix::checked(::fcntl(g.handle, F_DUPFD_CLOEXEC, above)));
        actions.duplicate(copies.back().get(), g.number);
    }
    for (int n = STDERR_FILENO + 1; n < above; ++n) {
        if (std::ranges::find(numbers, n) == numbers.end())
            actions.close(n);
    }
    actions.close_from(above);

    const std::vector<std::string> variables = environment(given);
    pid_t pid;
    const std::vector<char*> arguments = pointers(command);
    const spawn_attributes attributes;
    if (const int e = posix_spawnp(&pid, arguments[0], actions.get(), attributes.get(), arguments.data(),
                                   pointers(variables).data());
        e != 0)
        throw error({e, boost::system::system_category()}, "ferrule: cannot start '" + command[0] + "'");
    return {pid, open_process(pid)};
}

descriptor open_inherited(std::string_view name)
{
    int number = invalid_handle;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size())
        nothing_inherited();
    return detail::own(number);
}

namespace {

// Whether the process was started with this stream. Descriptors that it or its libraries open later are close-on-exec,
// and may have the number of a missing standard stream.
bool is_standard_stream(int fd) noexcept
{
    const int flags = ::fcntl(fd, F_GETFD);
    return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

} // namespace

std::pair<descriptor, descriptor> take_standard_streams()
{
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO}) {
        if (!is_standard_stream(fd))
            throw usage_error(errc::bad_descriptor, std::string("the process was started without standard ") +
                                                        (fd == STDIN_FILENO ? "input" : "output"));
    }
    const unique_handle nothing = posix::checked(::open("/dev/null", O_RDWR | O_CLOEXEC));
    std::pair<descriptor, descriptor> ends(duplicate(STDIN_FILENO), duplicate(STDOUT_FILENO));
    if (::dup2(nothing.get(), STDIN_FILENO) < 0)
        posix::check(errno);
    if (::dup2(is_standard_stream(STDERR_FILENO) ? STDERR_FILENO : nothing.get(), STDOUT_FILENO) < 0)
        posix::check(errno);
    return ends;
}

} // namespace ferrule::os
