// A connection to a server that passes the bytes of a serial line and nothing else. Private.
#pragma once

#include "platform/serial/line.hpp"

#include <memory>

namespace ferrule::serial {

/// Remembers settings, which have no effect. Purges what has arrived. Everything else is `errc::unsupported`.
[[nodiscard]] std::shared_ptr<line> raw_line(descriptor connection, const serial_settings& s);

} // namespace ferrule::serial
