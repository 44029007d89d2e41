// The progress of sending a frame. Private.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <cstddef>
#include <span>

namespace ferrule::detail {

/// A cursor over the parts of a frame, which stays in place. Does no I/O.
class outgoing_frame {
public:
    explicit outgoing_frame(encoded& frame) noexcept : frame_(frame) {}

    [[nodiscard]] std::size_t sent() const noexcept { return sent_; }
    [[nodiscard]] std::size_t left() const noexcept { return frame_.size() - sent_; }
    [[nodiscard]] encoded& frame() const noexcept { return frame_; }

    /// Stores views of the unsent bytes, in order. Uses at most `max_size` bytes and as many views as fit. Returns the
    /// number of views.
    [[nodiscard]] std::size_t views(std::span<byte_view> out, std::size_t max_size) const noexcept;
    /// Copies all unsent bytes to `out`, which has room for `left()` bytes.
    void copy_to(std::byte* out) const noexcept;
    /// Marks the next `n` bytes as sent. Calls the frame's watcher and passes on its exceptions.
    void advance(std::size_t n);
    /// Returns the unsent bytes, moved out of the frame if the frame owns them, else copied. Throws `std::bad_alloc`.
    [[nodiscard]] bytes take_rest();
    /// Copies the unsent bytes that the frame only borrows, so that the originals are no longer needed. Throws
    /// `std::bad_alloc`.
    void own_rest();
    /// Whether the frame borrows some of the unsent bytes.
    [[nodiscard]] bool borrows() const noexcept;

private:
    [[nodiscard]] byte_view rest_of(std::size_t i) const noexcept
    {
        return frame_.part(i).subspan(i == part_ ? offset_ : 0);
    }
    [[nodiscard]] bool is_kept(std::size_t i) const noexcept;

    encoded& frame_;
    bytes rest_; // the unsent bytes, once owned
    std::size_t sent_ = 0;
    std::size_t part_ = 0;   // the first part not sent completely
    std::size_t offset_ = 0; // bytes of that part already sent
};

} // namespace ferrule::detail
