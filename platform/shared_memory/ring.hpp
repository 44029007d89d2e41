// One direction of shared memory: a ring of bytes between one writer and one reader. Private.
#pragma once

#include <ferrule/socket_like.hpp>

#include <atomic>
#include <cstdint>

namespace ferrule::shared_memory {

/// What both sides see. Zeros are an empty ring. A tests puts its own kind of `Word` here.
template <class Word>
struct ring_state {
    class side {
    public:
        alignas(64) Word moved; // bytes since the beginning: written by the writer, or taken by the reader
        alignas(64) Word waits; // whether this side wants to be woken
        Word ended;             // whether this side moves nothing any more
    };
    side writer;
    side reader;
};

/// What one side does with a ring. The peer is not trusted: its words are read once, and checked.
///
/// A side sleeps after `announce_wait` if `look` finds nothing then. A side that has moved bytes wakes the other if `advance`
/// says so. Each of the two writes its own word first and reads the other's then, in one order for all threads. So at
/// least one of the two sees what the other has done, and nobody sleeps beside bytes or room.
template <class Word, direction Side>
class ring_side {
public:
    ring_side(ring_state<Word>& s, std::uint64_t capacity) noexcept
        : own_(Side == direction::write ? s.writer : s.reader),
          peer_(Side == direction::write ? s.reader : s.writer),
          capacity_(capacity)
    {
    }

    /// The bytes that can be moved, as far as this side knows: room for the writer, data for the reader.
    [[nodiscard]] std::uint64_t available() const noexcept
    {
        return Side == direction::write ? capacity_ - (moved_ - peer_moved_) : peer_moved_ - moved_;
    }
    /// Looks at what the peer has moved. Returns false if that is impossible.
    [[nodiscard]] bool look() noexcept
    {
        const std::uint64_t n = peer_.moved.load();
        if ((Side == direction::write ? moved_ - n : n - moved_) > capacity_)
            return false;
        peer_moved_ = n;
        return true;
    }
    /// Where the next byte is.
    [[nodiscard]] std::uint64_t position() const noexcept { return moved_ & (capacity_ - 1); }
    /// `n` bytes, of those available, were moved. Returns whether the peer must be woken.
    [[nodiscard]] bool advance(std::uint64_t n) noexcept
    {
        moved_ += n;
        own_.moved.store(moved_);
        return must_wake();
    }
    /// This side moves nothing any more. Returns as `advance`.
    [[nodiscard]] bool end() noexcept
    {
        own_.ended.store(1);
        return must_wake();
    }
    /// Whether the peer moves nothing any more. What it moved before is seen by the next `look`.
    [[nodiscard]] bool peer_has_ended() const noexcept { return peer_.ended.load() != 0; }

    void announce_wait() noexcept { own_.waits.store(1); }
    /// Returns whether the peer has woken this side, or is about to.
    [[nodiscard]] bool end_wait() noexcept { return own_.waits.exchange(0) == 0; }

private:
    [[nodiscard]] bool must_wake() noexcept { return peer_.waits.load() != 0 && peer_.waits.exchange(0) != 0; }

    typename ring_state<Word>::side& own_;
    typename ring_state<Word>::side& peer_;
    const std::uint64_t capacity_; // a power of two
    std::uint64_t moved_ = 0;      // never read from memory that the peer can write
    std::uint64_t peer_moved_ = 0; // checked
};

} // namespace ferrule::shared_memory
