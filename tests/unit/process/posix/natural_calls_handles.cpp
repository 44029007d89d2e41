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

asio::awaitable<void> handles_are_temporary(handle_link a, handle_link b)
{
    auto [r, w] = pipe();
    co_await message_duplex<>(a.socket).with(a.handles).async_send(passed_handle(w, std::string(60, 'n')),
                                                                   until(patience));
    w.close();
    const passed_handle got = co_await message_duplex<>(b.socket).with(b.handles).async_recv(until(patience));
    CHECK(got.framing() == std::string(60, 'n'));
    co_await writer(duplicate(got.native_handle())).async_send(std::string(60, '-') + "\n");
    const bytes line = co_await r.async_recv_line(patience);
    CHECK(line == byte_view(std::string(60, '-')));
}

} // namespace

TEST_CASE("natural calls: handles")
{
    const watchdog guard("natural calls: handles");
    auto [a, b] = handle_link_pair();
    run(handles_are_temporary(a, b));
}
