// The job of a coroutine.
#pragma once

#include "bench/job.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <utility>

namespace ferrule::bench {

namespace asio = boost::asio;

// A link is in pieces, so that a contender pays for no coroutine frame that its user would not write: `take()` says
// whether a whole message is there, and takes it; else `filled(co_await fill())` gets more.
template <class Link>
asio::awaitable<void> exchange_awaiting(Link& link, const job& j)
{
    clock_type::time_point began;
    for (int phase = 0; phase < 2; ++phase) {
        began = j.start();
        const std::size_t count = phase == 0 ? j.warm_up() : j.n;
        for (std::size_t i = 0; i < count; ++i) {
            if (j.sends_first())
                co_await link.send();
            if (j.receives()) {
                while (!link.take()) {
                    auto more = co_await link.fill();
                    link.filled(std::move(more));
                }
            }
            if (j.sends_last())
                co_await link.send();
        }
    }
    j.report(began);
}

template <class Link>
void run_coroutine(const job& j)
{
    asio::io_context context(1);
    Link link(context, j);
    std::exception_ptr failure;
    asio::co_spawn(context, exchange_awaiting(link, j), [&](std::exception_ptr e) { failure = e; });
    context.run();
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace ferrule::bench
