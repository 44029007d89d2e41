// Small ways to make Python's values, and to see that they are refused.
#pragma once

#include "support/test.hpp"

#include <ferrule/python/convert.hpp>

namespace ferrule::test {

inline python::value raw(std::string_view s)
{
    return {python::type::bytes, s};
}

/// Why the value is no T.
template <class T>
error_code refusal(const python::value& v)
{
    return code_of([&] { return python::to<T>(v); });
}

} // namespace ferrule::test
