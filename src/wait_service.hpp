// Tells what waits outside Asio's own queues that a context ends. Private.
#pragma once

#include "src/wait_point.hpp"

#include <boost/asio/execution_context.hpp>

#include <list>
#include <memory>
#include <mutex>
#include <set>

namespace ferrule::detail {

class async_operation;

/// Asio destroys the handlers in its queues when a context ends, but those in the queue of a `cross_lock` would outlive
/// it and then touch it (tried: use after free). So each waiting context carries this service.
class wait_service final : public boost::asio::execution_context::service {
public:
    static boost::asio::execution_context::id id;
    using key_type = wait_service;

    explicit wait_service(boost::asio::execution_context& context) : service(context) {}

    /// The service of the executor's context, made at the first use. Made after Asio's reactor and timers, so that it
    /// is shut down before them.
    static wait_service& of(const boost::asio::any_io_executor& executor, boost::asio::execution_context& context);

    using link = std::list<std::shared_ptr<async_operation>>;
    /// Keeps an operation that waits in a lock's queue alive until `remove`.
    [[nodiscard]] link::iterator add(std::shared_ptr<async_operation> op);
    /// Returns what `add` was given, so that the caller decides when it dies.
    [[nodiscard]] std::shared_ptr<async_operation> remove(link::iterator where) noexcept;
    /// Keeps a wait point in mind for as long as it exists.
    void add(const std::shared_ptr<wait_point>& p);

private:
    void shutdown() noexcept override;

    std::mutex mutex_;
    link waiting_;
    std::set<std::weak_ptr<wait_point>, std::owner_less<>> points_;
    std::size_t prune_at_ = 16;
};

} // namespace ferrule::detail
