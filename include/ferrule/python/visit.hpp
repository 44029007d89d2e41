// Access to the contents of a Python value: by type, and as a range.
#pragma once

#include <ferrule/python/value.hpp>

#include <ranges>
#include <utility>

namespace ferrule::python {

/// Calls `f` with the content of `v`: `nullptr`, `bool`, `std::int64_t`, `double`, `std::string_view` (text), or
/// `byte_view` (bytes and bytearrays). Integers beyond 64 bits, containers, globals and objects are passed as `v`
/// itself; `type()` tells them apart. Returns the result of `f`, which must have one type. Views live as long as any
/// part of the whole.
template <class F>
decltype(auto) visit(F&& f, const value& v)
{
    switch (v.type()) {
    case type::none: return std::forward<F>(f)(nullptr);
    case type::boolean: return std::forward<F>(f)(v.as<bool>());
    case type::integer:
        if (v.cell().is_large())
            break;
        return std::forward<F>(f)(v.as<std::int64_t>());
    case type::floating: return std::forward<F>(f)(v.as<double>());
    case type::string: return std::forward<F>(f)(v.as<std::string_view>());
    case type::bytes:
    case type::bytearray: return std::forward<F>(f)(v.as<byte_view>());
    default: break;
    }
    return std::forward<F>(f)(v);
}

/// A range of the elements of a list, tuple, set or frozenset, which keeps them alive. Throws as `value::operator[]`
/// does.
[[nodiscard]] inline auto elements(value v)
{
    if (v.type() < type::list || v.type() == type::dict)
        (void)v[0]; // throws
    return std::views::iota(std::size_t{0}, v.size()) |
           std::views::transform([v = std::move(v)](std::size_t i) { return v[i]; });
}

/// A range of the pairs of a dict, in insertion order: `for (const auto& [k, v] : pairs(d))`.
[[nodiscard]] inline auto pairs(value d)
{
    if (d.type() != type::dict)
        (void)d.pair(0); // throws
    return std::views::iota(std::size_t{0}, d.size()) |
           std::views::transform([d = std::move(d)](std::size_t i) { return d.pair(i); });
}

} // namespace ferrule::python
