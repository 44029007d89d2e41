// Notifies waiting operations that their context ends. Private.
#pragma once

#include "src/core/wait_point.hpp"

#include <boost/asio/execution_context.hpp>

#include <memory>
#include <mutex>
#include <set>

namespace ferrule::detail {

/// Takes back the registrations with a context's reactor when the context ends. A wait point stays registered between
/// two waits, so each context that waits carries this service.
class wait_service final : public boost::asio::execution_context::service {
public:
    static boost::asio::execution_context::id id;
    using key_type = wait_service;

    explicit wait_service(boost::asio::execution_context& context) : service(context) {}

    /// The service of the executor's context, made at the first use. It is made after Asio's reactor and timers, so
    /// that it is shut down before them.
    static wait_service& of(const boost::asio::any_io_executor& executor, boost::asio::execution_context& context);

    /// Remembers a wait point for as long as it exists.
    void add(const std::shared_ptr<wait_point>& p);

    /// Calls `f`, which uses the context's timers, unless the context ends. Asio destroys its timers without a lock.
    template <class F>
    void unless_ended(F f) noexcept
    {
        const std::lock_guard guard(mutex_);
        if (!ended_)
            f();
    }

private:
    void shutdown() noexcept override;

    std::mutex mutex_;
    std::set<std::weak_ptr<wait_point>, std::owner_less<>> points_;
    std::size_t prune_at_ = 16;
    bool ended_ = false;
};

} // namespace ferrule::detail
