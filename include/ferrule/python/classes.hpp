// Instances of Python classes as C++ values.
#pragma once

#include <ferrule/python/convert.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ferrule::python {

namespace detail {

/// A string as a template argument.
template <std::size_t N>
struct literal {
    char text[N];

    consteval literal(const char (&s)[N]) noexcept { std::copy_n(s, N, text); }
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {text, N - 1}; }
};

/// Whether `v` is an instance of that class. The main script is `__main__` or, in child processes, `__mp_main__`.
[[nodiscard]] FERRULE_FRAMING_EXPORT bool is_instance(const value& v, std::string_view module, std::string_view name);

/// The name of a member that is pickled as an attribute of its enumeration. Empty for other values.
[[nodiscard]] FERRULE_FRAMING_EXPORT std::string_view member_name(const value& v, std::string_view module,
                                                                  std::string_view name);

} // namespace detail

/// The converter of an aggregate that is a Python class with the same fields in the same order. It may be a dataclass,
/// a named tuple, or any class that can be called with the fields.
///
///     struct point { int x; double y; };
///     template <> struct ferrule::python::converter<point> : ferrule::python::instance<point, "shapes", "Point"> {};
///
/// The pickle calls `shapes.Point(x, y)`, so Python runs its `__init__`. The sender must allow that name in `globals`.
/// Any received instance of that class is accepted, with attributes, slots or as a tuple.
template <class T, detail::literal Module, detail::literal Name>
struct instance {
    static value from(const T& x)
    {
        tuple fields;
        boost::pfr::for_each_field(x, [&](const auto& field) { fields.push_back(python::from(field)); });
        return value::object(Module.view(), Name.view(), fields);
    }
    static T to(const value& v)
    {
        if (!detail::is_instance(v, Module.view(), Name.view()))
            detail::mismatch(v, Name.view());
        return detail::to_aggregate<T>(v);
    }
};

/// Ties an enumerator to its name in Python.
template <detail::literal Name, auto Enumerator>
struct member {
    static constexpr std::string_view name = Name.view();
    static constexpr auto enumerator = Enumerator;
};

/// The converter of an enumeration that is a Python `Enum` with the same numbers as values. An `IntEnum`, a `Flag` and
/// an `IntFlag` work as well.
///
///     template <> struct ferrule::python::converter<color>
///         : ferrule::python::enumeration<color, "shapes", "Color", member<"RED", color::red>, …> {};
///
/// The pickle calls `shapes.Color(number)`. Python sends the same, except CPython 3.11.0 to 3.11.3, which send names.
/// Without `Members` these names are refused. For members whose values are not numbers use `enum_member`.
template <class E, detail::literal Module, detail::literal Name, class... Members>
    requires std::is_enum_v<E>
struct enumeration {
    static value from(const E& e)
    {
        return value::object(Module.view(), Name.view(), {static_cast<std::underlying_type_t<E>>(e)});
    }
    static E to(const value& v)
    {
        if (detail::is_instance(v, Module.view(), Name.view()) && v.args().size() == 1)
            return static_cast<E>(v.args()[0].as<std::underlying_type_t<E>>());
        const std::string_view name = detail::member_name(v, Module.view(), Name.view());
        E found{};
        if (name.empty() || !((name == Members::name && (found = Members::enumerator, true)) || ...))
            detail::mismatch(v, Name.view());
        return found;
    }
};

/// A member of a Python `Enum`, by its name or by its value. A received member has a value, with the exception
/// described at `enumeration`. A member with a name is sent by name, and `globals` must allow "Color.RED". A member
/// without a name is sent by value, and `globals` must allow "Color".
struct enum_member {
    enum_member() = default;
    enum_member(std::string m, std::string t, std::string n, python::value v = {})
        : module(std::move(m)),
          type(std::move(t)),
          name(std::move(n)),
          value(std::move(v))
    {
    }

    std::string module;
    std::string type; // the name of the class
    std::string name;
    python::value value;
};
template <>
struct FERRULE_FRAMING_EXPORT converter<enum_member> {
    static value from(const enum_member& m);
    static enum_member to(const value& v);
};

} // namespace ferrule::python
