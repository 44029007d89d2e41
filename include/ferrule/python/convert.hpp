// Conversions between Python values and C++ types.
#pragma once

#include <ferrule/detail/field_names.hpp>
#include <ferrule/python/value.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace ferrule::python {

/// The conversion of a type of yours to a Python value and back. Specialise it with
///
///     static value from(const T& x);  // throws as the constructors of `value` do
///     static T to(const value& v);    // throws `frame_error` (`errc::invalid_value`)
///
/// <ferrule/python/classes.hpp> has converters for instances of Python classes. <ferrule/python/datetime.hpp>,
/// <ferrule/python/standard.hpp>, <ferrule/python/exception.hpp> and <ferrule/python/numpy.hpp> have those for Python's
/// own types.
template <class T>
struct converter;

namespace detail {

template <class T>
concept converted = requires { sizeof(converter<T>); };

template <class T>
concept optional_like = requires(const T& t) {
    typename T::value_type;
    t.has_value();
    *t;
};
template <class T>
concept tuple_like = requires { std::tuple_size<T>::value; };
template <class T>
concept map_like = std::ranges::range<T> && requires { typename T::mapped_type; };
template <class T>
concept set_like = std::ranges::range<T> && requires { typename T::key_type; } && !map_like<T>;
template <class T>
concept byte_array = std::same_as<T, ferrule::bytes> || std::same_as<T, std::vector<std::byte>>;
template <class T>
concept scalar = std::same_as<T, value> || std::integral<T> || std::floating_point<T> || std::same_as<T, std::string>;

/// Throws an error that says that `v` is not `wanted`.
[[noreturn]] FERRULE_FRAMING_EXPORT void mismatch(const value& v, std::string_view wanted);

/// The known attributes of a dict or an object.
struct attributes {
    value named;         // a dict
    value in_order;      // a sequence of the values of nameless attributes, as in named tuples; None if there are none
    bool is_all = false; // a dict, which has no other attributes
};
/// Throws if the class has changed the attributes by calls.
[[nodiscard]] FERRULE_FRAMING_EXPORT attributes attributes_of(const value& v);

/// The items of a dict, or of an instance of a subclass of dict, as a dict. Throws for any other value.
[[nodiscard]] FERRULE_FRAMING_EXPORT value items_of(const value& v);

/// Throws an error that says that two keys or elements of `v` became equal in C++.
[[noreturn]] FERRULE_FRAMING_EXPORT void merged(const value& v);

/// The number in a numpy scalar; any other value as it is.
[[nodiscard]] FERRULE_FRAMING_EXPORT value number_of(const value& v);

[[nodiscard]] inline bool is_sequence(const value& v) noexcept
{
    return v.type() == type::list || v.type() == type::tuple || v.type() == type::set || v.type() == type::frozenset;
}

template <class T>
T to_aggregate(const value& v);

} // namespace detail

/// Converts a C++ value to a Python value. Numbers and strings become numbers and strings; `ferrule::bytes` and
/// `std::vector<std::byte>` become bytes; an empty optional becomes None. Pairs, tuples and arrays become tuples, maps
/// dicts, sets sets, and other ranges lists. Plain aggregates become dicts from their field names. All of these may be
/// nested, and may contain types that have a `converter`. Throws as the constructors of `value` do.
template <class T>
[[nodiscard]] value from(const T& x)
{
    if constexpr (detail::converted<T>)
        return converter<T>::from(x);
    else if constexpr (detail::byte_array<T>)
        return value(type::bytes, byte_view(x));
    else if constexpr (std::convertible_to<const T&, value>)
        return value(x);
    else if constexpr (detail::optional_like<T>)
        return x.has_value() ? from(*x) : value();
    else if constexpr (detail::tuple_like<T>)
        return std::apply([](const auto&... e) { return value(tuple{from(e)...}); }, x);
    else if constexpr (detail::map_like<T>) {
        dict d;
        for (const auto& [k, v] : x)
            d.emplace_back(from(k), from(v));
        return d;
    } else if constexpr (detail::set_like<T>) {
        set s;
        for (const auto& e : x)
            s.push_back(from(e));
        return s;
    } else if constexpr (std::ranges::range<T>) {
        list l;
        for (const auto& e : x)
            l.push_back(from(e));
        return l;
    } else {
        static_assert(ferrule::detail::plain_aggregate<T>, "there is no such conversion");
        dict d;
        boost::pfr::for_each_field(x, [&](const auto& field, std::size_t i) {
            d.emplace_back(value(ferrule::detail::field_names<T>[i]), from(field));
        });
        return d;
    }
}

