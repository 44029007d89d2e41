// Messages that end with a separator.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <initializer_list>
#include <string>
#include <vector>

namespace ferrule {

/// Messages that end with a separator of any length, or with one of several. Received: up to the separator that ends first,
/// of those that end together the longest. Sent: with the first of the list. A payload that would not be received as one
/// message, because a separator is in it or arises where it meets the separator behind it, is `errc::unencodable`. A
/// message is bounded by the limit, which counts the separator if it is included: text without end is `errc::too_large`.
class FERRULE_FRAMING_EXPORT delimited {
public:
    using message_type = bytes;

    /// What becomes of the separator.
    enum class separator : unsigned char {
        strip,  // it is not part of messages
        include // it stays at the end of a received message, and is added when sending only if it is not there
    };

    /// Throws `usage_error` (`errc::invalid_argument`) if there is no separator or an empty one.
    explicit delimited(std::vector<std::string> separators, separator s = separator::strip);
    explicit delimited(std::initializer_list<std::string> separators, separator s = separator::strip)
        : delimited(std::vector<std::string>(separators), s)
    {
    }
    explicit delimited(std::string one, separator s = separator::strip)
        : delimited(std::vector<std::string>{std::move(one)}, s)
    {
    }

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
    void reset() noexcept { searched_ = 0; }

private:
    std::vector<std::string> separators_;
    bool include_;
    std::size_t longest_ = 0;  // separator
    std::size_t searched_ = 0; // bytes in which no separator ends
};

} // namespace ferrule
