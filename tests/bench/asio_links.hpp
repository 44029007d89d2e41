// What one writes with Boost.Asio by hand. `Ends` has two streams, `in` and `out`.
#pragma once

#include "bench/coroutine.hpp"
#include "bench/wire.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <span>
#include <vector>

namespace ferrule::bench {

// What the three have in common.
template <class Ends>
class asio_link {
public:
    asio_link(asio::io_context& context, const job& j)
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
class asio_blocking_link : asio_link<Ends> {
public:
    using asio_link<Ends>::asio_link;

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
class asio_plain_link : asio_link<Ends> {
public:
    using asio_link<Ends>::asio_link;

    auto send() { return asio::async_write(this->ends_.out, this->frame_, asio::use_awaitable); }
    bool take()
    {
        if (next_ != part::none)
            return false;
        next_ = part::of_header;
        look_at(this->in_payload_, this->size());
        return true;
    }
    auto fill()
    {
        return asio::async_read(
            this->ends_.in, next_ == part::of_header ? asio::buffer(this->in_header_) : asio::buffer(this->in_payload_),
            asio::use_awaitable);
    }
    void filled(std::size_t)
    {
        if (next_ == part::of_header)
            this->in_payload_.resize(length_in(this->in_header_.data()));
        next_ = next_ == part::of_header ? part::of_payload : part::none;
    }

private:
    enum class part : unsigned char { of_header, of_payload, none };
    part next_ = part::of_header;
};

template <class Ends>
class asio_buffered_link : asio_link<Ends> {
public:
    asio_buffered_link(asio::io_context& context, const job& j) : asio_link<Ends>(context, j), inbox_(j.where.size) {}

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
void run_asio_blocking(const job& j)
{
    asio::io_context context(1);
    Link l(context, j);
    exchange(l, j);
}

} // namespace ferrule::bench
