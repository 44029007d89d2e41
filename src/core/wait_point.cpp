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
        forget();
        new (&in_hub_) hub_entry;
    });
    return std::unique_lock(mutex_);
}

error_code wait_point::rest(boost::asio::execution_context& context, std::shared_ptr<resting> r,
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
    return hub_->rest(*this, std::move(r), targets, again);
}

void wait_point::wake_resting() noexcept
{
    if (hub_)
        hub_->wake(*this);
}

void wait_point::unwatch() noexcept
{
    if (is_watched())
        hub_->unwatch(*this);
    report_ = told::nothing;
}

void wait_point::report(os::report how) noexcept
{
    const auto held = guard();
    if (how != os::report::level)
        report_ = waiting != nullptr && how == os::report::edge ? told::heeded : told::unheeded;
    if (waiting != nullptr)
        waiting->notify();
}

std::shared_ptr<resting> wait_point::leave(const wait_hub& hub) noexcept
{
    const auto held = guard();
    if (hub_.get() != &hub)
        return nullptr;
    unwatch();
    waiting = nullptr; // can no longer be notified
    return std::exchange(hub_, nullptr)->take_off(*this);
}

} // namespace ferrule::detail
