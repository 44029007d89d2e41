// Opens serial lines as connections are made. Private.
#pragma once

#include "src/net/accept_queue.hpp"

#include <ferrule/net/connect.hpp>
#include <ferrule/net/serial_port.hpp>

#include <memory>
#include <optional>

namespace ferrule::detail {

/// Begins to open a line. The stream has one byte, which stands for the line in `q`. `given` takes the place of the
/// settings of the address. Throws `usage_error` for an impossible address.
[[nodiscard]] descriptor start_opening(const address& at, const std::optional<serial_settings>& given,
                                       const connect_settings& c, std::shared_ptr<accept_queue>& q);

} // namespace ferrule::detail
