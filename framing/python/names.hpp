// Names of modules and of their contents. Private.
#pragma once

#include <string_view>

namespace ferrule::python::detail {

/// Maps names of Python 2 to those of Python 3, for plain data, as `fix_imports` of CPython does.
void from_python_2(std::string_view& module, std::string_view& name) noexcept;

/// Whether calling that name makes plain data of one of Python's own types, in every supported Python.
[[nodiscard]] bool is_standard(std::string_view module, std::string_view name) noexcept;

} // namespace ferrule::python::detail
