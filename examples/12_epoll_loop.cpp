// A server with an `epoll` loop of its own: one thread for all clients, which are threads here.
#include <ferrule/pair.hpp>

#include <iostream>
#include <list>
#include <optional>
#include <string>
#include <sys/epoll.h>
#include <thread>

const int epoll = epoll_create1(EPOLL_CLOEXEC);

// The server's side of a connection. Sends every message back, and reads on only when the last reply has left: a client
// that never reads fills no memory.
struct session {
    //[session
    void go_on()
    {
        ferrule::readiness next = ferrule::readiness::now();
        while (next.is_now()) {
            while (end.try_flush() && (reply || (reply = end.try_recv())) && end.try_send(*reply))
                reply.reset();
            const bool sending = reply || end.unsent() != 0;
            next = end.arm(sending ? ferrule::direction::write : ferrule::direction::read);
        }
        handle = next.handle(); // for sockets always the same; other kinds may answer differently each time
        epoll_event what{next.for_write() ? EPOLLOUT : EPOLLIN, {this}};
        epoll_ctl(epoll, EPOLL_CTL_ADD, handle, &what);
    }
    //]

    ferrule::message_duplex<> end;
    std::optional<ferrule::bytes> reply{};
    int handle = -1;
};

int main()
{
    std::list<session> sessions;
    std::list<std::jthread> clients;
    for (const char letter : {'a', 'b', 'c'}) {
        auto [mine, theirs] = ferrule::socketpair(ferrule::varint());
        sessions.push_back({mine});
        sessions.back().go_on();
        clients.emplace_back([letter, end = std::move(theirs)]() mutable {
            end.send(std::string(4'000'000, letter)); // more than the sockets hold
            end.recv();
        });
    }
    while (!sessions.empty()) {
        epoll_event event;
        if (epoll_wait(epoll, &event, 1, -1) != 1)
            continue;
        auto* const ready = static_cast<session*>(event.data.ptr);
        epoll_ctl(epoll, EPOLL_CTL_DEL, ready->handle, nullptr); // in any case before the endpoint is closed
        try {
            ready->go_on();
        } catch (const ferrule::error&) { // the end of the stream, most likely
            sessions.remove_if([=](const session& s) { return &s == ready; });
            std::cout << "a client has left\n";
        }
    }
}
