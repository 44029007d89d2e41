// MessagePack values, next to msgpack-cxx alone.
#include "bench/framings.hpp"

#include <ferrule/framing/msgpack.hpp>

#include <map>

namespace ferrule::bench {
namespace {

template <class T>
void add(std::vector<framing_row>& rows, const char* name, std::size_t size, const T& value)
{
    ::msgpack::sbuffer packed;
    ::msgpack::pack(packed, value);
    const auto all = std::make_shared<const frames>(std::string(packed.data(), packed.size()), packed.size());
    const pass decode_by_hand = [all] {
        std::size_t seen = 0;
        for (std::size_t at = 0; at != all->stream.size();) {
            const ::msgpack::object_handle object = ::msgpack::unpack(all->stream.data(), all->stream.size(), at);
            seen += object->as<T>().size();
        }
        return seen;
    };
    const pass decode = [all] {
        std::size_t seen = 0;
        ferrule::msgpack_messages<T> f;
        const limits l;
        for (byte_view rest = all->stream; !rest.empty();) {
            const decode_result r = f.decode(rest, l);
            if (r.status() != decode_status::frame)
                no_frame();
            seen += f.load(bytes(rest.first(r.payload()))).size();
            rest = rest.subspan(r.size());
        }
        return seen;
    };
    const pass encode_by_hand = [all, value] {
        std::size_t seen = 0;
        for (std::size_t i = 0; i < all->count; ++i) {
            ::msgpack::sbuffer out;
            ::msgpack::pack(out, value);
            used(out);
            seen += out.size();
        }
        return seen;
    };
    const pass encode = encode_pass<ferrule::msgpack_messages<T>>(
        all, [value](const auto& f, const limits& l, encoded& frame) { return f.encode(value, l, frame); });
    rows.push_back({name, size, "decode", all->count, all->bytes, {decode_by_hand, decode}});
    rows.push_back({name, size, "encode", all->count, all->bytes, {encode_by_hand, encode}});
}

std::map<std::string, std::string> map_of_strings(std::size_t size)
{
    if (size < 16)
        return {{"k", "valu"}};
    std::map<std::string, std::string> m;
    while (m.size() < size / 16) {
        std::string key = "k";
        key += std::to_string(m.size());
        m[std::move(key)] = "some value";
    }
    return m;
}

} // namespace

void add_msgpack_framings(std::vector<framing_row>& rows)
{
    for (const std::size_t size : message_sizes)
        add(rows, "msgpack<vector>", size, std::vector<std::uint32_t>(size - (size < 16 ? 1 : 3), 7));
    for (const std::size_t size : message_sizes)
        add(rows, "msgpack<map>", size, map_of_strings(size));
}

} // namespace ferrule::bench
