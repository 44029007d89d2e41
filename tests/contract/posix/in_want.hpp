// One call when memory or descriptors run out, in each of the ways to make it. POSIX only.
#pragma once

#include "contract/posix/shortage.hpp"

namespace ferrule::test {

enum class way { thread, handler, coroutine };
constexpr std::initializer_list<way> all_ways{way::thread, way::handler, way::coroutine};

// Calls `start(limit, token)` or `call(limit)` in want; what it returns goes to `take`. How it ended.
template <class Call, class Start, class Take>
error_code in_want(shortage& s, way w, const until& limit, Call call, Start start, Take take)
{
    error_code ec;
    if (w == way::thread) {
        return s.during([&] {
            auto r = call(limit);
            const plenty p;
            take(std::move(r));
        });
    }
    boost::asio::io_context context;
    if (w == way::handler) {
        bool begun = false;
        const error_code thrown = s.during([&] {
            start(limit, boost::asio::bind_executor(context, [&](error_code e, auto r) {
                      const plenty p;
                      ec = e;
                      if (!e)
                          take(std::move(r));
                  }));
            begun = true;
            context.run();
        });
        CHECK((!begun || !thrown)); // nothing leaves `run`
        return begun ? ec : thrown;
    }
    const auto body = [&]() -> boost::asio::awaitable<void> {
        try {
            s.begin();
            auto r = co_await start(limit);
            s.end();
            take(std::move(r));
        } catch (...) {
            s.end();
            ec = detail::thrown_code();
        }
    };
    boost::asio::co_spawn(context, body(), boost::asio::detached);
    context.run();
    return ec;
}

} // namespace ferrule::test
