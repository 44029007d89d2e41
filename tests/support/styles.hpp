// The ways to call an endpoint, and data to call it with.
#pragma once

#include "src/testing/calls.hpp"
#include "src/testing/data.hpp"

#include <ferrule/asio.hpp>

#include <boost/asio.hpp>

namespace ferrule::test {

namespace asio = boost::asio;

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
