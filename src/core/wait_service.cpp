#include "src/core/wait_service.hpp"

#include <new>
#include <utility>

namespace ferrule::detail {

boost::asio::execution_context::id wait_service::id;

wait_service& wait_service::of(boost::asio::execution_context& context)
{
    if (!boost::asio::has_service<wait_service>(context))
        os::watched_handle::prepare(context);
    return boost::asio::use_service<wait_service>(context);
}

std::unique_lock<std::mutex> wait_service::guard() noexcept
{
    // In the child of a fork, the hub is the parent's.
    forked_.check([this] {
        new (&mutex_) std::mutex;
        new (&hub_) std::shared_ptr<wait_hub>;
    });
    return std::unique_lock(mutex_);
}

std::shared_ptr<wait_hub> wait_service::hub()
{
    const auto held = guard();
    if (!hub_)
        hub_ = std::make_shared<wait_hub>(context());
    return hub_;
}

void wait_service::shutdown() noexcept
{
    std::shared_ptr<wait_hub> hub;
    {
        const auto held = guard();
        ended_ = true;
        hub = std::move(hub_);
    }
    if (hub)
        hub->end();
}

} // namespace ferrule::detail
