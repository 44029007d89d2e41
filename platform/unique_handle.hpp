// A native handle that closes itself. Private.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

#include <type_traits>
#include <utility>

namespace ferrule::os {

/// A duplicate that is not inherited; `invalid_handle` on error. Windows sockets are `errc::unsupported`.
[[nodiscard]] FERRULE_EXPORT native_handle_type duplicate_handle(native_handle_type h, error_code& ec) noexcept;
/// Closes a handle, but not a Windows socket.
FERRULE_EXPORT void close_handle(native_handle_type h) noexcept;

/// Owns a handle. Move-only.
class unique_handle {
public:
    unique_handle() noexcept = default;
    /// Accepts null as well as `invalid_handle` for "no handle", since Windows calls return either.
    explicit unique_handle(native_handle_type h) noexcept : handle_(is_null(h) ? invalid_handle : h) {}
    unique_handle(unique_handle&& other) noexcept : handle_(other.release()) {}
    unique_handle& operator=(unique_handle&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~unique_handle()
    {
        if (is_open())
            close_handle(handle_);
    }

    [[nodiscard]] bool is_open() const noexcept { return handle_ != invalid_handle; }
    [[nodiscard]] native_handle_type get() const noexcept { return handle_; }
    [[nodiscard]] native_handle_type release() noexcept { return std::exchange(handle_, invalid_handle); }
    /// Makes a descriptor of the handle. Throws what `ferrule::adopt` throws, and then keeps the handle.
    [[nodiscard]] descriptor adopt()
    {
        descriptor d = detail::own(handle_);
        (void)release();
        return d;
    }

private:
    static bool is_null(native_handle_type h) noexcept
    {
        return std::is_pointer_v<native_handle_type> && h == native_handle_type();
    }

    native_handle_type handle_ = invalid_handle;
};

} // namespace ferrule::os
