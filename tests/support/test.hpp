// What every test begins with: Catch2, ferrule, Asio, and small ways to call and to look at what came of it.
#pragma once

#include "support/calls.hpp"
#include "support/catch.hpp"
#include "support/framing_bytes.hpp"
#include "support/random.hpp"
#include "support/sanitizers.hpp"
#include "support/timeout.hpp"
#include "support/watchdog.hpp"

#include <ferrule/ferrule.hpp>

#include <boost/asio.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace ferrule::python {
}

namespace ferrule::test {

using namespace ferrule;
using namespace std::chrono_literals;

namespace asio = boost::asio;
namespace py = ferrule::python;

} // namespace ferrule::test

using namespace ferrule::test; // this header is for tests only
