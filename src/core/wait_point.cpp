#include "src/core/wait_point.hpp"

#include "platform/caught.hpp"
#include "src/core/wait_hub.hpp"
#include "src/core/wait_service.hpp"

#include <new>
#include <utility>

namespace ferrule::detail {

wait_point::wait_point() noexcept = default;

wait_point::~wait_point()
{
    const auto held = guard();
    unwatch();
}

std::unique_lock<std::mutex> wait_point::guard() noexcept
{
    // In the child of a fork, the hub and what rests there are the parent's. They are leaked, since their destruction
    // would take the parent's registrations back.
    forked_.check([this] {
        new (&mutex_) std::mutex;
        waiting = nullptr;
        new (&hub_) std::shared_ptr<wait_hub>;
        new (&rests_) std::shared_ptr<resting>;
        forget();
        new (&in_hub_) hub_entry;
    });
    return std::unique_lock(mutex_);
}

error_code wait_point::rest(boost::asio::execution_context& context, std::shared_ptr<resting>&& r,
                            std::span<const readiness> targets, bool drained) noexcept
{
    if (!hub_ || !hub_->serves(context)) {
        unwatch();
        try {
            hub_ = wait_service::of(context).hub();
        } catch (...) {
            return os::caught();
        }
    }
    const bool again = report_ == told::unheeded || (report_ == told::heeded && !drained);
    report_ = told::nothing;
    if (again || !is_watched_for(targets)) {
        if (const error_code ec = hub_->watch(*this, targets, again))
            return ec;
    }
    rests_ = std::move(r);
    hub_->has_one_more();
    return {};
}

void wait_point::wake_resting() noexcept
{
    waiting = nullptr;
    if (rests_)
        hub_->wake(std::move(rests_));
}

void wait_point::unwatch() noexcept
{
    if (is_watched())
        hub_->unwatch(*this);
    report_ = told::nothing;
}

bool wait_point::report(const wait_hub& hub, os::report how, std::shared_ptr<resting>& to) noexcept
{
    const std::unique_lock held(mutex_, std::try_to_lock);
    if (!held)
        return false;
    if (hub_.get() != &hub)
        return true; // it waits in another context meanwhile
    if (how != os::report::level && report_ != told::unheeded)
        report_ = rests_ && how == os::report::edge ? told::heeded : told::unheeded;
    if (rests_)
        waiting = nullptr;
    to = std::move(rests_);
    return true;
}

std::shared_ptr<resting> wait_point::leave(const wait_hub& hub) noexcept
{
    const auto held = guard();
    if (hub_.get() != &hub)
        return nullptr;
    unwatch();
    waiting = nullptr; // can no longer be notified
    hub_.reset();
    return std::move(rests_);
}

} // namespace ferrule::detail
