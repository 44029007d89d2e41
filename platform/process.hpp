// What starting and being started have in common on every system. Private.
#pragma once

#include <ferrule/process.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

namespace ferrule::os {

inline constexpr const char* inheritance_variable = "FERRULE_FD";
/// The system's own way to name the descriptor, as the parent has told; empty: there is none.
[[nodiscard]] std::string inherited_name(std::size_t which);
/// Throws `usage_error` for what `spawn` refuses everywhere. The numbers, sorted.
std::vector<int> check_inheritance(const std::vector<std::string>& command,
                                   std::initializer_list<inheritance> inherited);
/// Throws.
[[noreturn]] void nothing_inherited();

} // namespace ferrule::os
