#include <ferrule/framing/json.hpp>

#include <boost/json/parse.hpp>
#include <boost/json/serializer.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <cmath>

namespace ferrule::detail {
namespace {

namespace json = boost::json;

bool is_expressible(const json::value& v)
{
    switch (v.kind()) {
    case json::kind::double_: return std::isfinite(v.get_double());
    case json::kind::array: return std::ranges::all_of(v.get_array(), is_expressible);
    case json::kind::object:
        return std::ranges::all_of(v.get_object(), [](const auto& member) { return is_expressible(member.value()); });
    default: return true;
    }
}

} // namespace

error_code write_json(const json::value& value, bytes& out)
{
    if (!is_expressible(value))
        return errc::unencodable;
    json::serializer s;
    s.reset(&value);
    while (!s.done()) {
        out.reserve(out.size() + std::max<std::size_t>(out.size(), 512));
        const std::span<std::byte> room = out.spare();
        out.commit(s.read(reinterpret_cast<char*>(room.data()), room.size()).size());
    }
    return {};
}

json::value read_json(byte_view text)
{
    json::parse_options options;
    options.max_depth = 512;
#if BOOST_VERSION >= 108400
    options.numbers = json::number_precision::precise;
#endif
    error_code ec;
    json::value value = json::parse(text.text(), ec, {}, options);
    if (ec || !is_expressible(value)) // such as 1e400, which could not be sent back
        throw frame_error(errc::invalid_value, text, text.size());
    return value;
}

} // namespace ferrule::detail
