// The peer of a telnet client, as a descriptor: data in, data out.
#pragma once

#include "platform/serial/telnet.hpp"

#include <ferrule/socket_like.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace ferrule::test {

class telnet_end {
public:
    /// Not of a `descriptor`, which would convert from this class and to it.
    explicit telnet_end(std::unique_ptr<detail::any_descriptor> below)
        : state_(std::make_unique<state>(std::move(below)))
    {
        for (const bool ours : {false, true})
            state_->codec.allow(serial::telnet_option::binary, ours);
    }

    io_result try_read(std::span<std::byte> in) noexcept
    {
        const std::lock_guard guard(state_->mutex);
        std::array<std::byte, 1000> some;
        while (state_->data.empty()) {
            const io_result r = state_->below->try_read(some);
            if (r.status() != io_status::moved)
                return r;
            for (byte_view left(some.data(), r.size()); !left.empty();)
                (void)state_->codec.receive(left, state_->data);
            (void)state_->flush();
        }
        const std::size_t n = std::min(in.size(), state_->data.size());
        std::copy_n(std::as_bytes(std::span(state_->data)).data(), n, in.data());
        state_->data.erase(0, n);
        return io_result::moved(n);
    }
    io_result try_write(std::span<const byte_view> out) noexcept
    {
        const std::lock_guard guard(state_->mutex);
        const io_result r = state_->flush();
        if (r.status() != io_status::moved)
            return r;
        // What needs no escape goes as it is, so that nothing of it is held.
        const std::size_t plain = out[0].text().find('\xff');
        if (plain != 0) {
            const byte_view some = out[0].first(std::min(plain, out[0].size()));
            return state_->below->try_write({&some, 1});
        }
        state_->codec.send(out[0].first(1));
        const io_result sent = state_->flush();
        return sent.status() == io_status::failed ? sent : io_result::moved(1);
    }
    io_result try_flush() noexcept
    {
        const std::lock_guard guard(state_->mutex);
        return state_->flush();
    }
    [[nodiscard]] std::size_t unsent() const noexcept
    {
        const std::lock_guard guard(state_->mutex);
        return state_->codec.output.empty() ? 0 : 1;
    }
    [[nodiscard]] readiness arm(direction d) noexcept
    {
        const std::lock_guard guard(state_->mutex);
        const bool has_data = d == direction::read && !state_->data.empty();
        return has_data ? readiness::now() : state_->below->arm(d);
    }
    void close() noexcept { state_->below->close(); }

private:
    struct state {
        explicit state(std::unique_ptr<detail::any_descriptor> d) : below(std::move(d)) {}

        io_result flush() noexcept
        {
            while (!codec.output.empty()) {
                const byte_view all = codec.output;
                const io_result r = below->try_write({&all, 1});
                if (r.status() == io_status::failed)
                    codec.output.clear(); // it never leaves
                if (r.status() != io_status::moved)
                    return r;
                codec.output.erase(0, r.size());
            }
            return io_result::moved(0);
        }

        std::unique_ptr<detail::any_descriptor> below;
        serial::telnet codec;
        std::string data; // decoded and not read
        std::mutex mutex;
    };

    std::unique_ptr<state> state_;
};

} // namespace ferrule::test
