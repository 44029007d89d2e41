// Names of modules and what is in them. Private.
#pragma once

#include <string_view>

namespace ferrule::python::detail {

/// What Python 3 calls what Python 2 has called so, as `fix_imports` of CPython does for what is plain data.
void from_python_2(std::string_view& module, std::string_view& name) noexcept;

/// Whether a call of that name makes plain data of a type of Python's own, in every supported Python.
[[nodiscard]] bool is_standard(std::string_view module, std::string_view name) noexcept;

} // namespace ferrule::python::detail
