// An endpoint where Asio wants a stream of its own kind: `asio::async_read`, `asio::ssl::stream`, Boost.Beast.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/duplex.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace ferrule {

/// A `duplex` with an executor. It models Asio's AsyncReadStream, AsyncWriteStream, SyncReadStream and SyncWriteStream.
/// The end of the stream is `boost::asio::error::eof` here, and a cancelled call `operation_aborted`, as the parts of Asio
/// expect it. A write takes all buffers that it is given.
///
/// The promises of the endpoint hold: a cancelled read loses no byte, and the rest of a cancelled write is sent before
/// anything later. Other users may share the endpoint.
/// Thread safety: that of the endpoint, see `duplex`.
///
///     boost::asio::ssl::stream<asio_stream> secure(asio_stream(context.get_executor(), connection), ssl);
class asio_stream {
public:
    using executor_type = boost::asio::any_io_executor;
    using lowest_layer_type = asio_stream;

    asio_stream(executor_type ex, duplex d) : executor_(std::move(ex)), duplex_(std::move(d)) {}

    [[nodiscard]] executor_type get_executor() const noexcept { return executor_; }
    [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return *this; }
    [[nodiscard]] const lowest_layer_type& lowest_layer() const noexcept { return *this; }
    [[nodiscard]] duplex& endpoint() noexcept { return duplex_; }
    void close() noexcept { duplex_.close(); }

    /// Reads at least one byte into the first of the buffers that is not empty.
    template <class MutableBuffers, class Token>
    auto async_read_some(const MutableBuffers& buffers, Token&& token)
    {
        return composed(
            [in = first_of(buffers)](duplex d, auto&& self) { d.async_recv_some_into(in, std::move(self)); }, token);
    }
    /// Writes all buffers.
    template <class ConstBuffers, class Token>
    auto async_write_some(const ConstBuffers& buffers, Token&& token)
    {
        return composed(
            [out = views_of(buffers)](duplex d, auto&& self) {
                const std::vector<byte_view> parts = out; // which outlive the move
                d.async_send(ferrule::buffers(parts), std::move(self));
            },
            token);
    }

    template <class MutableBuffers>
    std::size_t read_some(const MutableBuffers& buffers, error_code& ec)
    {
        const std::size_t n = duplex_.recv_some_into(first_of(buffers), ec);
        ec = as_asio(ec);
        return n;
    }
    template <class MutableBuffers>
    std::size_t read_some(const MutableBuffers& buffers)
    {
        return checked([&](error_code& ec) { return read_some(buffers, ec); });
    }
    template <class ConstBuffers>
    std::size_t write_some(const ConstBuffers& buffers, error_code& ec)
    {
        const std::size_t n = duplex_.send(ferrule::buffers(views_of(buffers)), ec);
        ec = as_asio(ec);
        return n;
    }
    template <class ConstBuffers>
    std::size_t write_some(const ConstBuffers& buffers)
    {
        return checked([&](error_code& ec) { return write_some(buffers, ec); });
    }

private:
    /// `begin(endpoint, handler)` makes the call of the endpoint.
    template <class Begin, class Token>
    auto composed(Begin begin, Token& token)
    {
        return boost::asio::async_compose<Token, void(error_code, std::size_t)>(
            [begin = std::move(begin), d = duplex_, begun = false](auto& self, error_code ec = {},
                                                                   std::size_t n = 0) mutable {
                if (std::exchange(begun, true))
                    return self.complete(as_asio(ec), n);
                self.reset_cancellation_state(boost::asio::enable_total_cancellation());
                const Begin call = begin; // `self` owns this function, and moves
                call(d, std::move(self));
            },
            token, executor_);
    }
    static error_code as_asio(const error_code& ec)
    {
        if (ec == errc::end_of_stream)
            return boost::asio::error::eof;
        if (ec == errc::cancelled)
            return boost::asio::error::operation_aborted;
        return ec;
    }
    template <class MutableBuffers>
    static std::span<std::byte> first_of(const MutableBuffers& buffers)
    {
        for (auto b = boost::asio::buffer_sequence_begin(buffers); b != boost::asio::buffer_sequence_end(buffers); ++b)
            if (const boost::asio::mutable_buffer one(*b); one.size() != 0)
                return {static_cast<std::byte*>(one.data()), one.size()};
        return {};
    }
    template <class ConstBuffers>
    static std::vector<byte_view> views_of(const ConstBuffers& buffers)
    {
        std::vector<byte_view> all;
        for (auto b = boost::asio::buffer_sequence_begin(buffers); b != boost::asio::buffer_sequence_end(buffers);
             ++b) {
            const boost::asio::const_buffer one(*b);
            all.emplace_back(static_cast<const std::byte*>(one.data()), one.size());
        }
        return all;
    }
    template <class Call>
    static std::size_t checked(Call call)
    {
        error_code ec;
        const std::size_t n = call(ec);
        if (ec)
            throw boost::system::system_error(ec);
        return n;
    }

    executor_type executor_;
    duplex duplex_;
};

} // namespace ferrule
