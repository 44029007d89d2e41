// Handles of other processes, by number; Windows only. Private, but for the libraries of this project.
#pragma once

#include "platform/unique_handle.hpp"

#include <cstdint>

namespace ferrule::os {

/// A handle in the form that other processes can use.
struct foreign_handle {
    std::uint64_t number;
    std::uint32_t process;
    std::uint32_t access; // a Windows access mask
};

/// Names a handle of this process.
[[nodiscard]] FERRULE_EXPORT foreign_handle name_of(native_handle_type h, bool readable, bool writable) noexcept;
/// Takes the handle out of the process that owns it, possibly this one. Throws `error`.
[[nodiscard]] FERRULE_EXPORT unique_handle take_over(const foreign_handle& h);

} // namespace ferrule::os
