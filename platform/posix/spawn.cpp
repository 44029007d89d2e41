#include "platform/posix/unique_fd.hpp"
#include "platform/process.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
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
    if (const int e =
            posix_spawnp(&pid, arguments[0], actions.get(), nullptr, arguments.data(), pointers(variables).data());
        e != 0)
        throw error({e, boost::system::system_category()}, "ferrule: cannot start '" + command[0] + "'");
    return child(pid);
}

descriptor inherited(std::size_t which)
{
    const std::string name = os::inherited_name(which);
    int number = invalid_handle;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size())
        os::nothing_inherited();
    return adopt(number);
}

std::pair<descriptor, descriptor> standard_streams()
{
    const posix::unique_fd nothing = posix::checked(::open("/dev/null", O_RDWR | O_CLOEXEC));
    std::pair<descriptor, descriptor> ends(duplicate(STDIN_FILENO), duplicate(STDOUT_FILENO));
    if (::dup2(nothing.get(), STDIN_FILENO) < 0)
        check(errno);
    if (::dup2(STDERR_FILENO, STDOUT_FILENO) < 0 && ::dup2(nothing.get(), STDOUT_FILENO) < 0)
        check(errno);
    return ends;
}

} // namespace ferrule
