// How far a frame has left. Private.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <cstddef>
#include <span>

namespace ferrule::detail {

/// A cursor over the parts of a frame, which stays where it is. Does no I/O.
class outgoing_frame {
public:
    explicit outgoing_frame(encoded& frame) noexcept : frame_(frame) {}

    [[nodiscard]] std::size_t sent() const noexcept { return sent_; }
    [[nodiscard]] std::size_t left() const noexcept { return frame_.size() - sent_; }
    [[nodiscard]] encoded& frame() const noexcept { return frame_; }

    /// Views of what has not left, in order, at most `most` bytes and as many views as fit. Returns how many.
    [[nodiscard]] std::size_t views(std::span<byte_view> out, std::size_t most) const noexcept;
    /// Copies all that has not left to `out`, which has room for `left()` bytes.
    void copy_to(std::byte* out) const noexcept;
    /// The next `n` bytes have left. Tells the frame's watcher, and throws what that throws.
    void advance(std::size_t n);
    /// What has not left, moved out of the frame if the frame owns it, else copied. Throws `std::bad_alloc`.
    [[nodiscard]] bytes take_rest();
    /// Copies what has not left, if the frame only sees it, so that it is needed no longer. Throws `std::bad_alloc`.
    void own_rest();
    /// Whether what has not left is, in part, memory that the frame does not own.
    [[nodiscard]] bool borrows() const noexcept;

private:
    [[nodiscard]] byte_view rest_of(std::size_t i) const noexcept
    {
        return frame_.part(i).subspan(i == part_ ? offset_ : 0);
    }
    [[nodiscard]] bool is_kept(std::size_t i) const noexcept;

    encoded& frame_;
    bytes rest_; // once it is owned
    std::size_t sent_ = 0;
    std::size_t part_ = 0;   // the first part that has not left whole
    std::size_t offset_ = 0; // bytes of it that have
};

} // namespace ferrule::detail
