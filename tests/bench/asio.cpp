// Boost.Asio by hand, in three ways.
#include "bench/asio_links.hpp"
#include "bench/contenders.hpp"

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/writable_pipe.hpp>

#include <sys/socket.h>

namespace ferrule::bench {
namespace {

class pipe_ends {
public:
    pipe_ends(asio::io_context& context, const job& j) : in(context), out(context)
    {
        if (j.in >= 0)
            in.assign(j.in);
        if (j.out >= 0)
            out.assign(j.out);
    }
    asio::readable_pipe in;
    asio::writable_pipe out;
};

class socket_ends {
public:
    socket_ends(asio::io_context& context, const job& j)
        : in(context, {j.where.over == transport::tcp ? AF_INET : AF_UNIX, 0}, j.in),
          out(in)
    {
    }
    asio::generic::stream_protocol::socket in;
    asio::generic::stream_protocol::socket& out;
};

} // namespace

void asio_plain(const job& j)
{
    if (j.where.over == transport::pipe)
        run_coroutine<asio_plain_link<pipe_ends>>(j);
    else
        run_coroutine<asio_plain_link<socket_ends>>(j);
}

void asio_buffered(const job& j)
{
    if (j.where.over == transport::pipe)
        run_coroutine<asio_buffered_link<pipe_ends>>(j);
    else
        run_coroutine<asio_buffered_link<socket_ends>>(j);
}

void asio_blocking(const job& j)
{
    if (j.where.over == transport::pipe)
        run_asio_blocking<asio_blocking_link<pipe_ends>>(j);
    else
        run_asio_blocking<asio_blocking_link<socket_ends>>(j);
}

} // namespace ferrule::bench
