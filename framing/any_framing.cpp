#include <ferrule/framing/any_framing.hpp>

#include <ferrule/framing/cobs.hpp>
#include <ferrule/framing/fixed_size.hpp>
#include <ferrule/framing/json_dialect.hpp>
#include <ferrule/framing/leb128.hpp>
#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/framing/msgpack_bytes.hpp>
#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/framing/netstring.hpp>
#include <ferrule/framing/none.hpp>
#include <ferrule/framing/nul.hpp>
#include <ferrule/framing/slip.hpp>
#include <ferrule/framing/varint.hpp>

#include <array>
#include <charconv>
#include <optional>

namespace ferrule {
namespace {

/// The argument of a name: the text behind the colon, if there is one.
using argument = std::optional<std::string_view>;

class entry {
public:
    std::string_view name;
    /// Returns nothing if the argument is missing, invalid or not allowed.
    std::optional<any_framing> (*make)(const argument& a);
};

/// Makes a framing that takes no argument.
template <class Framing>
std::optional<any_framing> plain(const argument& a)
{
    if (a)
        return std::nullopt;
    return any_framing(Framing());
}

/// Resolves escapes. Returns nothing for an unknown escape.
std::optional<std::string> unescaped(std::string_view text)
{
    constexpr std::string_view letters = "rnt0\\";
    constexpr std::string_view meanings("\r\n\t\0\\", 5);
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        if (++i == text.size())
            return std::nullopt;
        if (const auto at = letters.find(text[i]); at != std::string_view::npos) {
            out += meanings[at];
            continue;
        }
        const std::string_view digits = text.substr(i).substr(1, 2);
        unsigned value = 0;
        const char* const end = digits.data() + digits.size();
        if (text[i] != 'x' || digits.size() != 2 || std::from_chars(digits.data(), end, value, 16).ptr != end)
            return std::nullopt;
        out += static_cast<char>(value);
        i += 2;
    }
    return out;
}

template <class Framing>
std::optional<any_framing> separated(const argument& a)
{
    const std::optional<std::string> separator = unescaped(a.value_or(""));
    if (!separator || separator->empty())
        return std::nullopt;
    return any_framing(Framing(*separator));
}

std::optional<any_framing> lines_of(const argument& a)
{
    return a ? separated<lines>(a) : any_framing(lines());
}

std::optional<any_framing> fixed(const argument& a)
{
    std::size_t size = 0;
    const std::string_view digits = a.value_or("");
    const char* const end = digits.data() + digits.size();
    if (const auto [stop, ec] = std::from_chars(digits.data(), end, size);
        ec != std::errc() || stop != end || size == 0)
        return std::nullopt;
    return any_framing(fixed_size<>(size));
}

constexpr std::array<entry, 21> entries{{
    {"varint", plain<varint>},
    {"leb128", plain<leb128>},
    {"u8", plain<length_prefix<u8>>},
    {"u16be", plain<length_prefix<u16>>},
    {"u16le", plain<length_prefix<u16, std::endian::little>>},
    {"u32be", plain<length_prefix<u32>>},
    {"u32le", plain<length_prefix<u32, std::endian::little>>},
    {"u64be", plain<length_prefix<u64>>},
    {"u64le", plain<length_prefix<u64, std::endian::little>>},
    {"mp", plain<multiprocessing_bytes>},
    {"netstring", plain<netstring>},
    {"lines[:END]", lines_of},
    {"delimited:SEPARATOR", separated<delimited>},
    {"nul", plain<nul>},
    {"fixed:SIZE", fixed},
    {"msgpack", plain<msgpack_bytes>},
    {"lsp", plain<content_length>},
    {"json", plain<json_dialect>},
    {"slip", plain<slip>},
    {"cobs", plain<cobs>},
    {"none", plain<none>},
}};

} // namespace

any_framing any_framing::named(std::string_view name)
{
    const std::size_t colon = name.find(':');
    const std::string_view wanted = name.substr(0, colon);
    for (const entry& e : entries) {
        if (e.name.substr(0, e.name.find_first_of("[:")) != wanted)
            continue;
        if (auto made = e.make(colon == std::string_view::npos ? argument() : name.substr(colon + 1)))
            return *std::move(made);
    }
    std::string text = "there is no framing '" + std::string(name) + "'; there are:";
    for (const std::string_view known : names())
        text.append(" ").append(known);
    throw usage_error(errc::invalid_argument, text);
}

std::span<const std::string_view> any_framing::names() noexcept
{
    static constexpr auto list = [] {
        std::array<std::string_view, entries.size()> names;
        for (std::size_t i = 0; i < names.size(); ++i)
            names[i] = entries[i].name;
        return names;
    }();
    return list;
}

} // namespace ferrule
