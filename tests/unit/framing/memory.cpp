// A framing that remembers the header which it has seen, on a stream that others read as well.

#include "support/test.hpp"

namespace {

// One byte of length, the payload.
class remembering {
public:
    using message_type = bytes;

    decode_result decode(byte_view buffered, const limits&)
    {
        if (!length_) {
            if (buffered.empty())
                return decode_result::need_more(1);
            length_ = std::to_integer<std::size_t>(buffered[0]);
        }
        if (buffered.size() < 1 + *length_)
            return decode_result::need_more(1 + *length_ - buffered.size());
        const auto found = decode_result::frame(1, *length_);
        length_.reset();
        return found;
    }
    void reset() { length_.reset(); }
    error_code encode(std::span<const byte_view> payload, const limits&, encoded& out) const
    {
        std::size_t n = 0;
        for (const byte_view part : payload)
            n += part.size();
        const auto header = static_cast<std::byte>(n);
        out.append_copy({&header, 1});
        for (const byte_view part : payload)
            out.append_view(part);
        return {};
    }

private:
    std::optional<std::size_t> length_;
};
static_assert(byte_framing<remembering>);

// `take` takes the beginning of a message, of which the framing has seen the header, off the stream.
template <class Take>
void starts_afresh_after(Take take)
{
    auto [r, w] = pipe();
    message_reader<remembering> m{r};
    w.send("\x09"
           "abcd");
    CHECK_THROWS_AS(m.recv(0s), timeout_error);
    take(r);
    w.send("\x01"
           "e\x02"
           "fg");
    CHECK(m.recv(5s) == byte_view("e"));
    CHECK(m.recv(5s) == byte_view("fg"));
}

} // namespace

TEST_CASE("framing: one with a memory goes on where it was")
{
    auto [r, w] = pipe(remembering{});
    writer raw(w.channel(), {});
    for (const char* part : {"\x03", "ab", "c"}) {
        CHECK_THROWS_AS(r.recv(0s), timeout_error);
        raw.send(part);
    }
    CHECK(r.recv(5s) == byte_view("abc"));
    w.send("d");
    CHECK(r.recv(5s) == byte_view("d"));
}

TEST_CASE("framing: one with a memory starts afresh where somebody else has read")
{
    starts_afresh_after([](reader r) { CHECK(r.recv(5).size() == 5); });
    starts_afresh_after([](reader r) {
        std::byte space[5];
        r.recv_into(space);
    });
    starts_afresh_after([](reader r) { CHECK(r.take_partial().size() == 5); });
}
