// Small ways to call and to look at what came of it.
#pragma once

#include <ferrule/error.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <utility>

namespace ferrule::test {

/// The code of the exception that `f` throws; none if it throws none.
template <class F>
error_code code_of(F f)
{
    try {
        f();
    } catch (const error& e) {
        return e.code();
    }
    return {};
}

/// Runs a coroutine on a context of its own, in this thread, to its end; rethrows what it throws.
template <class T>
T run(boost::asio::awaitable<T> a)
{
    boost::asio::io_context context;
    auto f = boost::asio::co_spawn(context, std::move(a), boost::asio::use_future);
    context.run();
    return f.get();
}

} // namespace ferrule::test
