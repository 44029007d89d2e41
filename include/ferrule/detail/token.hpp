// The trailing arguments of asynchronous calls, without including Asio.
#pragma once

#include <ferrule/deadline.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ferrule::detail {

/// `[timeout] [token]`: an `until` (or what converts to one) and a completion token, both optional, in this order.
template <class T>
concept timeout_or_token = !std::is_arithmetic_v<std::remove_cvref_t<T>> && !std::convertible_to<T, std::string_view> &&
                           !std::same_as<std::remove_cvref_t<T>, std::vector<std::string>>;

} // namespace ferrule::detail
