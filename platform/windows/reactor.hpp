// See platform/reactor.hpp.
#pragma once

#include "platform/os.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/windows/object_handle.hpp>

#include <utility>

namespace ferrule::os {

/// Returns another handle of the same event, or sets `ec`.
[[nodiscard]] native_handle_type duplicate_event(native_handle_type h, error_code& ec) noexcept;
void close_event(native_handle_type h) noexcept;

/// Registers the event of a `readiness_set` with a reactor.
class watched_handle {
public:
    template <class Executor>
    watched_handle(const Executor& e, native_handle_type h, error_code& ec) : event_(e)
    {
        // Asio closes the handle that it is given.
        const native_handle_type own = duplicate_event(h, ec);
        if (ec)
            return;
        event_.assign(own, ec);
        if (ec)
            close_event(own);
    }

    template <class Executor>
    static void prepare(const Executor& e)
    {
        const boost::asio::windows::object_handle reactor(e);
    }

    template <class Executor>
    [[nodiscard]] bool runs_on(const Executor& e)
    {
        return event_.get_executor() == e;
    }

    template <class Handler>
    void async_wait(Handler&& handler)
    {
        // Asio does this itself for its other objects.
        if (auto slot = boost::asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
            slot.assign([this](boost::asio::cancellation_type) {
                error_code over;
                event_.cancel(over);
            });
        }
        event_.async_wait(std::forward<Handler>(handler));
    }
    void cancel() { event_.cancel(); }

private:
    boost::asio::windows::object_handle event_;
};

} // namespace ferrule::os
