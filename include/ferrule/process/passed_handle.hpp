// A native handle passed between processes.
#pragma once

#include <ferrule/endpoint.hpp>
#include <ferrule/socket_like.hpp>

#include <string>
#include <utility>

namespace ferrule {

/// A handle of this process that is passed to or from another process. It may carry the name of the framing used on it.
/// Owns the handle. Move-only.
class FERRULE_EXPORT passed_handle {
public:
    passed_handle() noexcept = default;
    /// Duplicates the endpoint's handle; the endpoint stays unchanged.
    /// Throws: `error` with `errc::closed`, `errc::read_ahead`, `errc::torn` (an unsent tail), `errc::busy` (a receive
    /// or a send is under way), or a system error.
    explicit passed_handle(const endpoint& e, std::string framing = {});
    /// Takes ownership of a handle.
    explicit passed_handle(native_handle_type h, std::string framing = {}) noexcept
        : handle_(h),
          framing_(std::move(framing))
    {
    }
    passed_handle(passed_handle&& other) noexcept : handle_(other.release()), framing_(std::move(other.framing_)) {}
    passed_handle& operator=(passed_handle&& other) noexcept
    {
        std::swap(handle_, other.handle_);
        framing_.swap(other.framing_);
        return *this;
    }
    ~passed_handle();

    [[nodiscard]] native_handle_type native_handle() const noexcept { return handle_; }
    [[nodiscard]] native_handle_type release() noexcept { return std::exchange(handle_, invalid_handle); }
    /// The name of a framing, such as those of `any_framing`. Empty if the sender gave none.
    [[nodiscard]] const std::string& framing() const noexcept { return framing_; }
    /// Makes a descriptor for an endpoint of the handle's kind. Throws what `adopt` throws, and then keeps the handle.
    /// An endpoint that cannot use the descriptor closes it.
    [[nodiscard]] descriptor open()
    {
        descriptor d = detail::own(handle_);
        (void)release();
        return d;
    }

private:
    native_handle_type handle_ = invalid_handle;
    std::string framing_;
};

} // namespace ferrule
