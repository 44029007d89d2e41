// See platform/reactor.hpp.
#pragma once

#include "platform/context_executor.hpp"
#include "platform/os.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <utility>

namespace ferrule::os {

class readiness_set::member {
public:
    member() = default;
    member(const member&) = delete;
    member& operator=(const member&) = delete;
    [[nodiscard]] bool is_watched() const noexcept { return uses_[0].of != nullptr || uses_[1].of != nullptr; }
    [[nodiscard]] bool is_watched_for(std::span<const readiness> targets) const noexcept;

protected:
    ~member() = default;
    void forget() noexcept { uses_[0] = uses_[1] = {}; }

private:
    friend class readiness_set;
    struct use {
        entry* of = nullptr;
        use* next = nullptr; // of the same entry
        member* by = nullptr;
        bool write = false;

        [[nodiscard]] bool serves(const readiness& t) const noexcept;
    };
    use uses_[2];
};

/// Registers the handle of a `readiness_set` with the reactor of a context. Does not own the handle.
class watched_handle {
    using descriptor = boost::asio::posix::basic_stream_descriptor<context_executor>;

public:
    watched_handle(boost::asio::execution_context& c, native_handle_type h, error_code& ec)
        : descriptor_(context_executor(c))
    {
        descriptor_.assign(h, ec);
    }
    watched_handle(const watched_handle&) = delete;
    watched_handle& operator=(const watched_handle&) = delete;
    ~watched_handle()
    {
        if (descriptor_.is_open())
            descriptor_.release();
    }

    /// Makes the reactor's services if the context has none.
    static void prepare(boost::asio::execution_context& c) { const descriptor reactor{context_executor(c)}; }

    /// Calls `handler(error_code)` in a thread of the context when the handle is ready, or after `cancel`.
    template <class Handler>
    void async_wait(Handler&& handler)
    {
        descriptor_.async_wait(descriptor::wait_read, std::forward<Handler>(handler));
    }
    /// May throw what Asio throws.
    void cancel() { descriptor_.cancel(); }

private:
    descriptor descriptor_;
};

} // namespace ferrule::os
