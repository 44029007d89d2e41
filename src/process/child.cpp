#include "platform/process.hpp"

#include "platform/on_stop.hpp"
#include "platform/os.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
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
    error_code ec;
    const exit_status status = wait(limit, ec);
    if (ec)
        throw_error(ec);
    return status;
}

exit_status child::wait(const until& limit, error_code& ec)
{
    ec = {};
    if (reap(false))
        return status_;
    const std::stop_token& stop = limit.stop();
    if (limit.deadline().is_never() && !stop.stop_possible()) {
        (void)reap(true);
        return status_;
    }
    // Where there is no descriptor left to wait for, looking now and then has to do; and where the end of the child is seen before
    // it can be reaped, as under a debugger.
    const auto look_again_later = [&] { // within the time that a stop request may take
        const auto soon = deadline::clock::now() + std::chrono::milliseconds(5);
        std::this_thread::sleep_until(std::min(soon, limit.deadline().at()));
    };
    for (;;) {
        os::wakeup* const wakeup = watch() ? os::wakeup::try_of_this_thread() : nullptr;
        if (wakeup == nullptr)
            look_again_later();
        else {
            std::optional<os::on_stop<std::function<void()>>> on_stop;
            if (stop.stop_possible())
                on_stop.emplace(stop, [wakeup] { wakeup->signal(); });
            const readiness ended = readiness::readable(handle_);
            const os::wait_result r = os::wait({&ended, 1}, *wakeup, limit.deadline());
            on_stop.reset();
            wakeup->clear(); // a signal that came too late to be seen would end a later wait
            if (r == os::wait_result::ready && !reap(false))
                look_again_later();
        }
        if (reap(false))
            return status_;
        if (stop.stop_requested())
            ec = errc::cancelled;
        else if (limit.deadline().expired())
            ec = errc::timed_out;
        if (ec)
            return {-1, 0};
    }
}

} // namespace ferrule

namespace ferrule::os {

descriptor take_inherited(std::size_t which, descriptor (*open)(std::string_view name))
{
    static std::mutex mutex;
    static std::vector<std::string> names;
    const std::lock_guard guard(mutex);
    if (const char* const found = std::getenv(inheritance_variable); found != nullptr) {
        std::vector<std::string> all;
        for (std::string_view rest = found; !rest.empty();) {
            const std::string_view name = rest.substr(0, rest.find(','));
            all.emplace_back(name);
            rest.remove_prefix(std::min(name.size() + 1, rest.size()));
        }
        names = std::move(all);
        forget_inheritance();
    }
    if (which >= names.size() || names[which].empty())
        nothing_inherited();
    descriptor d = open(names[which]);
    names[which].clear();
    return d;
}

void close_what_was_moved(std::initializer_list<inheritance> inherited) noexcept
{
    for (const inheritance& i : inherited) {
        if (i.closed_here != nullptr)
            i.closed_here->close();
    }
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
    for (const inheritance& i : inherited)
        detail::require_nothing_held(i.end.channel());
    return numbers;
}

void nothing_inherited()
{
    throw usage_error(errc::bad_descriptor, std::string("FERRULE_FD names no such descriptor"));
}

} // namespace ferrule::os
