// Taking over standard input and output.
#pragma once

#include <ferrule/socket_like.hpp>

#include <utility>

namespace ferrule {

/// In a child, takes over standard input and standard output, safe from anything else that reads or prints in this
/// process. Afterwards standard input is empty. What the process prints goes to standard error, or nowhere if there is
/// none. Call it once, before other threads print.
/// Throws: `error`; `usage_error` (`errc::bad_descriptor`) if the process was started without one of them. This holds
/// even if a descriptor opened since then has its number.
[[nodiscard]] FERRULE_EXPORT std::pair<descriptor, descriptor> take_standard_streams();

} // namespace ferrule
