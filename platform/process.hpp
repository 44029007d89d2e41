// Processes in the system's form, with native handles only. Private.
#pragma once

#include <ferrule/socket_like.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ferrule::os {

/// A running process and the handle that tells when it ends. The handle is `invalid_handle` where the system provides
/// none.
struct native_process {
    int pid;
    native_handle_type handle;
};

/// How a process ended: its exit code, or the signal that ended it.
struct process_end {
    int code = -1;
    int signal = 0;
};

/// The handle of a process. On POSIX `invalid_handle` if there is none. On Windows throws `error`.
[[nodiscard]] native_handle_type open_process(int pid);
/// Returns how a process ended, once; nothing while it runs. The answer is unknown if another caller has reaped the
/// process.
[[nodiscard]] std::optional<process_end> reap(const native_process& p, bool block) noexcept;
/// Ends a process that has not been reaped.
void kill(const native_process& p) noexcept;

/// A handle of which a child gets a duplicate as its descriptor `number`.
struct given_handle {
    native_handle_type handle;
    int number;
};

/// The environment variable that lists the handles passed to a child.
inline constexpr const char* inherited_variable = "FERRULE_FD";

/// Starts a program; see `ferrule::spawn`, which has checked the numbers. Throws `error`.
[[nodiscard]] native_process start_process(const std::vector<std::string>& command, std::span<const given_handle> given,
                                           bool ends_with_parent);

/// Opens the handle listed as `name` in the environment variable, close-on-exec. Throws `error`, `usage_error`.
[[nodiscard]] descriptor open_inherited(std::string_view name);
/// Throws `usage_error`, since nothing was inherited by this name.
[[noreturn]] void nothing_inherited();
/// Removes a variable from the environment of this process.
void unset_variable(const char* name) noexcept;

/// See `ferrule::take_standard_streams`.
[[nodiscard]] std::pair<descriptor, descriptor> take_standard_streams();

} // namespace ferrule::os
