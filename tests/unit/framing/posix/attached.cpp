// A handle that a frame brings is given to the transport with the first byte of the frame, and with no other byte.
#include "support/styles.hpp"
#include "support/test.hpp"

namespace {

struct wire_log {
    std::string data;
    std::vector<std::pair<std::size_t, native_handle_type>> beside; // and the byte that each came with
    std::size_t at_once = SIZE_MAX;                                 // bytes that a call takes
    std::size_t room = SIZE_MAX;
};

class plain_transport {
public:
    explicit plain_transport(std::shared_ptr<wire_log> log) : log_(std::move(log)) {}

    io_result try_read(std::span<std::byte>) noexcept { return io_result::end(); }
    io_result try_write(std::span<const byte_view> out) noexcept
    {
        std::size_t most = std::min(log_->at_once, log_->room);
        if (most == 0)
            return io_result::would_block();
        std::size_t moved = 0;
        for (const byte_view part : out) {
            const byte_view some = part.first(std::min(part.size(), most));
            log_->data.append(reinterpret_cast<const char*>(some.data()), some.size());
            most -= some.size();
            moved += some.size();
        }
        log_->room -= moved;
        return io_result::moved(moved);
    }
    readiness arm(direction) noexcept { return readiness::now(); }
    void close() noexcept {}

protected:
    std::shared_ptr<wire_log> log_;
};

class transport_with_handles : public plain_transport {
public:
    using plain_transport::plain_transport;

    using plain_transport::try_write;
    io_result try_write(std::span<const byte_view> out, native_handle_type beside) noexcept
    {
        const std::size_t at = log_->data.size();
        const io_result r = try_write(out);
        if (r.status() == io_status::moved)
            log_->beside.emplace_back(at, beside);
        return r;
    }
};

const native_handle_type some_handle = native_handle_type(7);

// A header, many pieces, and a handle that goes with them.
struct bringing {
    using message_type = bytes;

    decode_result decode(byte_view, const limits&) const { return decode_result::need_more(1); }
    error_code encode(std::span<const byte_view> payload, const limits&, encoded& out) const
    {
        out.append_copy(std::string("head"));
        out.append_view(payload);
        out.attach(some_handle, owner);
        return {};
    }

    std::shared_ptr<const void> owner;
};

} // namespace

TEST_CASE("framing: a handle that is attached leaves with the first byte of its frame, however the frame is cut")
{
    for (const style s : all_styles) {
        for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{10000}}) {
            for (const std::size_t at_once : {std::size_t{1}, std::size_t{3}, std::size_t{5000}, SIZE_MAX}) {
                const auto log = std::make_shared<wire_log>();
                log->at_once = at_once;
                const auto owner = std::make_shared<int>();
                message_duplex<bringing> out(descriptor(transport_with_handles(log)), bringing{owner});
                const std::string payload(size, 'x');
                const auto first = send(s, out, payload, 20s);
                CHECK(first.value == 4 + size);
                const auto second = send(s, out, payload, 20s);
                CHECK(second.value == 4 + size);
                CHECK(log->data == "head" + payload + "head" + payload);
                CHECK(log->beside == std::vector<std::pair<std::size_t, native_handle_type>>{{0, some_handle},
                                                                                             {4 + size, some_handle}});
                out = {};
                CHECK(owner.use_count() == 1);
            }
        }
    }
}

TEST_CASE("framing: what an interrupted send has left behind brings no handle, and the frame after it brings its own")
{
    for (const style s : all_styles) {
        for (std::size_t room = 0; room < 14; ++room) {
            const auto log = std::make_shared<wire_log>();
            log->room = room;
            message_duplex<bringing> out(descriptor(transport_with_handles(log)), bringing{});
            CHECK(send(s, out, "0123456789", deadline::now()).error == errc::timed_out);
            CHECK(log->beside.size() == (room == 0 ? 0u : 1u));
            log->room = SIZE_MAX;
            CHECK_FALSE(send(s, out, "abc", 20s).error);
            const std::size_t at = room == 0 ? 0 : 14; // the whole of what had begun goes first
            CHECK(log->data == (room == 0 ? "headabc" : "head0123456789headabc"));
            CHECK(log->beside.back() == std::pair(at, some_handle));
            CHECK(log->beside.size() == (room == 0 ? 1u : 2u));
        }
    }
}

TEST_CASE("framing: a handle is refused, and nothing sent, where the transport cannot take it along")
{
    for (const style s : all_styles) {
        const auto log = std::make_shared<wire_log>();
        message_duplex<bringing> out(descriptor(plain_transport(log)), bringing{});
        CHECK(send(s, out, "abc", 20s).error == errc::unsupported);
        CHECK(log->data.empty());
        CHECK(out.unsent() == 0);
        duplex(out.channel(), {}).send("abc", 20s);
        CHECK(log->data == "abc");
    }
}
