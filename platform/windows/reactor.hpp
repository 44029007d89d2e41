// See platform/reactor.hpp.
#pragma once

#include "platform/context_executor.hpp"
#include "platform/os.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/windows/basic_object_handle.hpp>

#include <memory>
#include <utility>

namespace ferrule::os {

class readiness_set::member {
public:
    member() noexcept;
    member(const member&) = delete;
    member& operator=(const member&) = delete;
    [[nodiscard]] bool is_watched() const noexcept { return waits_ != nullptr; }
    // A wait ends with its report.
    [[nodiscard]] bool is_watched_for(std::span<const readiness>) const noexcept { return false; }

protected:
    ~member();
    void forget() noexcept {}

private:
    friend class readiness_set;
    std::unique_ptr<entry> waits_;
};

/// Returns another handle of the same event, or sets `ec`.
[[nodiscard]] native_handle_type duplicate_event(native_handle_type h, error_code& ec) noexcept;
void close_event(native_handle_type h) noexcept;

/// Registers the event of a `readiness_set` with the reactor of a context.
class watched_handle {
    using object_handle = boost::asio::windows::basic_object_handle<context_executor>;

public:
    watched_handle(boost::asio::execution_context& c, native_handle_type h, error_code& ec)
        : event_(context_executor(c))
    {
        // Asio closes the handle that it is given.
        const native_handle_type own = duplicate_event(h, ec);
        if (ec)
            return;
        event_.assign(own, ec);
        if (ec)
            close_event(own);
    }

    static void prepare(boost::asio::execution_context& c) { const object_handle reactor{context_executor(c)}; }

    template <class Handler>
    void async_wait(Handler&& handler)
    {
        event_.async_wait(std::forward<Handler>(handler));
    }
    void cancel() { event_.cancel(); }

private:
    object_handle event_;
};

} // namespace ferrule::os
