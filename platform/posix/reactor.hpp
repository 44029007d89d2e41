// See platform/reactor.hpp.
#pragma once

#include "platform/context_executor.hpp"
#include "platform/os.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <memory>
#include <span>
#include <utility>

namespace ferrule::os {

/// Combines the targets of many members behind one handle that a reactor can watch. Not thread-safe.
class readiness_set {
    struct descriptor;
    struct state;

public:
    /// Somebody who waits. Is watched for nothing when destroyed.
    class member {
    public:
        member() = default;
        member(const member&) = delete;
        member& operator=(const member&) = delete;
        [[nodiscard]] bool is_watched() const noexcept { return uses_[0].of != nullptr || uses_[1].of != nullptr; }

    protected:
        ~member() = default;
        /// Drops what belongs to a set of the parent process.
        void forget() noexcept { uses_[0] = uses_[1] = {}; }

    private:
        friend class readiness_set;
        struct use {
            descriptor* of = nullptr;
            use* next = nullptr; // of the same descriptor
            member* by = nullptr;
            bool write = false;
        };
        use uses_[2];
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
    /// The handle, which becomes readable when a target becomes ready.
    [[nodiscard]] native_handle_type handle() const noexcept;
    /// Replaces the targets of `m`, at most two. A target that is ready already is reported, too, unless it is known
    /// and its last report said otherwise; with `again` it is in any case.
    [[nodiscard]] error_code watch(member& m, std::span<const readiness> targets, bool again) noexcept;
    /// Watches nothing for `m`. Must precede closing a target.
    void unwatch(member& m) noexcept;
    /// Calls `v.found` for the members of which a target is ready. `found` must not use the set.
    void visit_ready(visitor& v) noexcept;

private:
    std::unique_ptr<state> state_;
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
