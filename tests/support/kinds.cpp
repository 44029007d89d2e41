#include "support/kinds.hpp"

#include "support/memory_pair.hpp"
#include "support/system_kinds.hpp"
#include "support/telnet_end.hpp"

#include "platform/serial/rfc2217.hpp"

#include <ferrule/buffered_writer.hpp>
#include <ferrule/platform/descriptor_pair.hpp>

#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace ferrule::test {
namespace {

// A queue in front of a socket. A thread sends what is queued, so these kinds cannot be forked.
ends buffered_pair()
{
    static boost::asio::thread_pool sending(1);
    auto [first, second] = socketpair_descriptors();
    return {detail::queue_over(sending.get_executor(), writer(std::move(first)), {}), std::move(second)};
}

// A client of RFC 2217, and a peer that speaks telnet.
ends rfc2217_pair()
{
    auto [first, second] = socketpair_descriptors();
    ends e(serial::descriptor_of(serial::rfc2217_line(std::move(first), {}, {})), telnet_end(std::move(second).take()));
    // Binary transmission is agreed before there is data, as when a port is opened.
    std::array<std::byte, 1> nothing;
    (void)e.first.get()->try_flush();
    (void)e.second.get()->try_read(nothing);
    (void)e.first.get()->try_read(nothing);
    return e;
}

std::vector<testing::connection_kind> make()
{
    std::vector<testing::connection_kind> all;
    all.reserve(max_kinds);
    all.emplace_back("memory stream", [] { return memory_pair(); });
    all.emplace_back("pipe",
                     [] {
                         auto e = pipe_descriptors();
                         return ends(std::move(e.second), std::move(e.first));
                     })
        .two_way = false;
    all.emplace_back("socketpair", socketpair_descriptors);
    {
        testing::connection_kind& k = all.emplace_back("TCP", tcp_pair);
        k.prompt = false;
        k.survives_close = false;
    }
    {
        testing::connection_kind& k = all.emplace_back("memory packets", [] { return memory_packet_pair(); });
        k.transfers = transfer_kind::message;
        k.room = 16 * 1024;
    }
    {
        testing::connection_kind& k = all.emplace_back("UDP", udp_pair);
        k.transfers = transfer_kind::message;
        k.has_end = false;
        k.prompt = false;
        k.drops = true;
        k.room = 60 * 1024;
    }
    adapt_to_system(all);
    const bool survives_close = std::ranges::find(all, "socketpair", &testing::connection_kind::name)->survives_close;
    {
        testing::connection_kind& k = all.emplace_back("RFC 2217", rfc2217_pair);
        k.prompt = false;
        k.survives_close = survives_close;
        k.stride = sanitized ? 3 : 1;
    }
    {
        testing::connection_kind& k = all.emplace_back("RFC 2217 receives", [] {
            auto e = rfc2217_pair();
            return ends(std::move(e.second), std::move(e.first));
        });
        k.prompt = false;
        k.survives_close = survives_close;
        k.has_end = false; // a server that has gone is an error
        k.stride = sanitized ? 3 : 1;
    }
    {
        testing::connection_kind& k = all.emplace_back("buffered", buffered_pair);
        k.two_way = false;
        k.prompt = false;
        k.sends_in_background = true;
        k.stride = sanitized ? 3 : 1;
    }
    if (all.size() > max_kinds)
        throw std::logic_error("max_kinds is too small");
    return all;
}

} // namespace

const std::vector<testing::connection_kind>& kinds()
{
    static const std::vector<testing::connection_kind> all = make();
    return all;
}

const testing::connection_kind& kind(std::string_view name)
{
    const auto found = std::ranges::find(kinds(), name, &testing::connection_kind::name);
    if (found == kinds().end())
        throw std::out_of_range("no such kind");
    return *found;
}

} // namespace ferrule::test
