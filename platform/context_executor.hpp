// An executor for ferrule's own handlers. Private.
#pragma once

#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>

#include <utility>

namespace ferrule::os {

/// Runs a handler inside the call that completes it, in a thread of the context. A strand of a user neither delays the
/// handler nor is delayed by it.
class context_executor {
public:
    explicit context_executor(boost::asio::execution_context& c) noexcept : context_(&c) {}

    [[nodiscard]] boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept
    {
        return *context_;
    }
    template <class F>
    void execute(F&& f) const
    {
        std::forward<F>(f)();
    }
    friend bool operator==(const context_executor&, const context_executor&) noexcept = default;

private:
    boost::asio::execution_context* context_;
};

} // namespace ferrule::os
