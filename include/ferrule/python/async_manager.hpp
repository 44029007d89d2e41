// Calls of remote objects as coroutines.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/python/manager.hpp>

#include <mutex>

namespace ferrule::python {

inline auto remote::async_call(std::string method, tuple args, dict kwargs, until limit)
{
    return [](std::shared_ptr<detail::manager_session> s, value request, until l) -> boost::asio::awaitable<value> {
        co_await s->turn.async_lock(l);
        const std::lock_guard turn(s->turn, std::adopt_lock);
        try {
            co_await s->connection.async_send(request, l);
        } catch (const error& e) {
            s->gave_up_sending(e);
            throw;
        }
        ++s->owed;
        for (;;) {
            error_code ec;
            value reply;
            try {
                reply = co_await s->connection.async_recv(l);
            } catch (const frame_error& e) {
                if (e.code() != errc::invalid_value) // of which the frame has been taken off
                    throw;
                ec = e.code();
            }
            if (!s->arrived())
                continue;
            if (ec)
                throw_error(ec);
            co_return detail::result_of(reply);
        }
    }(session_, detail::request_of(ident_, method, args, kwargs), std::move(limit));
}

} // namespace ferrule::python
