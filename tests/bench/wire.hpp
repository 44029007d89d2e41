// What all contenders send: four bytes of big-endian length and a payload whose first and last bytes are known.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <vector>

namespace ferrule::bench {

using header = std::array<unsigned char, 4>;

inline constexpr char first_byte = 1;
inline constexpr char last_byte = 2;

inline std::vector<char> payload(std::size_t size)
{
    std::vector<char> p(size);
    p.front() = first_byte;
    p.back() = last_byte;
    return p;
}

inline header header_of(std::size_t size)
{
    return {static_cast<unsigned char>(size >> 24), static_cast<unsigned char>(size >> 16),
            static_cast<unsigned char>(size >> 8), static_cast<unsigned char>(size)};
}

inline std::size_t length_in(const unsigned char* h)
{
    return std::size_t{h[0]} << 24 | std::size_t{h[1]} << 16 | std::size_t{h[2]} << 8 | h[3];
}

/// What every receiver does with a message.
inline void look_at(std::span<const char> message, std::size_t expected)
{
    if (message.size() != expected || message.front() != first_byte || message.back() != last_byte)
        throw std::runtime_error("not the message that was sent");
}

/// A read buffer by hand, with room for 64 KiB and a message.
class inbox {
public:
    explicit inbox(std::size_t message) : message_(message), buffer_(64 * 1024 + sizeof(header) + message) {}

    [[nodiscard]] std::span<char> room()
    {
        if (begin_ > 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        return std::span(buffer_).subspan(end_);
    }
    void filled(std::size_t n) { end_ += n; }
    /// Whether there was a whole message.
    bool take()
    {
        const std::span<const char> have(buffer_.data() + begin_, end_ - begin_);
        if (have.size() < sizeof(header))
            return false;
        const std::size_t size = length_in(reinterpret_cast<const unsigned char*>(have.data()));
        if (have.size() - sizeof(header) < size)
            return false;
        look_at(have.subspan(sizeof(header), size), message_);
        begin_ += sizeof(header) + size;
        return true;
    }

private:
    std::size_t message_;
    std::vector<char> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace ferrule::bench
