// What was read and not delivered yet. Private.
#pragma once

#include <ferrule/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ferrule::detail {

/// The bytes at the front of a stream, between the descriptor that fills the buffer and the requests that empty it. Knows
/// how much to ask for. Does no I/O. An empty buffer holds no memory. Functions that throw `std::bad_alloc` change nothing.
class read_buffer {
public:
    /// From this size on, memory changes hands instead of being copied.
    static constexpr std::size_t large = 16 * 1024;

    [[nodiscard]] byte_view view() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
    /// Bytes of the stream before these.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
    /// Bytes that have come in all.
    [[nodiscard]] std::uint64_t received() const noexcept { return position_ + bytes_.size(); }

    /// Room for the next read, when at least `needed` bytes are missing. `filled` follows in any case. Memory waits for at
    /// most 1 MiB more than has arrived, whatever was announced. Throws `std::bad_alloc`.
    [[nodiscard]] std::span<std::byte> room(std::size_t needed);
    /// Room for a packet of at least `n` bytes, which the system already holds. Throws `std::bad_alloc`.
    [[nodiscard]] std::span<std::byte> room_for_packet(std::size_t n);
    /// `n` bytes have come into the room.
    void filled(std::size_t n) noexcept;

    /// Replaces `to` by the `size` bytes behind the first `skip`, and drops these and `drop` more behind them. Throws
    /// `std::bad_alloc`.
    void take(std::size_t skip, std::size_t size, std::size_t drop, bytes& to);
    /// Moves bytes to the front of `to`, as many as there are and fit. Returns how many.
    std::size_t take_into(std::span<std::byte> to) noexcept;
    /// `n` bytes went from the descriptor to a caller's memory directly.
    void passed(std::size_t n) noexcept { position_ += n; }
    /// From now on there is memory to put back `n` bytes, until `settle`: what is given away before the end of an operation is
    /// known may have to come back when there is no memory left. Throws `std::bad_alloc`.
    void lend(std::size_t n);
    /// Takes back what `take_into` and `passed` gave away since `lend`.
    void put_back(byte_view front) noexcept;
    /// Nothing will come back.
    void settle() noexcept;
    /// All bytes; the buffer is empty.
    [[nodiscard]] bytes release() noexcept;

    /// How many bytes are known to hold none of these separators. Taking bytes off forgets it.
    [[nodiscard]] std::size_t searched(const std::vector<std::string>& separators) const noexcept
    {
        return separators == separators_ ? searched_ : 0;
    }
    /// Throws `std::bad_alloc`.
    void set_searched(const std::vector<std::string>& separators, std::size_t n);

private:
    void taken(std::size_t n) noexcept;
    void put_away_if_empty() noexcept;

    bytes bytes_;
    std::size_t lent_ = 0; // bytes for which there is room beyond those that there are
    std::uint64_t position_ = 0;
    std::size_t last_taken_ = 0; // bytes of the last frame
    std::size_t searched_ = 0;
    std::vector<std::string> separators_;
};

} // namespace ferrule::detail
