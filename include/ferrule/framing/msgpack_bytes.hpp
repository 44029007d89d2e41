// Where a MessagePack object ends.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <boost/container/small_vector.hpp>

#include <cstdint>

namespace ferrule {

/// MessagePack objects back to back, with nothing between them; a message is the bytes of one object. Needs no MessagePack
/// library: `msgpack_messages<T>` in <ferrule/framing/msgpack.hpp> makes values of them. The byte 0xC1, which is in no object, is
/// `errc::malformed`. Sending anything but exactly one object is `errc::unencodable`.
///
/// Each element of a container is counted when the container is announced, so an array that cannot fit the limit is
/// refused at once. Each byte is looked at once, whatever the pieces in which it arrives.
///
/// Source: the MessagePack specification, https://github.com/msgpack/msgpack/blob/master/spec.md.
class FERRULE_FRAMING_EXPORT msgpack_bytes {
public:
    using message_type = bytes;

    msgpack_bytes() noexcept = default;
    /// Most containers within each other, and most objects in one message, both inclusive: more is `errc::too_large`. A
    /// small object of the wire can take 24 bytes in memory, which is what `most_objects` bounds.
    explicit msgpack_bytes(std::size_t deepest, std::size_t most_objects = std::size_t{1} << 24) noexcept
        : deepest_(deepest),
          most_objects_(most_objects)
    {
    }

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l);
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
    void reset() noexcept;

private:
    std::size_t deepest_ = 512;
    std::size_t most_objects_ = std::size_t{1} << 24;
    std::uint64_t at_ = 0;                                  // where the next object begins
    std::uint64_t owed_ = 1;                                // objects announced that have not begun
    std::size_t objects_ = 0;                               // that have
    boost::container::small_vector<std::uint64_t, 8> open_; // of each container: objects missing in it
};

} // namespace ferrule
