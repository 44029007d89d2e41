// What a handshake needs of a library for cryptography; each system has its own. Private.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/detail/export.hpp>

#include <span>
#include <string_view>

namespace ferrule::os {

/// The HMAC (RFC 2104) with the digest that Python calls so. Empty if the system does not have it or may not use it.
[[nodiscard]] FERRULE_EXPORT bytes hmac(std::string_view digest, std::string_view key, byte_view message);
/// With bytes that nobody can guess. Throws `error`.
FERRULE_EXPORT void fill_with_random(std::span<std::byte> out);

} // namespace ferrule::os
