// What starting and being started have in common on every system. Private.
#pragma once

#include <ferrule/process.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

namespace ferrule::os {

inline constexpr const char* inheritance_variable = "FERRULE_FD";
/// The system's own way to name the descriptor, as the parent has told. Each can be taken once. Throws if there is none.
[[nodiscard]] std::string take_inherited_name(std::size_t which);
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
