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

connection connect(transport t);

using testing::kit::all_styles;
using testing::kit::call;
using testing::kit::name;
using testing::kit::outcome;
using testing::kit::pattern;
using testing::kit::receive;
using testing::kit::recv;
using testing::kit::sample_messages;
using testing::kit::send;
using testing::kit::style;
using testing::kit::wire;

} // namespace ferrule::test
