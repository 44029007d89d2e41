// Anonymous memory for a ring, which two processes map. Private.
#pragma once

#include "platform/shared_memory/ring.hpp"
#include "platform/unique_handle.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace ferrule::shared_memory {

using ring_words = ring_state<std::atomic<std::uint64_t>>;

inline constexpr std::uint64_t min_capacity = 4096;
inline constexpr std::uint64_t max_capacity = std::uint64_t{1} << 40;

/// A ring and its bytes, mapped. No other program finds it by a name, and its size is fixed.
class ring_memory {
public:
    ring_memory() = default;
    ring_memory(const ring_memory&) = delete;
    ring_memory& operator=(const ring_memory&) = delete;
    virtual ~ring_memory() = default;

    [[nodiscard]] virtual ring_words& ring() const noexcept = 0;
    [[nodiscard]] virtual std::byte* data() const noexcept = 0;
};

/// Makes memory for `capacity` bytes, a power of two, and a handle of it. Throws `error`, on Windows with
/// `errc::unsupported`.
[[nodiscard]] std::unique_ptr<ring_memory> make_memory(std::uint64_t capacity, os::unique_handle& handle);
/// Maps memory that the peer has made. Throws `error`, with `errc::malformed` if it is no memory of that size that
/// stays as it is.
[[nodiscard]] std::unique_ptr<ring_memory> map_memory(const os::unique_handle& handle, std::uint64_t capacity);

/// Makes a pipe that wakes: the end where this side sleeps, and the one for the peer. Throws as `make_memory`.
[[nodiscard]] std::pair<descriptor, os::unique_handle> make_bell();
/// Takes over the writing end of a pipe that the peer has sent. Throws `error`, with `errc::malformed` for anything else.
[[nodiscard]] descriptor open_bell(os::unique_handle handle);

} // namespace ferrule::shared_memory
