// What starting and being started have in common on every system. Private.
#pragma once

#include <ferrule/process.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::os {

inline constexpr const char* inheritance_variable = "FERRULE_FD";
/// What `open(name)` makes of the name that the parent has told, which is the system's own. A descriptor can be taken once; if
/// `open` throws, it has not been taken. Throws if there is none.
[[nodiscard]] descriptor take_inherited(std::size_t which, descriptor (*open)(std::string_view name));
/// Takes the variable out of the environment of this process.
void forget_inheritance() noexcept;
/// Throws `error` for what `spawn` refuses everywhere. The numbers, sorted.
std::vector<int> check_inheritance(const std::vector<std::string>& command,
                                   std::initializer_list<inheritance> inherited);
/// Once the child runs.
void close_what_was_moved(std::initializer_list<inheritance> inherited) noexcept;
/// Throws.
[[noreturn]] void nothing_inherited();

} // namespace ferrule::os
