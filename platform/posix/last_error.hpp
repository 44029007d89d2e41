// The results of system calls. Private.
#pragma once

#include "platform/unique_handle.hpp"

#include <cerrno>

namespace ferrule::posix {

inline error_code last_error() noexcept
{
    return {errno, boost::system::system_category()};
}

/// For calls that return what `errno` would be. Throws `error` if one has failed.
inline void check(int error_number)
{
    if (error_number != 0)
        throw_error({error_number, boost::system::system_category()});
}

/// Owns the descriptor that a call has returned. Throws `error` if the call failed.
inline os::unique_handle checked(int fd)
{
    if (fd < 0)
        throw_error(last_error());
    return os::unique_handle(fd);
}

} // namespace ferrule::posix
