// Addresses in the form of Python's multiprocessing.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/net/address.hpp>
#include <ferrule/python/value.hpp>

namespace ferrule::python {

/// Converts an address to Python's form. A path is a string. An abstract name is a string with a leading NUL, and a
/// Windows pipe one with two leading backslashes. A host and a port are a tuple. Throws `usage_error`
/// (`errc::invalid_argument`) for a path or name that is not UTF-8, and for a service instead of a port.
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT value from_address(const address& a);
/// Converts Python's form to an address. Abstract names may also be bytes. Throws `frame_error`
/// (`errc::invalid_value`).
[[nodiscard]] FERRULE_MULTIPROCESSING_EXPORT address to_address(const value& v);

} // namespace ferrule::python
