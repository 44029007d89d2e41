// Python values as JSON, for tools.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/python/value.hpp>

#include <boost/json/value.hpp>

namespace ferrule::python {

/// Converts a value to JSON that shows all of it. None, bools, integers of 64 bits, finite floats, text, lists, and
/// dicts with text as keys have the usual form. Any other value is a JSON object whose member names begin with a dollar
/// sign. It has one member, or several for objects:
///
///     {"$tuple": [1, 2]}  {"$set": [1]}  {"$frozenset": []}  {"$bytes": "00ff"}  {"$bytearray": "00ff"}
///     {"$float": "nan"}  {"$int": "36893488147419103232"}  {"$global": "builtins.len"}
///     {"$str": "'\\ud800'"} (text that JSON cannot hold, as Python writes it)
///     {"$dict": [[1, "one"]]} (also if a key begins with a dollar sign)
///     {"$cycle": 2} (the number of levels up)
///     {"$call": {"$global": "datetime.date"}, "$args": [{"$bytes": "07e8021d"}], "$kwargs": …, "$state": …,
///      "$list": …, "$dict": …}
///
/// Throws `frame_error` (`errc::too_large`) for more than a million values, or for nesting beyond 200. Shared values
/// count each time.
[[nodiscard]] FERRULE_JSON_EXPORT boost::json::value to_json(const value& v);

/// Converts plain JSON to a value: objects become dicts, arrays become lists. Names that begin with a dollar sign have
/// no special meaning. Throws `usage_error` (`errc::invalid_argument`) for text that is not UTF-8.
[[nodiscard]] FERRULE_JSON_EXPORT value from_json(const boost::json::value& v);

} // namespace ferrule::python
