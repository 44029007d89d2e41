// Every framing keeps the contract of framings, and the kit notices those that do not.
#include <ferrule/framing/any_framing.hpp>
#include <ferrule/framing/content_length.hpp>
#include <ferrule/framing/fixed_size.hpp>
#include <ferrule/framing/generated.hpp>
#include <ferrule/framing/json_dialect.hpp>
#include <ferrule/framing/leb128.hpp>
#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/framing/limited.hpp>
#include <ferrule/framing/msgpack_bytes.hpp>
#include <ferrule/framing/netstring.hpp>
#include <ferrule/framing/nul.hpp>
#include <ferrule/framing/progress.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include "support/test.hpp"

using ferrule::testing::check_framing;
using ferrule::testing::contract_failure;

namespace {

template <class Decode>
class broken {
public:
    using message_type = bytes;

    explicit broken(Decode d) : decode_(d) {}

    decode_result decode(byte_view buffered, const limits& l) { return decode_(good_, buffered, l); }
    error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
    {
        return good_.encode(payload, l, out);
    }

private:
    length_prefix<u16> good_;
    Decode decode_;
};

template <class Decode>
std::string complaint(Decode d)
{
    try {
        check_framing(broken<Decode>(d), {"", "hello", std::string(300, 'x')});
    } catch (const contract_failure& failure) {
        return failure.what();
    }
    return "none";
}

bool mentions(const std::string& text, std::string_view what)
{
    UNSCOPED_INFO(text);
    return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE("framing: the kit notices what breaks the contract")
{
    using good = length_prefix<u16>;
    CHECK(complaint([](good& f, byte_view b, const limits& l) { return f.decode(b, l); }) == "none");
    CHECK(mentions(complaint([](good&, byte_view, const limits&) { return decode_result::need_more(0); }),
                   "at least one byte"));
    CHECK(mentions(complaint([](good& f, byte_view b, const limits& l) {
                       const decode_result r = f.decode(b, l);
                       return r.status() == decode_status::need_more ? decode_result::need_more(r.needed() + 7) : r;
                   }),
                   "not part of the frame"));
    CHECK(mentions(complaint([](good& f, byte_view b, const limits& l) {
                       const decode_result r = f.decode(b, l);
                       return r.status() == decode_status::frame ? decode_result::frame(2, b.size() - 2) : r;
                   }),
                   "as long as what was encoded"));
    CHECK(mentions(complaint([](good& f, byte_view b, const limits&) { return f.decode(b, limits()); }),
                   "what may not be sent is not received"));
    CHECK(mentions(complaint([](good& f, byte_view b, const limits& l) {
                       return b.size() == 1 ? decode_result::failed(errc::malformed) : f.decode(b, l);
                   }),
                   "needs more"));
    CHECK(mentions(complaint([](good& f, byte_view b, const limits& l) {
                       return b.size() == 1 ? decode_result::failed(errc::closed) : f.decode(b, l);
                   }),
                   "malformed or too large"));
    // State that neither a frame nor a copy clears.
    CHECK(mentions(complaint([seen = std::size_t{0}](good& f, byte_view b, const limits& l) mutable {
                       seen = std::max(seen, b.size());
                       return seen > b.size() ? decode_result::need_more(1) : f.decode(b, l);
                   }),
                   "a whole frame is a frame"));
}
