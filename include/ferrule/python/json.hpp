// Python values as JSON, for tools.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/python/value.hpp>

#include <boost/json/value.hpp>

namespace ferrule::python {

/// A value as JSON that shows all of it: None, bools, integers of 64 bits, finite floats, text, lists and dicts with text as keys
/// are what they are in JSON. Anything else is an object with one member, or more for objects, whose name begins with a
/// dollar sign:
///
///     {"$tuple": [1, 2]}  {"$set": [1]}  {"$frozenset": []}  {"$bytes": "00ff"}  {"$bytearray": "00ff"}  {"$float": "nan"}
///     {"$int": "36893488147419103232"}  {"$str": "'\\ud800'"} (text that JSON does not have, as Python writes it)
///     {"$dict": [[1, "one"]]} (also if a key begins with a dollar sign)  {"$global": "builtins.len"}  {"$cycle": 2} (levels up)
///     {"$call": {"$global": "datetime.date"}, "$args": [{"$bytes": "07e8021d"}], "$kwargs": …, "$state": …, "$list": …, "$dict": …}
///
/// Throws `frame_error` (`errc::too_large`) for more than a million values, counting what is shared each time, or a nesting
/// beyond 200.
[[nodiscard]] FERRULE_JSON_EXPORT boost::json::value to_json(const value& v);

/// The reverse for plain JSON: objects become dicts, arrays lists; nothing that begins with a dollar sign has a meaning.
/// Throws `usage_error` (`errc::invalid_argument`) for text that is not UTF-8.
[[nodiscard]] FERRULE_JSON_EXPORT value from_json(const boost::json::value& v);

} // namespace ferrule::python
