// The compiled core behind the asynchronous calls.
#pragma once

#include <ferrule/cross_lock.hpp>
#include <ferrule/detail/requests.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <optional>

namespace ferrule::detail {

using completion = boost::asio::any_completion_handler<void(error_code, transfer_result)>;

// Each function calls its handler exactly once, through the executor and never inside the call. If the executor's
// context ends first, the handler is destroyed instead. If there is no memory to deliver even a failure, the function
// throws `std::bad_alloc`. A handler that resumes the calling coroutine (`in_coroutine`) is then called inside the
// call.
FERRULE_EXPORT void start(channel_ptr c, read_request&& request, until&& timeout, boost::asio::any_io_executor executor,
                          completion handler, bool in_coroutine);
FERRULE_EXPORT void start(channel_ptr c, write_request&& request, until&& timeout,
                          boost::asio::any_io_executor executor, completion handler, bool in_coroutine);
FERRULE_EXPORT void start(cross_lock& lock, until&& timeout, boost::asio::any_io_executor executor, completion handler,
                          bool in_coroutine);

// The same operations as awaitables. They try first, suspend only if they must, and throw the typed exceptions.
FERRULE_EXPORT boost::asio::awaitable<bytes> await_bytes(channel_ptr c, read_request&& request, until&& timeout);
/// The next message, or nothing at the clean end of the stream.
FERRULE_EXPORT boost::asio::awaitable<std::optional<bytes>> await_next(channel_ptr c, read_request&& request,
                                                                       until&& timeout);
FERRULE_EXPORT boost::asio::awaitable<std::size_t> await_size(channel_ptr c, read_request&& request, until&& timeout);
FERRULE_EXPORT boost::asio::awaitable<transfer_result> await_result(channel_ptr c, read_request&& request,
                                                                    until&& timeout);
FERRULE_EXPORT boost::asio::awaitable<std::size_t> await_size(channel_ptr c, write_request&& request, until&& timeout);
FERRULE_EXPORT boost::asio::awaitable<void> await_lock(cross_lock& lock, until timeout);

} // namespace ferrule::detail
