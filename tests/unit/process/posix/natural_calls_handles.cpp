// See natural_calls.cpp; what only POSIX systems have.
#include "support/test.hpp"

#include <ferrule/process/handle_link.hpp>

namespace {

asio::awaitable<void> handles_are_temporary(handle_link a, handle_link b)
{
    auto [r, w] = pipe();
    co_await message_duplex<>(a.socket).with(a.handles).async_send(passed_handle(w, std::string(60, 'n')),
                                                                   until(timeout));
    w.close();
    const passed_handle got = co_await message_duplex<>(b.socket).with(b.handles).async_recv(until(timeout));
    CHECK(got.framing() == std::string(60, 'n'));
    co_await writer(duplicate(got.native_handle())).async_send(std::string(60, '-') + "\n");
    const bytes line = co_await r.async_recv_line(timeout);
    CHECK(line == byte_view(std::string(60, '-')));
}

} // namespace

TEST_CASE("natural calls: handles")
{
    auto [a, b] = handle_link_pair();
    run(handles_are_temporary(a, b));
}
