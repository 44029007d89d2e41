// What went wrong, where exceptions must not go. Private.
#pragma once

#include <ferrule/error.hpp>

#include <new>

namespace ferrule::os {

/// In a handler: the code of the exception, which is an `error` or `std::bad_alloc`.
inline error_code caught() noexcept
{
    try {
        throw;
    } catch (const error& e) {
        return e.code();
    } catch (const std::bad_alloc&) {
        return detail::no_memory();
    }
}

} // namespace ferrule::os
