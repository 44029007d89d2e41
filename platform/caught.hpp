// What went wrong, where exceptions must not go. Private.
#pragma once

#include <ferrule/error.hpp>

#include <boost/system/system_error.hpp>

#include <new>

namespace ferrule::os {

/// In a handler: the code of the exception, which is ours, Asio's (such as no descriptor for a reactor), or `std::bad_alloc`.
inline error_code caught() noexcept
{
    try {
        throw;
    } catch (const boost::system::system_error& e) {
        return e.code();
    } catch (const std::bad_alloc&) {
        return detail::no_memory();
    }
}

} // namespace ferrule::os
