#pragma once

#include <ferrule/socket_like.hpp>

namespace ferrule::test {

/// Whether the system knows it.
[[nodiscard]] bool is_open(native_handle_type handle);

} // namespace ferrule::test
