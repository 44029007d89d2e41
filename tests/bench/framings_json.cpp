// JSON values in lines, next to Boost.JSON alone.
#include "bench/framings.hpp"

#include <ferrule/framing/json.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace ferrule::bench {
namespace {

namespace json = boost::json;

void add(std::vector<framing_row>& rows, std::size_t size, const json::value& value)
{
    const std::string text = json::serialize(value);
    const auto all = std::make_shared<const frames>(text + '\n', text.size());
    const pass decode_by_hand = [all] {
        std::size_t seen = 0;
        for (std::string_view rest = all->stream; !rest.empty();) {
            const std::size_t end = rest.find('\n');
            const json::value v = json::parse(rest.substr(0, end));
            seen += v.is_array() ? v.get_array().size() : 1;
            rest.remove_prefix(end + 1);
        }
        return seen;
    };
    const pass decode = [all] {
        std::size_t seen = 0;
        json_lines<> f;
        const limits l;
        for (byte_view rest = all->stream; !rest.empty();) {
            const decode_result r = f.decode(rest, l);
            if (r.status() != decode_status::frame)
                no_frame();
            const json::value v = f.load(bytes(rest.first(r.payload())));
            seen += v.is_array() ? v.get_array().size() : 1;
            rest = rest.subspan(r.size());
        }
        return seen;
    };
    const pass encode_by_hand = [all, value] {
        std::size_t seen = 0;
        for (std::size_t i = 0; i < all->count; ++i) {
            const std::string out = json::serialize(value) + '\n';
            used(out);
            seen += out.size();
        }
        return seen;
    };
    const pass encode = encode_pass<json_lines<>>(
        all, [value](const auto& f, const limits& l, encoded& frame) { return f.encode(value, l, frame); });
    rows.push_back({"json_lines", size, "decode", all->count, all->bytes, {decode_by_hand, decode}});
    rows.push_back({"json_lines", size, "encode", all->count, all->bytes, {encode_by_hand, encode}});
}

} // namespace

void add_json_framings(std::vector<framing_row>& rows)
{
    for (const std::size_t size : message_sizes) {
        json::array records;
        while (records.size() < std::max<std::size_t>(size / 32, 1))
            records.push_back(size < 32 ? json::value{{"a", 7}} : json::value{{"id", 7}, {"name", "some value"}});
        if (size < 32)
            add(rows, size, records.front());
        else
            add(rows, size, records);
    }
}

} // namespace ferrule::bench
