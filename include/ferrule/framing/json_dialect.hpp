// JSON on standard input and output, in whichever of the two dialects the other end speaks.
#pragma once

#include <ferrule/framing/content_length.hpp>
#include <ferrule/framing/lines.hpp>

#include <atomic>
#include <memory>

namespace ferrule {

/// Lines of JSON (MCP, and JSON-RPC over stdio in general) or `Content-Length` headers (LSP, DAP): the first byte that arrives
/// tells. `C` or `c` begins a header; what begins a JSON text, blanks included, begins a line; anything else is
/// `errc::malformed`. From then on only that dialect is understood, and what is sent uses it. Messages are bytes; for
/// JSON values see `json_messages` in <ferrule/framing/json.hpp>.
///
/// Copies share what was found out, so give both directions of a connection copies of one object, and each connection an
/// object of its own.
class FERRULE_FRAMING_EXPORT json_dialect {
public:
    using message_type = bytes;

    enum class dialect : unsigned char { unknown, lines, content_length };

    json_dialect() : json_dialect(dialect::lines) {}
    /// `first` is sent as long as nothing has arrived (`unknown` means lines).
    explicit json_dialect(dialect first) : found_(std::make_shared<found>(first)) {}

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l);
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
    void reset() noexcept;

    /// What the other end speaks, if that is known. Any thread.
    [[nodiscard]] dialect detected() const noexcept { return found_->received.load(std::memory_order_relaxed); }

private:
    class found {
    public:
        explicit found(dialect d) noexcept : first(d) {}

        const dialect first;
        std::atomic<dialect> received{dialect::unknown};
    };

    std::shared_ptr<found> found_;
    lines lines_;
    content_length content_length_;
};

} // namespace ferrule
