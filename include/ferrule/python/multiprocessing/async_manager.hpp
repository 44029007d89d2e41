// Calls of remote objects in coroutines.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/python/multiprocessing/manager.hpp>

#include <utility>

namespace ferrule::python {

inline auto remote::async_call(std::string method, tuple args, dict kwargs, until timeout)
{
    return [](std::shared_ptr<detail::manager_session> s, value request, until l) -> boost::asio::awaitable<value> {
        co_await s->turn.async_lock(l);
        detail::manager_turn turn(*s);
        try {
            co_await s->requests.async_send(request, l);
        } catch (const error& e) {
            turn.not_sent(e);
            throw;
        }
        turn.sent();
        for (;;) {
            bytes answer;
            try {
                answer = co_await s->answers.async_recv(l);
            } catch (const error& e) {
                turn.not_received(e.code());
                throw;
            }
            if (turn.is_answered())
                co_return detail::result_of(s->framing.load(std::move(answer)));
        }
    }(session_, detail::request_of(ident_, method, args, kwargs), std::move(timeout));
}

} // namespace ferrule::python
