// What ferrule keeps for each execution context. Private.
#pragma once

#include "src/core/wait_hub.hpp"

#include <boost/asio/execution_context.hpp>

#include <memory>
#include <mutex>

namespace ferrule::detail {

/// Lives as long as its context, and tells what waits in the context that it ends.
class wait_service final : public boost::asio::execution_context::service {
public:
    static boost::asio::execution_context::id id;
    using key_type = wait_service;

    explicit wait_service(boost::asio::execution_context& context) : service(context) {}

    /// The service of a context, made at the first use. It is made after Asio's reactor and timers, so that it is shut
    /// down before them.
    static wait_service& of(boost::asio::execution_context& context);

    /// The place where operations wait for descriptors.
    [[nodiscard]] std::shared_ptr<wait_hub> hub();

    /// Calls `f`, which uses the context's timers, unless the context ends. Asio destroys its timers without a lock.
    template <class F>
    void unless_ended(F f) noexcept
    {
        const auto held = guard();
        if (!ended_)
            f();
    }

private:
    [[nodiscard]] std::unique_lock<std::mutex> guard() noexcept;
    void shutdown() noexcept override;

    fork_guard forked_;
    std::mutex mutex_;
    std::shared_ptr<wait_hub> hub_;
    bool ended_ = false;
};

} // namespace ferrule::detail
