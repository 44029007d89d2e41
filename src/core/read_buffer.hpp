// Input that was read but not delivered yet. Private.
#pragma once

#include <ferrule/bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ferrule::detail {

/// The bytes at the front of a stream. The descriptor fills the buffer and requests empty it. The buffer decides how
/// much to ask for. It does no I/O. An empty buffer holds no memory. Functions that throw `std::bad_alloc` change
/// nothing.
class read_buffer {
public:
    /// From this size on, memory changes hands instead of being copied.
    static constexpr std::size_t large = 16 * 1024;

    [[nodiscard]] byte_view view() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
    /// The number of bytes of the stream before these.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
    /// The total number of bytes received.
    [[nodiscard]] std::uint64_t received() const noexcept { return position_ + bytes_.size(); }

    /// Returns room for the next read when at least `needed` bytes are missing. `filled` must follow in any case. The
    /// buffer takes at most 2 × what has arrived + 1 MiB, whatever size was announced. Throws `std::bad_alloc`.
    [[nodiscard]] std::span<std::byte> room(std::size_t needed);
    /// Returns room for a packet of at least `n` bytes, which the system already holds. Throws `std::bad_alloc`.
    [[nodiscard]] std::span<std::byte> room_for_packet(std::size_t n);
    /// Adds `n` bytes that were read into the room.
    void filled(std::size_t n) noexcept;

    /// Replaces `to` by the `size` bytes behind the first `skip` bytes. Drops the skipped bytes and `drop` more behind
    /// the result. Throws `std::bad_alloc`.
    void take(std::size_t skip, std::size_t size, std::size_t drop, bytes& to);
    /// Moves as many bytes as there are and fit to the front of `to`. Returns their number.
    std::size_t take_into(std::span<std::byte> to) noexcept;
    /// Counts `n` bytes that went directly from the descriptor to a caller's memory.
    void passed(std::size_t n) noexcept { position_ += n; }
    /// Reserves memory to put back `n` bytes, until `settle`. Bytes given away before the end of an operation is known
    /// may have to come back when memory has run out. Throws `std::bad_alloc`.
    void lend(std::size_t n);
    /// Takes back what `take_into` and `passed` gave away since `lend`.
    void put_back(byte_view front) noexcept;
    /// Ends the reservation of `lend`.
    void settle() noexcept;
    /// Returns all bytes and leaves the buffer empty.
    [[nodiscard]] bytes release() noexcept;

    /// The number of bytes known to hold none of these separators. Taking bytes off resets it.
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
    std::size_t lent_ = 0; // room reserved for bytes that may come back
    std::uint64_t position_ = 0;
    std::size_t last_taken_ = 0; // bytes of the last frame
    std::size_t searched_ = 0;
    std::vector<std::string> separators_;
};

} // namespace ferrule::detail
