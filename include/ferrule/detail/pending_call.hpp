// An operation that neither reads nor writes the stream of an endpoint, such as a request to a serial line.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/detail/requests.hpp>
#include <ferrule/detail/token.hpp>

#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace ferrule::detail {

/// What has become of such an operation.
class work_outcome {
public:
    /// Throws the exception that the operation has thrown, if its code is `ec`.
    [[noreturn]] FERRULE_EXPORT void raise(const error_code& ec) const;

    std::exception_ptr thrown;
};

/// An operation that has begun, behind a private stream of one byte, which comes when the operation is done. So both
/// drivers, timeouts and cancellation serve it as they serve a receive. Destroying it, and what waits for it, gives the
/// operation up.
///
/// `Result` has `take()`, which returns the result of a success or nothing, and `raise(ec)`, which throws the `error`
/// that fits a failure.
template <class Result>
class pending_call {
public:
    using value_type = decltype(std::declval<Result&>().take());

    pending_call(channel_ptr c, std::shared_ptr<Result> r) noexcept : channel_(std::move(c)), result_(std::move(r)) {}

    value_type wait(const until& timeout)
    {
        transfer_result r;
        if (const error_code ec = run(channel_, read_request(read_request::what::exactly, 1), timeout, r))
            result_->raise(ec);
        return result_->take();
    }
    /// Returns an empty value on error.
    value_type wait(const until& timeout, error_code& ec)
    {
        transfer_result r;
        ec = run(channel_, read_request(read_request::what::exactly, 1), timeout, r);
        if (!ec)
            return result_->take();
        return value_type();
    }
    /// `async_wait([timeout] [, token])` completes with `void(error_code, value_type)`, or `void(error_code)` if that is
    /// void. Defined in <ferrule/asio.hpp>.
    template <timeout_or_token... TimeoutAndToken>
    auto async_wait(TimeoutAndToken&&... timeout_and_token);

private:
    channel_ptr channel_;
    std::shared_ptr<Result> result_;
};

} // namespace ferrule::detail
