// The handle of an endpoint that nobody uses. Private.
#pragma once

#include "platform/unique_handle.hpp"

#include <ferrule/detail/requests.hpp>

namespace ferrule::detail {

/// Duplicates the handle of an endpoint, which stays unchanged. The result is not open if the endpoint has none, or is
/// closed. Throws as `require_nothing_held`, or `error` with the system's code.
[[nodiscard]] inline os::unique_handle duplicate_idle_handle(const channel_ptr& c)
{
    require_nothing_held(c);
    const handle_use use(c); // keeps the handle open
    if (use.get() == invalid_handle)
        return {};
    error_code ec;
    os::unique_handle copy(os::duplicate_handle(use.get(), ec));
    if (ec)
        throw_error(ec);
    return copy;
}

} // namespace ferrule::detail