/// Converts a Python value to a C++ value, the reverse of `from`. Lists, tuples and sets all convert to sequences.
/// Numbers also convert from numpy scalars. Maps convert from dicts and instances of their subclasses (`OrderedDict`,
/// `defaultdict`, `Counter`, …).
///
/// Aggregates convert from dicts and instances of their subclasses, where missing fields keep their defaults. They also
/// convert from the attributes of objects: plain ones, dataclasses, attrs, pydantic models and named tuples, with or
/// without slots. An object must have every field that is not optional. Where a class pickles a sequence of values,
/// these are the fields in their order. Unknown names are ignored.
/// Throws: `frame_error` (`errc::invalid_value`) if `v` has another type or size, or is a number out of range. The same
/// error means that an object lacks a field, or that different keys of a set or map become equal in C++.
template <class T>
[[nodiscard]] T to(const value& v)
{
    if constexpr (detail::converted<T>)
        return converter<T>::to(v);
    else if constexpr (std::integral<T> || std::floating_point<T>)
        return v.type() == type::object ? detail::number_of(v).template as<T>() : v.as<T>();
    else if constexpr (detail::scalar<T>)
        return v.as<T>();
    else if constexpr (detail::byte_array<T>) {
        const byte_view b = v.as<byte_view>();
        if constexpr (std::same_as<T, ferrule::bytes>)
            return T(b);
        else
            return T(b.begin(), b.end());
    } else if constexpr (detail::optional_like<T>)
        return v.is_none() ? T() : T(to<typename T::value_type>(v));
    else if constexpr (detail::tuple_like<T>) {
        const value elements = v.type() == type::object ? detail::attributes_of(v).in_order : v;
        if (!detail::is_sequence(elements) || elements.size() != std::tuple_size_v<T>)
            detail::mismatch(v, "as many values as wanted");
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return T{to<std::tuple_element_t<I, T>>(elements[I])...};
        }(std::make_index_sequence<std::tuple_size_v<T>>());
    } else if constexpr (detail::map_like<T>) {
        const value items = detail::items_of(v);
        T map;
        for (std::size_t i = 0; i < items.size(); ++i) {
            const auto [key, mapped] = items.pair(i);
            map.emplace(to<typename T::key_type>(key), to<typename T::mapped_type>(mapped));
        }
        if (map.size() != items.size())
            detail::merged(v);
        return map;
    } else if constexpr (std::ranges::range<T>) {
        if (!detail::is_sequence(v))
            detail::mismatch(v, "a sequence");
        T range;
        for (std::size_t i = 0; i < v.size(); ++i)
            range.insert(range.end(), to<std::ranges::range_value_t<T>>(v[i]));
        if constexpr (detail::set_like<T>) {
            if ((v.type() == type::set || v.type() == type::frozenset) && range.size() != v.size())
                detail::merged(v);
        }
        return range;
    } else {
        static_assert(ferrule::detail::plain_aggregate<T>, "there is no such conversion");
        return detail::to_aggregate<T>(v);
    }
}

template <class T>
T detail::to_aggregate(const value& v)
{
    const attributes a = attributes_of(v);
    const auto& names = ferrule::detail::field_names<T>;
    std::array<std::optional<value>, boost::pfr::tuple_size_v<T>> found;
    std::size_t missing = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        found[i] = a.named.find(value(names[i]));
        if (!found[i])
            ++missing;
    }
    if (!a.in_order.is_none() && !a.is_all && missing != 0) {
        if (missing != a.in_order.size())
            mismatch(v, "as many fields as wanted");
        for (std::size_t i = 0, from = 0; i < found.size(); ++i)
            if (!found[i])
                found[i] = a.in_order[from++];
    }
    T x{};
    boost::pfr::for_each_field(x, [&](auto& field, std::size_t i) {
        using field_type = std::remove_cvref_t<decltype(field)>;
        if (found[i])
            field = python::to<field_type>(*found[i]);
        else if (!a.is_all && !optional_like<field_type>)
            mismatch(v, std::string("an object whose '") + std::string(names[i]) + "' is known");
    });
    return x;
}

} // namespace ferrule::python
