// Takes bytes off the stream. Private.
#pragma once

#include "src/channel.hpp"
#include "src/operation.hpp"

#include <ferrule/detail/requests.hpp>

#include <optional>

namespace ferrule::detail {

/// Everything that is read goes through the channel's buffer and is taken out of it only when the request is satisfied;
/// until then an operation that ends has nothing to give back. The exception is a large `into`, which is filled directly
/// and copied back. Where packets have boundaries, the buffer holds at most one packet.
class read_operation final : public operation {
public:
    read_operation(channel& c, const read_request& request, read_result& out) noexcept
        : operation(direction::read),
          channel_(c),
          request_(request),
          out_(out)
    {
    }

    [[nodiscard]] step advance(bool eager) override;
    void resumed() noexcept override { channel_.drained = false; }
    void give_up() noexcept override;
    void report() noexcept override;

private:
    /// What a look at the buffer says.
    class finding {
    public:
        enum class what : unsigned char { nothing, need, take, failed };
        /// No bytes were asked for.
        static finding nothing() noexcept { return {what::nothing, 0, 0, 0, {}}; }
        static finding need(std::size_t n) noexcept { return {what::need, n, 0, 0, {}}; }
        static finding take(std::size_t skip, std::size_t size, std::size_t drop = 0) noexcept
        {
            return {what::take, skip, size, drop, {}};
        }
        static finding failed(error_code ec) noexcept { return {what::failed, 0, 0, 0, ec}; }
        /// Takes, and fails all the same.
        static finding spoiled(std::size_t size, std::size_t drop, error_code ec) noexcept
        {
            return {what::take, 0, size, drop, ec};
        }

        what kind;
        std::size_t skip; // or the bytes needed
        std::size_t size;
        std::size_t drop;
        error_code error;

    private:
        finding(what w, std::size_t a, std::size_t b, std::size_t c, error_code ec) noexcept
            : kind(w),
              skip(a),
              size(b),
              drop(c),
              error(ec)
        {
        }
    };

    [[nodiscard]] step go_on(bool eager);
    [[nodiscard]] finding look();
    [[nodiscard]] finding look_for_separator();
    [[nodiscard]] finding look_at_packet() const;
    [[nodiscard]] io_result read(std::size_t needed);
    [[nodiscard]] io_result read_packet();
    void take(const finding& f);
    void take_packet(const finding& f);
    void at_end();
    void fill_from_buffer() noexcept;

    channel& channel_;
    const read_request& request_;
    read_result& out_;
    std::optional<finding> held_back_; // found, not yet taken
    std::size_t filled_ = 0;           // bytes of `into` that have left the buffer
    std::size_t searched_ = 0;         // bytes of the buffer known to hold no separator
    bool delivered_ = false;           // what there is to show has been shown
};

} // namespace ferrule::detail
