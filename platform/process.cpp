#include "platform/process.hpp"

#include "platform/on_stop.hpp"
#include "platform/os.hpp"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <sstream>
#include <stop_token>
#include <utility>

namespace ferrule {

child::child(child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      handle_(std::exchange(other.handle_, invalid_handle)),
      ended_(std::exchange(other.ended_, true)),
      status_(other.status_)
{
}

child& child::operator=(child&& other) noexcept
{
    std::swap(pid_, other.pid_);
    std::swap(handle_, other.handle_);
    std::swap(ended_, other.ended_);
    std::swap(status_, other.status_);
    return *this;
}

exit_status child::wait(const until& limit)
{
    if (reap(false))
        return status_;
    if (handle_ == invalid_handle) {
        if (!limit.deadline().is_never() || limit.stop().stop_possible())
            throw_error(errc::unsupported);
        (void)reap(true);
        return status_;
    }
    os::wakeup& wakeup = os::wakeup::of_this_thread();
    std::optional<os::on_stop<std::function<void()>>> on_stop;
    if (limit.stop().stop_possible())
        on_stop.emplace(limit.stop(), [&wakeup] { wakeup.signal(); });
    const readiness ended = readiness::readable(handle_);
    const os::wait_result r = os::wait({&ended, 1}, wakeup, limit.deadline());
    on_stop.reset();
    if (r == os::wait_result::woken || limit.stop().stop_requested())
        wakeup.clear(); // a signal that came too late to be seen would end a later wait
    if (reap(false))
        return status_;
    throw_error(r == os::wait_result::late ? errc::timed_out : errc::cancelled);
}

} // namespace ferrule

namespace ferrule::os {

std::string inherited_name(std::size_t which)
{
    const char* const found = std::getenv(inheritance_variable);
    std::istringstream all(found == nullptr ? "" : found);
    std::string name;
    for (std::size_t i = 0; i <= which; ++i) {
        if (!std::getline(all, name, ','))
            name.clear();
    }
    return name;
}

std::vector<int> check_inheritance(const std::vector<std::string>& command,
                                   std::initializer_list<inheritance> inherited)
{
    std::vector<int> numbers;
    for (const inheritance& i : inherited)
        numbers.push_back(i.number);
    std::ranges::sort(numbers);
    if (command.empty() || (!numbers.empty() && numbers[0] < 0) || std::ranges::adjacent_find(numbers) != numbers.end())
        throw_error(errc::invalid_argument);
    return numbers;
}

void nothing_inherited()
{
    throw usage_error(errc::bad_descriptor, std::string("FERRULE_FD names no such descriptor"));
}

} // namespace ferrule::os
