// The ways to make a call of a client.
#pragma once

#include <ferrule/client/async_client.hpp>

#include "support/calls.hpp"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

namespace ferrule::test {

enum class way { blocking, coroutine, future };
inline constexpr way all_ways[] = {way::blocking, way::coroutine, way::future};

/// What `call()` returns, or in the other ways `start(token...)`.
template <class Call, class Start>
auto by(way w, Call call, Start start) -> decltype(call())
{
    if (w == way::blocking)
        return call();
    if (w == way::coroutine)
        return run(start());
    boost::asio::io_context context;
    auto result = start(boost::asio::bind_executor(context, boost::asio::use_future));
    context.run();
    return result.get();
}

} // namespace ferrule::test

/// The call `name` of the client `c` in the way `w`: `ASK(w, c, query, "*IDN?")`.
#define ASK(w, c, name, ...)                                                                                           \
    ferrule::test::by(                                                                                                 \
        w, [&] { return (c).name(__VA_ARGS__); },                                                                      \
        [&](auto&&... token) {                                                                                         \
            return (c).async_##name(__VA_ARGS__ __VA_OPT__(, ) std::forward<decltype(token)>(token)...);               \
        })
