// Cryptography for handshakes; each system has its own library. Private.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/detail/export.hpp>

#include <span>
#include <string_view>

namespace ferrule::os {

/// The HMAC (RFC 2104) with the digest of that name in Python. Empty if the system lacks the digest or may not use it.
[[nodiscard]] FERRULE_EXPORT bytes hmac(std::string_view digest, std::string_view key, byte_view message);
/// Fills `out` with unpredictable random bytes. Throws `error`.
FERRULE_EXPORT void fill_with_random(std::span<std::byte> out);

} // namespace ferrule::os
