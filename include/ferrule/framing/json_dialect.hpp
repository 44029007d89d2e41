// JSON over standard input and output, in the dialect that the peer speaks.
#pragma once

#include <ferrule/framing/content_length.hpp>
#include <ferrule/framing/lines.hpp>

#include <atomic>
#include <memory>

namespace ferrule {

/// Lines of JSON (MCP, and JSON-RPC over stdio in general) or `Content-Length` headers (LSP, DAP). The first byte that
/// arrives decides. `C` or `c` begins a header. A byte that can begin a JSON text, or a blank, begins a line. Any other
/// byte is `errc::malformed`. From then on only that dialect is accepted and sent. Messages are bytes; for JSON values
/// see `json_messages` in <ferrule/framing/json.hpp>.
///
/// Copies share the detected dialect. Give both directions of a connection copies of one object, and each connection
/// its own object.
class FERRULE_FRAMING_EXPORT json_dialect {
public:
    using message_type = bytes;

    enum class dialect : unsigned char { unknown, lines, content_length };

    json_dialect() : json_dialect(dialect::lines) {}
    /// `first` is the dialect to send until something has arrived. `unknown` means lines.
    explicit json_dialect(dialect first) : found_(std::make_shared<found>(first)) {}

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l);
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const;
    void reset() noexcept;

    /// The dialect of the peer, or `unknown`. Any thread may call it.
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
