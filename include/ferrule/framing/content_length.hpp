// Messages with headers that tell the length, as those of the Language Server Protocol.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// Header lines of which one is `Content-Length: N`, an empty line, then N bytes: the base protocol of LSP and DAP, and of
/// older MCP peers. Sent is that header alone. Received: header names in any case, other headers (ignored), blanks around
/// values, lines that end in "\n" alone. Anything but one `Content-Length` of decimal digits is `errc::malformed`, and
/// so is a line without a colon. Headers of more than 8 KiB are `errc::too_large`.
///
/// Source: "Base Protocol" of the Language Server Protocol 3.17.
class FERRULE_FRAMING_EXPORT content_length {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
    void reset() noexcept { *this = {}; }

    static constexpr std::size_t longest_headers = 8192;

private:
    [[nodiscard]] error_code read_line(std::string_view line) noexcept;

    std::size_t line_ = 0;     // where the header line begins that is incomplete
    std::size_t searched_ = 0; // bytes in which no further line ends
    std::uint64_t length_ = 0;
    bool has_length_ = false;
    bool has_all_ = false; // the headers end at `line_`
};

} // namespace ferrule
