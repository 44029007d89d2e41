// How both drivers run a request. Private.
#pragma once

#include "src/core/read_operation.hpp"
#include "src/core/write_operation.hpp"

#include <ferrule/detail/requests.hpp>

#include <concepts>
#include <optional>
#include <type_traits>

namespace ferrule::detail {

/// Constructed from a channel, the request and the place for the result.
template <class Request>
using operation_for =
    std::conditional_t<std::same_as<std::remove_cvref_t<Request>, read_request>, read_by_kind, write_operation>;

/// The result of a call that cannot begin, or nothing if it can.
inline std::optional<error_code> answer(const channel_ptr& c, const read_request& /*r*/) noexcept
{
    return c ? std::optional<error_code>() : errc::closed;
}
inline std::optional<error_code> answer(const channel_ptr& c, const write_request& r) noexcept
{
    if (r.refused)
        return r.refused;
    if (c)
        return std::nullopt;
    return r.kind == write_request::what::close ? error_code() : errc::closed; // closing a closed channel is no error
}

} // namespace ferrule::detail
