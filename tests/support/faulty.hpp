// A descriptor that does what a test tells it at a chosen call: the one of the contract suite.
#pragma once

#include "src/testing/faults.hpp"

namespace ferrule::test {

using testing::kit::faults;
using faulty = testing::kit::scripted;

} // namespace ferrule::test
