// Messages with a `Content-Length` header, as in the Language Server Protocol.
#pragma once

#include <ferrule/framing/framing.hpp>

namespace ferrule {

/// Header lines, one of which is `Content-Length: N`, an empty line, then N bytes. This is the base protocol of LSP and
/// DAP, and of older MCP peers. That header is the only one sent.
///
/// Received header names may be in any case, and values may have blanks around them. Other headers are ignored. Lines
/// may end in "\n" alone. A header without exactly one `Content-Length` of decimal digits, or with a line without a
/// colon, is `errc::malformed`. More than 8 KiB of headers are `errc::too_large`.
///
/// Source: "Base Protocol" of the Language Server Protocol 3.17.
class FERRULE_FRAMING_EXPORT content_length {
public:
    using message_type = bytes;

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) noexcept;
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
    void reset() noexcept { *this = {}; }

    static constexpr std::size_t max_headers = 8192;

private:
    [[nodiscard]] error_code read_line(std::string_view line) noexcept;

    std::size_t line_ = 0;     // where the incomplete header line begins
    std::size_t searched_ = 0; // bytes that contain no further end of line
    std::uint64_t length_ = 0;
    bool has_length_ = false;
    bool has_all_ = false; // the headers end at `line_`
};

} // namespace ferrule
