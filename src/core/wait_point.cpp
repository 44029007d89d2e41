#include "src/core/wait_point.hpp"

#include "src/core/wait_service.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>

#include <new>
#include <thread>

namespace ferrule::detail {

namespace {
constexpr std::uint32_t recovering = UINT32_MAX;
}

wait_point::wait_point() noexcept : generation_(fork_generation()) {}

wait_point::~wait_point()
{
    const auto held = guard();
    stop_watching();
}

std::unique_lock<std::mutex> wait_point::guard() noexcept
{
    if (const auto current = fork_generation(); generation_.load(std::memory_order_acquire) != current)
        recover_from_fork(current);
    return std::unique_lock(mutex_);
}

// Called in the child of a fork. The mutex may be held by a thread that does not exist here. The set and the reactor's
// registration are shared with the parent, so the child only drops its own descriptor numbers.
void wait_point::recover_from_fork(std::uint32_t current) noexcept
{
    auto seen = generation_.load(std::memory_order_acquire);
    while (seen != current) {
        if (seen != recovering && generation_.compare_exchange_weak(seen, recovering, std::memory_order_acquire)) {
            new (&mutex_) std::mutex;
            waiting = nullptr;
            (void)watched_.release(); // leaked, since its destruction would remove the parent's registration
            context_ = nullptr;
            set_ = os::readiness_set();
            generation_.store(current, std::memory_order_release);
            return;
        }
        std::this_thread::yield();
        seen = generation_.load(std::memory_order_acquire);
    }
}

error_code wait_point::watch(const boost::asio::any_io_executor& executor, boost::asio::execution_context& context,
                             std::span<const readiness> targets)
{
    if (!set_.is_open()) {
        if (const error_code ec = set_.open())
            return ec;
    }
    if (context_ != &context) {
        stop_watching();
        wait_service::of(executor, context).add(shared_from_this());
        // Watching is not counted as work. A context may run out of work while its registration stays for later waits.
        error_code ec;
        watched_ = std::make_unique<os::watched_handle>(
            boost::asio::prefer(executor, boost::asio::execution::outstanding_work.untracked), set_.handle(), ec);
        if (ec) {
            watched_.reset();
            return ec;
        }
        context_ = &context;
    }
    return set_.watch(targets);
}

void wait_point::unwatch() noexcept
{
    set_.unwatch();
}

void wait_point::stop_watching() noexcept
{
    watched_.reset();
    context_ = nullptr;
}

void wait_point::leave(boost::asio::execution_context& context) noexcept
{
    const auto held = guard();
    if (context_ != &context)
        return;
    // The waiting operation is abandoned with the context's queues, and can no longer be notified.
    waiting = nullptr;
    stop_watching();
}

} // namespace ferrule::detail
