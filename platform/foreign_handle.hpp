// Handles of other processes, by their numbers; only on Windows. Private, but for the libraries of this project.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/handle_link.hpp>

#include <cstdint>

namespace ferrule::os {

/// A handle as other processes know it.
struct foreign_handle {
    std::uint64_t number;
    std::uint32_t process;
    std::uint32_t access; // what for, as Windows says
};

/// Of this process.
[[nodiscard]] FERRULE_EXPORT foreign_handle name_of(const passed_handle& h, bool readable, bool writable) noexcept;
/// Takes it out of the process that has it, which may be this one. Throws `error`.
[[nodiscard]] FERRULE_EXPORT passed_handle take_over(const foreign_handle& h);

} // namespace ferrule::os
