#include "src/wait_service.hpp"

#include "src/async_operation.hpp"

#include <boost/asio/steady_timer.hpp>

namespace ferrule::detail {

boost::asio::execution_context::id wait_service::id;

wait_service& wait_service::of(const boost::asio::any_io_executor& executor, boost::asio::execution_context& context)
{
    if (!boost::asio::has_service<wait_service>(context)) {
        os::watched_handle::prepare(executor);
        const boost::asio::steady_timer timers(executor);
    }
    return boost::asio::use_service<wait_service>(context);
}

wait_service::link::iterator wait_service::add(std::shared_ptr<async_operation> op)
{
    const std::lock_guard guard(mutex_);
    return waiting_.insert(waiting_.end(), std::move(op));
}

std::shared_ptr<async_operation> wait_service::remove(link::iterator where) noexcept
{
    const std::lock_guard guard(mutex_);
    auto op = std::move(*where);
    waiting_.erase(where);
    return op;
}

void wait_service::add(const std::shared_ptr<wait_point>& p)
{
    const std::lock_guard guard(mutex_);
    if (points_.size() >= prune_at_) {
        std::erase_if(points_, [](const auto& weak) { return weak.expired(); });
        prune_at_ = 2 * points_.size() + 16;
    }
    points_.insert(p);
}

void wait_service::shutdown() noexcept
{
    // One at a time and outside the mutex: each takes the mutex of its lock, whose holder may be calling us.
    for (;;) {
        std::shared_ptr<async_operation> op;
        std::shared_ptr<wait_point> point;
        {
            const std::lock_guard guard(mutex_);
            if (!waiting_.empty())
                op = waiting_.front(); // removes itself
            else if (!points_.empty())
                point = points_.extract(points_.begin()).value().lock();
            else
                return;
        }
        if (op)
            op->abandon();
        if (point)
            point->leave(context());
    }
}

} // namespace ferrule::detail
