// Messages that end with a separator.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <initializer_list>
#include <string>
#include <vector>

namespace ferrule {

/// Messages that end with a separator of any length, or with one of several separators. A received message ends at the
/// first separator to end, or at the longest of those that end together. A sent message ends with the first separator
/// of the list. A payload that would not arrive as one message is `errc::unencodable`. It contains a separator, or one
/// arises where it meets the added separator. The limit bounds a message, and counts the separator if it is included.
/// Text beyond the limit is `errc::too_large`.
class FERRULE_FRAMING_EXPORT delimited {
public:
    using message_type = bytes;

    /// Whether the separator is part of the message.
    enum class separator : unsigned char {
        strip,  // it is not part of the message
        include // received messages keep it; sent messages get one unless they already end with one
    };

    /// Throws `usage_error` (`errc::invalid_argument`) if there is no separator, or an empty one.
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
    std::size_t longest_ = 0;  // length of the longest separator
    std::size_t searched_ = 0; // bytes in which no separator ends
};

} // namespace ferrule
