// A serial line of a server that speaks RFC 2217. Private.
#pragma once

#include "platform/serial/line.hpp"

#include <memory>

namespace ferrule::serial {

/// Throws `usage_error` (`errc::unsupported`) for settings that the protocol has no words for.
void check_rfc2217(const serial_settings& s);

/// Speaks to the server at the other end of a connection. The line is usable once `open_rfc2217` is done.
[[nodiscard]] std::shared_ptr<line> rfc2217_line(descriptor connection, const serial_settings& s,
                                                 const rfc2217_options& o);
/// Negotiates with the server, and applies the settings of a line of `rfc2217_line`. Fails with `serial_errc`; the
/// exception has the text that the server has sent instead.
[[nodiscard]] std::unique_ptr<operation> open_rfc2217(const std::shared_ptr<line>& l);

} // namespace ferrule::serial
