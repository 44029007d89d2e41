// The contexts of a schedule's asynchronous calls. Private.
#pragma once

#include "src/testing/calls.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include <array>
#include <future>
#include <list>
#include <memory>
#include <optional>
#include <utility>

namespace ferrule::testing::kit {

/// Two contexts that run when they are polled, or a strand of a pool with two threads. In the pool everything happens
/// in the strand, while waits and timers complete on the other thread. Must outlive the cancellation signals of its
/// calls.
class contexts {
public:
    explicit contexts(bool in_a_pool) : pooled_(in_a_pool)
    {
        renew(0);
        renew(1);
    }
    contexts(const contexts&) = delete;
    contexts& operator=(const contexts&) = delete;
    ~contexts() { end(); }

    [[nodiscard]] asio::any_io_executor operator[](std::size_t i) const
    {
        return pooled_ ? asio::any_io_executor(*strand_) : asio::any_io_executor(polled_[i]->get_executor());
    }
    /// Runs `f` while nothing else of the schedule runs. Rethrows exceptions.
    template <class F>
    void inside(F f)
    {
        if (!pooled_)
            return f();
        const auto task = std::make_shared<std::packaged_task<void()>>(std::move(f));
        auto done = task->get_future();
        asio::post(*strand_, [task] { (*task)(); });
        done.get();
    }
    /// Runs one ready handler. A pool runs by itself.
    std::size_t poll_one(std::size_t i)
    {
        if (pooled_)
            return 0;
        polled_[i]->restart();
        return polled_[i]->poll_one();
    }
    /// Ends one context with everything that waits there, and makes another in its place.
    void replace(std::size_t i)
    {
        if (pooled_)
            end();
        polled_[i].reset();
        renew(i);
    }
    void end()
    {
        strand_.reset();
        if (!pools_.empty())
            pools_.back().end();
        for (auto& c : polled_)
            c.reset();
    }

private:
    /// Kept after its end, because cancellation signals keep executors, and the executor of a strand needs its context.
    class pool : public asio::thread_pool {
    public:
        using thread_pool::thread_pool;
        void end()
        {
            stop();
            join();
            shutdown();
        }
    };
    void renew(std::size_t i)
    {
        if (!pooled_)
            polled_[i] = std::make_unique<asio::io_context>();
        else if (!strand_)
            strand_.emplace(asio::make_strand(pools_.emplace_back(2)));
    }

    const bool pooled_;
    std::array<std::unique_ptr<asio::io_context>, 2> polled_;
    std::list<pool> pools_;
    std::optional<asio::strand<asio::thread_pool::executor_type>> strand_;
};

} // namespace ferrule::testing::kit
