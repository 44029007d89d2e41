// Another library's loop: libuv waits for an endpoint, and for a timer that now and then has something to say.
#include <ferrule/pair.hpp>

#include <deque>
#include <iostream>
#include <string>
#include <thread>
#include <uv.h>

ferrule::message_duplex<> mine;
std::deque<std::string> to_send;
uv_poll_t watch;

//[loop
void go_on(uv_poll_t*, int, int) noexcept // libuv is written in C: no exception may get there
try {
    ferrule::readiness in = ferrule::readiness::now(), out = in;
    while (in.is_now() || out.is_now()) {
        while (const auto reply = mine.try_recv())
            std::cout << reply->text() << '\n';
        while (!to_send.empty() && mine.try_send(to_send.front()))
            to_send.pop_front();
        const bool sending = !to_send.empty() || !mine.try_flush();
        in = mine.arm(ferrule::direction::read);
        out = sending ? mine.arm(ferrule::direction::write) : in;
    }
    // Both directions of a socket answer with the same handle, so one uv_poll_t will do.
    uv_poll_start(&watch, UV_READABLE | (out.for_write() ? UV_WRITABLE : 0), go_on);
} catch (const ferrule::eof_error&) {
    std::cout << "the peer is done\n";
    uv_poll_stop(&watch);
}
//]

void tick(uv_timer_t* timer) noexcept
{
    static std::size_t size = 1;
    to_send.emplace_back(size *= 200, 'x');
    if (size > 1'000'000) // more than the sockets hold
        uv_timer_stop(timer);
    go_on(&watch, 0, UV_WRITABLE);
}

int main()
{
    auto [end, other] = ferrule::socketpair(ferrule::varint());
    mine = end;
    std::jthread peer([p = std::move(other)]() mutable {
        for (int i = 0; i < 3; ++i)
            p.send(std::to_string(p.recv().size()) + " bytes");
    });
    // This sets O_NONBLOCK on the socket, which ferrule never does, nor minds.
    uv_poll_init(uv_default_loop(), &watch, mine.arm(ferrule::direction::read).handle());
    uv_timer_t timer;
    uv_timer_init(uv_default_loop(), &timer);
    uv_timer_start(&timer, tick, 1, 1);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
