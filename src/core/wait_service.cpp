#include "src/core/wait_service.hpp"

namespace ferrule::detail {

boost::asio::execution_context::id wait_service::id;

wait_service& wait_service::of(const boost::asio::any_io_executor& executor, boost::asio::execution_context& context)
{
    if (!boost::asio::has_service<wait_service>(context))
        os::watched_handle::prepare(executor);
    return boost::asio::use_service<wait_service>(context);
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
    // The points leave outside the mutex, since other threads take it while they hold a point's mutex.
    for (;;) {
        std::shared_ptr<wait_point> point;
        {
            const std::lock_guard guard(mutex_);
            ended_ = true;
            if (points_.empty())
                return;
            point = points_.extract(points_.begin()).value().lock();
        }
        if (point)
            point->leave(context());
    }
}

} // namespace ferrule::detail
