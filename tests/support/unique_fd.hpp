#pragma once

#include <ferrule/socket_like.hpp>

#include <utility>

namespace ferrule::test {

// A descriptor number, on Windows a handle, that is closed at the end.
class unique_fd {
public:
    unique_fd() noexcept = default;
    explicit unique_fd(native_handle_type h) noexcept : handle_(h) {}
    unique_fd(unique_fd&& other) noexcept : handle_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~unique_fd() { reset(); }

    [[nodiscard]] native_handle_type get() const noexcept { return handle_; }
    [[nodiscard]] native_handle_type release() noexcept { return std::exchange(handle_, invalid_handle); }
    void reset() noexcept;

private:
    native_handle_type handle_ = invalid_handle;
};

} // namespace ferrule::test
