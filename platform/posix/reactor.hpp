// See platform/reactor.hpp.
#pragma once

#include "platform/os.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <utility>

namespace ferrule::os {

/// Registers the handle of a `readiness_set` with a reactor. Does not own the handle.
class watched_handle {
public:
    template <class Executor>
    watched_handle(const Executor& e, native_handle_type h, error_code& ec) : descriptor_(e)
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
    template <class Executor>
    static void prepare(const Executor& e)
    {
        const boost::asio::posix::stream_descriptor reactor(e);
    }

    /// Whether a handler without an executor would run on this one.
    template <class Executor>
    [[nodiscard]] bool runs_on(const Executor& e)
    {
        return descriptor_.get_executor() == e;
    }
    /// Calls `handler(error_code)` when the handle is ready, or after `cancel`.
    template <class Handler>
    void async_wait(Handler&& handler)
    {
        descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, std::forward<Handler>(handler));
    }
    /// May throw what Asio throws.
    void cancel() { descriptor_.cancel(); }

private:
    boost::asio::posix::stream_descriptor descriptor_;
};

} // namespace ferrule::os
