// MessagePack objects as byte messages.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <boost/container/small_vector.hpp>

#include <cstdint>

namespace ferrule {

/// MessagePack objects back to back, with nothing between them. A message is the bytes of one object. No MessagePack
/// library is needed; `msgpack_messages<T>` in <ferrule/framing/msgpack.hpp> makes values of the messages. The byte
/// 0xC1, which is in no object, is `errc::malformed`. Sending anything but exactly one object is `errc::unencodable`.
///
/// The elements of a container are counted when its header arrives. So an array that cannot fit the limit is refused
/// immediately. Each byte is examined once, however the input is split.
///
/// Source: the MessagePack specification, https://github.com/msgpack/msgpack/blob/master/spec.md.
class FERRULE_FRAMING_EXPORT msgpack_bytes {
public:
    using message_type = bytes;

    msgpack_bytes() noexcept = default;
    /// Maximum nesting of containers, and maximum number of objects in one message, both inclusive. Exceeding either is
    /// `errc::too_large`. `max_objects` bounds memory, because a small object can take 24 bytes there.
    explicit msgpack_bytes(std::size_t max_depth, std::size_t max_objects = std::size_t{1} << 24) noexcept
        : max_depth_(max_depth),
          max_objects_(max_objects)
    {
    }

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l);
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
    void reset() noexcept;

private:
    std::size_t max_depth_ = 512;
    std::size_t max_objects_ = std::size_t{1} << 24;
    std::uint64_t at_ = 0;                                  // where the next object begins
    std::uint64_t owed_ = 1;                                // announced objects that have not begun
    std::size_t objects_ = 0;                               // objects that have begun
    boost::container::small_vector<std::uint64_t, 8> open_; // for each open container: its missing objects
};

} // namespace ferrule
