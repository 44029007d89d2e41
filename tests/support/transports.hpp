// Connected pairs of every kind, and the ways to call an endpoint.
#pragma once

#include "src/testing/calls.hpp"
#include "src/testing/data.hpp"
#include "support/memory_pair.hpp"

#include <ferrule/asio.hpp>
#include <ferrule/platform/pair.hpp>

#include <boost/asio.hpp>

#include <utility>

namespace ferrule::test {

namespace asio = boost::asio;

/// Two ends of one kind of connection; what `sender` sends, `receiver` receives. All but the pipe go both ways.
class connection {
public:
    connection(descriptor s, descriptor r) : sender(std::move(s)), receiver(std::move(r)) {}
    descriptor sender;
    descriptor receiver;
};

enum class transport : unsigned char { memory, pipe, socketpair, tcp };
inline constexpr transport all_transports[] = {transport::memory, transport::pipe, transport::socketpair,
                                               transport::tcp};
inline constexpr transport two_way_transports[] = {transport::memory, transport::socketpair, transport::tcp};

inline const char* name(transport t)
{
    static constexpr const char* names[] = {"memory", "pipe", "socketpair", "tcp"};
    return names[static_cast<std::size_t>(t)];
}

inline connection connect(transport t)
{
    const auto swapped = [](std::pair<descriptor, descriptor> p) {
        return connection(std::move(p.second), std::move(p.first));
    };
    switch (t) {
    case transport::memory: return swapped(memory_pair());
    case transport::pipe: return swapped(pipe_descriptors());
    case transport::socketpair: return swapped(socketpair_descriptors());
    case transport::tcp: break;
    }
    asio::io_context context;
    asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    asio::ip::tcp::socket client(context);
    client.connect(acceptor.local_endpoint());
    client.set_option(asio::ip::tcp::no_delay(true));
    asio::ip::tcp::socket server = acceptor.accept();
    return {adopt(client.release()), adopt(server.release())};
}

using testing::kit::all_styles;
using testing::kit::call;
using testing::kit::name;
using testing::kit::outcome;
using testing::kit::pattern;
using testing::kit::recv;
using testing::kit::sample_messages;
using testing::kit::send;
using testing::kit::style;
using testing::kit::wire;

} // namespace ferrule::test
