// Error codes of exceptions that must not propagate. Private.
#pragma once

#include <ferrule/error.hpp>

#include <boost/system/system_error.hpp>

#include <new>
#include <optional>
#include <type_traits>

namespace ferrule::os {

/// In a handler, the code of the exception: ferrule's, Asio's (such as no descriptor for a reactor), or that of
/// `std::bad_alloc`.
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

/// Returns what `f` returns, or nothing if `f` throws; `ec` is then the reason.
template <class F>
std::optional<std::invoke_result_t<F>> try_make(F f, error_code& ec) noexcept
{
    try {
        return f();
    } catch (...) {
        ec = caught();
        return std::nullopt;
    }
}

} // namespace ferrule::os
