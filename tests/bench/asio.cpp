// Boost.Asio by hand, in three ways.
#include "bench/contenders.hpp"
#include "bench/coroutine.hpp"
#include "bench/wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>

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

// What the three have in common.
template <class Ends>
class link {
public:
    link(asio::io_context& context, const job& j)
        : ends_(context, j),
          out_header_(header_of(j.where.size)),
          out_payload_(payload(j.where.size)),
          frame_{asio::buffer(out_header_), asio::buffer(out_payload_)}
    {
    }

protected:
    [[nodiscard]] std::size_t size() const { return out_payload_.size(); }

    Ends ends_;
    header out_header_;
    std::vector<char> out_payload_;
    std::array<asio::const_buffer, 2> frame_;
    header in_header_{};
    std::vector<char> in_payload_;
};

template <class Ends>
class blocking_link : link<Ends> {
public:
    using link<Ends>::link;

    void send() { asio::write(this->ends_.out, this->frame_); }
    void recv()
    {
        asio::read(this->ends_.in, asio::buffer(this->in_header_));
        this->in_payload_.resize(length_in(this->in_header_.data()));
        asio::read(this->ends_.in, asio::buffer(this->in_payload_));
        look_at(this->in_payload_, this->size());
    }
};

// Header and payload in two reads.
template <class Ends>
class plain_link : link<Ends> {
public:
    using link<Ends>::link;

    auto send() { return asio::async_write(this->ends_.out, this->frame_, asio::use_awaitable); }
    bool take()
    {
        if (next_ != part::none)
            return false;
        next_ = part::header;
        look_at(this->in_payload_, this->size());
        return true;
    }
    auto fill()
    {
        return asio::async_read(
            this->ends_.in, next_ == part::header ? asio::buffer(this->in_header_) : asio::buffer(this->in_payload_),
            asio::use_awaitable);
    }
    void filled(std::size_t)
    {
        if (next_ == part::header)
            this->in_payload_.resize(length_in(this->in_header_.data()));
        next_ = next_ == part::header ? part::payload : part::none;
    }

private:
    enum class part : unsigned char { header, payload, none };
    part next_ = part::header;
};

template <class Ends>
class buffered_link : link<Ends> {
public:
    buffered_link(asio::io_context& context, const job& j) : link<Ends>(context, j), inbox_(j.where.size) {}

    auto send() { return asio::async_write(this->ends_.out, this->frame_, asio::use_awaitable); }
    bool take() { return inbox_.take(); }
    auto fill()
    {
        const std::span<char> room = inbox_.room();
        return this->ends_.in.async_read_some(asio::buffer(room.data(), room.size()), asio::use_awaitable);
    }
    void filled(std::size_t n) { inbox_.filled(n); }

private:
    inbox inbox_;
};

template <class Link>
void run_blocking(const job& j)
{
    asio::io_context context(1);
    Link l(context, j);
    exchange(l, j);
}

} // namespace

void asio_plain(const job& j)
{
    if (j.where.over == transport::pipe)
        run_coroutine<plain_link<pipe_ends>>(j);
    else
        run_coroutine<plain_link<socket_ends>>(j);
}

void asio_buffered(const job& j)
{
    if (j.where.over == transport::pipe)
        run_coroutine<buffered_link<pipe_ends>>(j);
    else
        run_coroutine<buffered_link<socket_ends>>(j);
}

void asio_blocking(const job& j)
{
    if (j.where.over == transport::pipe)
        run_blocking<blocking_link<pipe_ends>>(j);
    else
        run_blocking<blocking_link<socket_ends>>(j);
}

} // namespace ferrule::bench
