#include <ferrule/process/spawn.hpp>

#include "platform/process.hpp"

#include <algorithm>
#include <deque>

namespace ferrule {
namespace {

/// Throws `error` for arguments that every system refuses.
void check(const std::vector<std::string>& command, std::initializer_list<child_handle> inherited)
{
    std::vector<int> numbers;
    for (const child_handle& i : inherited)
        numbers.push_back(i.number);
    std::ranges::sort(numbers);
    if (command.empty() || (!numbers.empty() && numbers[0] < 0) || std::ranges::adjacent_find(numbers) != numbers.end())
        throw_error(errc::invalid_argument);
    for (const child_handle& i : inherited)
        detail::require_nothing_held(i.end.channel());
}

} // namespace

child spawn(const std::vector<std::string>& command, std::initializer_list<child_handle> inherited,
            const spawn_options& o)
{
    check(command, inherited);
    std::deque<detail::handle_use> uses; // keep the handles open
    std::vector<os::given_handle> given;
    for (const child_handle& i : inherited) {
        const native_handle_type h = uses.emplace_back(i.end.channel()).get();
        if (h == invalid_handle)
            throw_error(errc::closed);
        given.push_back({h, i.number});
    }
    const os::native_process started = os::start_process(command, given, o.ends_with_parent());
    uses.clear();
    for (const child_handle& i : inherited) {
        if (i.closed_here != nullptr)
            i.closed_here->close();
    }
    return {started.pid, started.handle};
}

} // namespace ferrule
