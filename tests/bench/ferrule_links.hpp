// What users of the library write. `Ends` has two message endpoints, `in` and `out`.
#pragma once

#include "bench/coroutine.hpp"
#include "bench/wire.hpp"

#include <ferrule/asio.hpp>

#include <vector>

namespace ferrule::bench {

inline void look_at(const bytes& message, std::size_t expected)
{
    bench::look_at({reinterpret_cast<const char*>(message.data()), message.size()}, expected);
}

template <class Ends>
class ferrule_blocking_link {
public:
    explicit ferrule_blocking_link(const job& j) : ends_(j), sent_(payload(j.where.size)) {}

    void send() { ends_.out.send(sent_); }
    void recv()
    {
        ends_.in.recv_into(received_);
        look_at(received_, sent_.size());
    }

private:
    Ends ends_;
    std::vector<char> sent_;
    bytes received_;
};

template <class Ends>
class ferrule_coroutine_link {
public:
    ferrule_coroutine_link(asio::io_context&, const job& j) : ends_(j), sent_(payload(j.where.size)) {}

    auto send() { return ends_.out.async_send(sent_); }
    bool take()
    {
        if (!there_)
            return false;
        look_at(received_, sent_.size());
        there_ = false;
        return true;
    }
    auto fill() { return ends_.in.async_recv(); }
    void filled(bytes message)
    {
        received_ = std::move(message);
        there_ = true;
    }

private:
    Ends ends_;
    std::vector<char> sent_;
    bytes received_;
    bool there_ = false;
};

template <class Link>
void run_ferrule_blocking(const job& j)
{
    Link link(j);
    exchange(link, j);
}

} // namespace ferrule::bench
