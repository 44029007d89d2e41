// A `poll` loop of one's own drives an endpoint: it sends and receives at the same time, and waits in its `poll` only.
#include <ferrule/pair.hpp>

#include <iostream>
#include <poll.h>
#include <string>
#include <thread>

void echo(ferrule::message_duplex<> end, int messages)
{
    for (int i = 0; i < messages; ++i)
        end.send(end.recv());
}

pollfd entry(ferrule::readiness r)
{
    return {r.handle(), static_cast<short>(r.for_write() ? POLLOUT : POLLIN), 0};
}

int main()
{
    auto [mine, other] = ferrule::socketpair(ferrule::varint());
    int to_send = 4;
    std::jthread peer(echo, std::move(other), to_send);

    const std::string large(4'000'000, 'x'); // more than the sockets hold
    try {
        for (;;) {
            //[loop
            while (const auto message = mine.try_recv())
                std::cout << message->size() << " bytes came back\n";
            while (to_send > 0 && mine.try_send(large))
                --to_send; // what did not fit is the endpoint's now, and leaves with the next try_send or try_flush
            const bool sending = to_send > 0 || !mine.try_flush();

            const ferrule::readiness in = mine.arm(ferrule::direction::read);
            const ferrule::readiness out = sending ? mine.arm(ferrule::direction::write) : in;
            pollfd waits[] = {entry(in), entry(out)};     // and whatever else the program waits for
            const bool now = in.is_now() || out.is_now(); // then there is no handle, which `poll` takes for no entry
            poll(waits, std::size(waits), now ? 0 : -1);
            mine.disarm(ferrule::direction::read); // a socket does not mind, but other kinds may want to know
            mine.disarm(ferrule::direction::write);
            //]
        }
    } catch (const ferrule::eof_error&) {
        std::cout << "the peer is done\n";
    }
}
