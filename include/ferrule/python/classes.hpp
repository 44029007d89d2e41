// Instances of Python classes as C++ types.
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

/// Whether `v` is an instance of that class; the main script is `__main__` or, in children, `__mp_main__`.
[[nodiscard]] FERRULE_FRAMING_EXPORT bool is_instance(const value& v, std::string_view module, std::string_view name);

/// Of a member that is an attribute of its enumeration: its name. Empty if it is none.
[[nodiscard]] FERRULE_FRAMING_EXPORT std::string_view member_name(const value& v, std::string_view module,
                                                                  std::string_view name);

} // namespace detail

/// The converter of an aggregate that is a Python class of the same fields, in the same order: a dataclass, a named tuple, or
/// any class that can be called with them.
///
///     struct point { int x; double y; };
///     template <> struct ferrule::python::converter<point> : ferrule::python::instance<point, "shapes", "Point"> {};
///
/// We send `shapes.Point(x, y)`, so that its `__init__` sees what Python gets; whoever sends has to allow that name, see
/// `globals`. Of what we receive any instance of that class will do, with attributes, slots or as a tuple.
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

/// Python's name of an enumerator.
template <detail::literal Name, auto Enumerator>
struct member {
    static constexpr std::string_view name = Name.view();
    static constexpr auto enumerator = Enumerator;
};

/// The converter of an enumeration that is a Python `Enum` with the same numbers as values, or an `IntEnum`, a `Flag`, an
/// `IntFlag`.
///
///     template <> struct ferrule::python::converter<color>
///         : ferrule::python::enumeration<color, "shapes", "Color", member<"RED", color::red>, …> {};
///
/// We send `shapes.Color(number)`. Python sends the same, but CPython 3.11.0 to 3.11.3 send names: without `Members` those
/// are refused. For members whose values are no numbers see `enum_member`.
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

/// A member of a Python `Enum`, by its name or by its value. What arrives has a value (but see `enumeration`). If what we send
/// has a name, that counts, and "Color.RED" is what `globals` has to allow; of a value it is "Color".
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
    std::string type; // the name of its class
    std::string name;
    python::value value;
};
template <>
struct FERRULE_FRAMING_EXPORT converter<enum_member> {
    static value from(const enum_member& m);
    static enum_member to(const value& v);
};

} // namespace ferrule::python
