#include <ferrule/process/child.hpp>

#include "platform/on_stop.hpp"
#include "platform/os.hpp"
#include "platform/process.hpp"
#include "platform/unique_handle.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

namespace ferrule {

child::child(int pid) : pid_(pid), handle_(os::open_process(pid)) {}

child::child(int pid, native_handle_type handle) noexcept : pid_(pid), handle_(handle) {}

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

child::~child()
{
    (void)reap(false);
    if (handle_ != invalid_handle)
        os::close_handle(handle_);
}

bool child::has_handle() noexcept
{
    if (handle_ == invalid_handle && !ended_)
        handle_ = os::open_process(pid_);
    return handle_ != invalid_handle;
}

bool child::reap(bool block) noexcept
{
    if (ended_)
        return true;
    const std::optional<os::process_end> end = os::reap({pid_, handle_}, block);
    if (!end)
        return false;
    ended_ = true;
    status_ = exit_status(end->code, end->signal);
    return true;
}

void child::kill() noexcept
{
    // Once the child has been reaped, here or elsewhere, its number may belong to another process.
    if (reap(false))
        return;
    (void)has_handle();
    os::kill({pid_, handle_});
}

exit_status child::wait(const until& timeout)
{
    error_code ec;
    const exit_status status = wait(timeout, ec);
    if (ec)
        throw_error(ec);
    return status;
}

exit_status child::wait(const until& timeout, error_code& ec)
{
    ec = {};
    if (reap(false))
        return status_;
    const std::stop_token& stop = timeout.stop();
    if (timeout.deadline().is_never() && !stop.stop_possible()) {
        (void)reap(true);
        return status_;
    }
    // Polls if there is no descriptor left to wait for. Also polls if the end of the child is visible before it can be
    // reaped, as under a debugger.
    const auto look_again_later = [&] { // within the time that a stop request may take
        const auto soon = deadline::clock::now() + std::chrono::milliseconds(5);
        std::this_thread::sleep_until(std::min(soon, timeout.deadline().at()));
    };
    for (;;) {
        os::wakeup* const wakeup = has_handle() ? os::wakeup::try_of_this_thread() : nullptr;
        if (wakeup == nullptr)
            look_again_later();
        else {
            std::optional<os::on_stop<std::function<void()>>> on_stop;
            if (stop.stop_possible())
                on_stop.emplace(stop, [wakeup] { wakeup->signal(); });
            const readiness ended = readiness::readable(handle_);
            const os::wait_result r = os::wait({&ended, 1}, *wakeup, timeout.deadline());
            on_stop.reset();
            wakeup->clear(); // a late signal would end a later wait
            if (r == os::wait_result::ready && !reap(false))
                look_again_later();
        }
        if (reap(false))
            return status_;
        if (stop.stop_requested())
            ec = errc::cancelled;
        else if (timeout.deadline().expired())
            ec = errc::timed_out;
        if (ec)
            return {-1, 0};
    }
}

} // namespace ferrule
