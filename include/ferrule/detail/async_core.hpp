// The compiled core behind the asynchronous calls.
#pragma once

#include <ferrule/cross_lock.hpp>
#include <ferrule/detail/requests.hpp>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace ferrule::detail {

using completion = boost::asio::any_completion_handler<void(error_code, transfer_result)>;

// Each calls its handler exactly once, through the executor and never inside the call, or destroys it when the
// executor's context ends. Throws `std::bad_alloc` if not even a failure could be delivered. A handler that resumes the coroutine
// which makes the call (`in_coroutine`) is called inside it then instead.
FERRULE_EXPORT void start(channel_ptr c, read_request&& request, until&& limit, boost::asio::any_io_executor executor,
                          completion handler, bool in_coroutine);
FERRULE_EXPORT void start(channel_ptr c, write_request&& request, until&& limit, boost::asio::any_io_executor executor,
                          completion handler, bool in_coroutine);
FERRULE_EXPORT void start(cross_lock& lock, until&& limit, boost::asio::any_io_executor executor, completion handler,
                          bool in_coroutine);

// The same as awaitables, which try first, suspend only if they must, and throw the typed exceptions.
FERRULE_EXPORT boost::asio::awaitable<bytes> await_bytes(channel_ptr c, read_request&& request, until&& limit);
FERRULE_EXPORT boost::asio::awaitable<std::size_t> await_size(channel_ptr c, read_request&& request, until&& limit);
FERRULE_EXPORT boost::asio::awaitable<transfer_result> await_result(channel_ptr c, read_request&& request,
                                                                    until&& limit);
FERRULE_EXPORT boost::asio::awaitable<std::size_t> await_size(channel_ptr c, write_request&& request, until&& limit);
FERRULE_EXPORT boost::asio::awaitable<void> await_lock(cross_lock& lock, until limit);

} // namespace ferrule::detail
