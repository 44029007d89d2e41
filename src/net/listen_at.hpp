// Listens at addresses. Private.
#pragma once

#include "platform/net.hpp"

#include <ferrule/net/address.hpp>

#include <memory>
#include <vector>

namespace ferrule::detail {

/// Listens at one or, for a host with several addresses, at each of them. Throws `error`.
[[nodiscard]] std::vector<std::unique_ptr<os::listening>> listen_at(const address& a, const os::listening_settings& s);

} // namespace ferrule::detail
