// The names of the fields of plain aggregates.
#pragma once

#include <boost/pfr/core.hpp>
#include <boost/pfr/tuple_size.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ferrule::detail {

/// A `struct` without constructors, bases and arrays, whose members can be taken one by one.
template <class T>
concept plain_aggregate = std::is_class_v<T> && std::is_aggregate_v<T> && !std::is_empty_v<T> &&
                          std::is_move_constructible_v<T> && !requires { std::tuple_size<T>::value; };

/// An object that is never defined. Only the addresses of its members are used.
template <class T>
struct nowhere {
    T value;
};
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-internal"
#pragma clang diagnostic ignored "-Wundefined-var-template"
#endif
template <class T>
extern const nowhere<T> nothing;

/// Wraps a pointer, since clang accepts pointers to members of objects as template arguments only within a class type.
template <class Pointer>
struct place {
    Pointer pointer;
};

/// The name of this function, in which the compiler spells out the template argument.
template <auto Place>
consteval std::string_view spelled() noexcept
{
#if defined(_MSC_VER)
    return __FUNCSIG__;
#else
    return __PRETTY_FUNCTION__;
#endif
}

template <class T, std::size_t I>
consteval std::string_view field_name() noexcept
{
    // "… nothing<T>.nowhere<T>::value.T::name)}", "… nothing.value.name}"
    std::string_view s =
        spelled<place<const boost::pfr::tuple_element_t<I, T>*>{&boost::pfr::get<I>(nothing<T>.value)}>();
    s = s.substr(0, s.rfind('}'));
    s = s.substr(0, s.find_last_not_of(')') + 1);
    return s.substr(s.find_last_of(".:>") + 1);
}
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

/// The names of the fields of `T`, in order.
template <plain_aggregate T>
inline constexpr auto field_names = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<std::string_view, sizeof...(I)>{field_name<T, I>()...};
}(std::make_index_sequence<boost::pfr::tuple_size_v<T>>());

} // namespace ferrule::detail
