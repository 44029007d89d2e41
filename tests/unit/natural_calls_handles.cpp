// See natural_calls.cpp; what only POSIX systems have.
#include "support/calls.hpp"
#include "support/catch.hpp"
#include "support/watchdog.hpp"

#include <ferrule/ferrule.hpp>
#include <ferrule/handle_link.hpp>

#include <boost/asio.hpp>

#include <string>

using namespace ferrule;
using namespace ferrule::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

constexpr auto patience = 20s;

std::string text(const char* end)
{
    return std::string(60, '-') + end;
}

asio::awaitable<void> handles_are_temporary(handle_link a, handle_link b)
{
    auto [r, w] = pipe();
    co_await message_duplex<>(a.socket).with(a.handles).async_send(passed_handle(w, text("any name")), until(patience));
    w.close();
    const passed_handle got = co_await message_duplex<>(b.socket).with(b.handles).async_recv(until(patience));
    CHECK(got.framing() == text("any name"));
    co_await writer(duplicate(got.native_handle())).async_send(text("\n"));
    const bytes line = co_await r.async_recv_line(patience);
    CHECK(line == byte_view(text("")));
}

} // namespace

TEST_CASE("natural calls: handles")
{
    const watchdog guard("natural calls: handles");
    auto [a, b] = handle_link_pair();
    run(handles_are_temporary(a, b));
}
