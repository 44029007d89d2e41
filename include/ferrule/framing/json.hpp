// JSON values, with Boost.JSON. Target: ferrule::json.
#pragma once

#include <ferrule/framing/content_length.hpp>
#include <ferrule/framing/framed.hpp>
#include <ferrule/framing/json_dialect.hpp>
#include <ferrule/framing/lines.hpp>

#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <concepts>

namespace ferrule {

namespace detail {

FERRULE_JSON_EXPORT error_code write_json(const boost::json::value& value, bytes& out);
FERRULE_JSON_EXPORT boost::json::value read_json(byte_view text);

} // namespace detail

/// JSON text as a serialisation, for `framed`. `T` is any type that `boost::json::value_from` and `value_to` convert.
/// The text is compact and contains no line ends. Numbers that JSON cannot express (NaN, infinities) are
/// `errc::unencodable`.
///
/// A received text is `errc::invalid_value` in these cases:
///
/// * more than 512 nested arrays and objects;
/// * invalid UTF-8, or half a surrogate pair as an escape;
/// * numbers beyond the range of `double`.
///
/// Source: RFC 8259.
template <class T = boost::json::value>
class json_codec {
public:
    using value_type = T;

    [[nodiscard]] error_code encode(const T& value, bytes& out) const
    {
        if constexpr (std::same_as<T, boost::json::value>)
            return detail::write_json(value, out);
        else
            return detail::write_json(boost::json::value_from(value), out);
    }
    [[nodiscard]] T decode(bytes text) const
    {
        if constexpr (std::same_as<T, boost::json::value>)
            return detail::read_json(text);
        else {
            auto value = boost::json::try_value_to<T>(detail::read_json(text));
            if (!value)
                throw frame_error(errc::invalid_value, text, text.size());
            return *std::move(value);
        }
    }
};

/// One JSON text per line: NDJSON, JSON Lines, MCP over stdio.
template <class T = boost::json::value>
using json_lines = framed<lines, json_codec<T>>;

/// JSON texts with `Content-Length` headers: LSP, DAP.
template <class T = boost::json::value>
using json_content_length = framed<content_length, json_codec<T>>;

/// The dialect that the peer speaks, one of the two above. See `json_dialect`.
template <class T = boost::json::value>
using json_messages = framed<json_dialect, json_codec<T>>;

} // namespace ferrule
