// The library, as its users write it.
#include "bench/contenders.hpp"
#include "bench/coroutine.hpp"
#include "bench/wire.hpp"

#include <ferrule/asio.hpp>
#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/message.hpp>

namespace ferrule::bench {
namespace {

class pipe_ends {
public:
    explicit pipe_ends(const job& j)
    {
        if (j.in >= 0)
            in = message_reader<multiprocessing_bytes>(adopt(j.in));
        if (j.out >= 0)
            out = message_writer<multiprocessing_bytes>(adopt(j.out));
    }
    message_reader<multiprocessing_bytes> in;
    message_writer<multiprocessing_bytes> out;
};

class socket_ends {
public:
    explicit socket_ends(const job& j) : in(adopt(j.in)), out(in) {}
    message_duplex<multiprocessing_bytes> in;
    message_duplex<multiprocessing_bytes>& out;
};

void look_at(const bytes& message, std::size_t expected)
{
    bench::look_at({reinterpret_cast<const char*>(message.data()), message.size()}, expected);
}

template <class Ends>
class blocking_link {
public:
    explicit blocking_link(const job& j) : ends_(j), sent_(payload(j.where.size)) {}

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
class coroutine_link {
public:
    coroutine_link(asio::io_context&, const job& j) : ends_(j), sent_(payload(j.where.size)) {}

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
void run_blocking(const job& j)
{
    Link link(j);
    exchange(link, j);
}

} // namespace

void ferrule_blocking(const job& j)
{
    if (j.where.over == transport::pipe)
        run_blocking<blocking_link<pipe_ends>>(j);
    else
        run_blocking<blocking_link<socket_ends>>(j);
}

void ferrule_coroutine(const job& j)
{
    if (j.where.over == transport::pipe)
        run_coroutine<coroutine_link<pipe_ends>>(j);
    else
        run_coroutine<coroutine_link<socket_ends>>(j);
}

} // namespace ferrule::bench
