// The library, as its users write it.
#include "bench/contenders.hpp"
#include "bench/ferrule_links.hpp"

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

} // namespace

void ferrule_blocking(const job& j)
{
    if (j.where.over == transport::pipe)
        run_ferrule_blocking<ferrule_blocking_link<pipe_ends>>(j);
    else
        run_ferrule_blocking<ferrule_blocking_link<socket_ends>>(j);
}

void ferrule_coroutine(const job& j)
{
    if (j.where.over == transport::pipe)
        run_coroutine<ferrule_coroutine_link<pipe_ends>>(j);
    else
        run_coroutine<ferrule_coroutine_link<socket_ends>>(j);
}

} // namespace ferrule::bench
