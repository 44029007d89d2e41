// See platform/reactor.hpp.
#pragma once

#include "platform/context_executor.hpp"
#include "platform/os.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/windows/basic_object_handle.hpp>

#include <memory>
#include <span>
#include <utility>

namespace ferrule::os {

/// As on POSIX. A thread of the system's pool waits for each target.
class readiness_set {
    struct waits;
    struct state;

public:
    class member {
    public:
        member() noexcept;
        member(const member&) = delete;
        member& operator=(const member&) = delete;
        [[nodiscard]] bool is_watched() const noexcept { return waits_ != nullptr; }

    protected:
        ~member();
        void forget() noexcept {}

    private:
        friend class readiness_set;
        std::unique_ptr<waits> waits_;
    };
    class visitor {
    public:
        virtual void found(member& m, report how) noexcept = 0;

    protected:
        ~visitor() = default;
    };

    readiness_set() noexcept;
    readiness_set(readiness_set&& other) noexcept;
    readiness_set& operator=(readiness_set&& other) noexcept;
    ~readiness_set();

    [[nodiscard]] bool is_open() const noexcept { return state_ != nullptr; }
    [[nodiscard]] error_code open() noexcept;
    [[nodiscard]] native_handle_type handle() const noexcept;
    [[nodiscard]] error_code watch(member& m, std::span<const readiness> targets, bool again) noexcept;
    void unwatch(member& m) noexcept;
    void visit_ready(visitor& v) noexcept;

private:
    std::unique_ptr<state> state_;
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
