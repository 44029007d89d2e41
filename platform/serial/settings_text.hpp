// The options of serial lines as text. Private.
#pragma once

#include <ferrule/platform/serial.hpp>

#include <string>
#include <string_view>

namespace ferrule::serial {

/// Reads options separated by '&' into `s`, and into `o` unless it is null. Returns what is wrong, or nothing.
[[nodiscard]] std::string read_options(std::string_view text, serial_settings& s, rfc2217_options* o = nullptr);

} // namespace ferrule::serial
