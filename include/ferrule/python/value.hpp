// Python objects as data.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ferrule::python {

/// The type of a value. An `object` is the result of a call in Python: an instance of a class, with its arguments and
/// state.
enum class type : unsigned char {
    none,
    boolean,
    integer, // of any size
    floating,
    string,
    bytes,
    bytearray,
    list,
    tuple,
    dict,
    set,
    frozenset,
    global, // a name in a module: a class, a function, a constant
    object
};

class value;
class dict;

/// How Python makes an `object`.
enum class call : unsigned char { function /* f(*args) */, constructor /* cls.__new__(cls, *args, **kwargs) */ };

namespace detail {

class document;
struct body;

/// A value without a reference to its memory: 16 bytes, cheap to copy.
class cell {
public:
    constexpr cell() noexcept : meta_(0), integer_(0) {}
    static cell of(bool b) noexcept { return {type::boolean, static_cast<std::int64_t>(b)}; }
    static cell of(std::int64_t i) noexcept { return {type::integer, i}; }
    static cell of(double d) noexcept
    {
        cell c;
        c.meta_ = static_cast<std::uint64_t>(type::floating);
        c.double_ = d;
        return c;
    }
    /// Strings, bytes, bytearrays, and integers beyond 64 bits, which are in two's complement, little-endian.
    static cell of(type t, byte_view seen) noexcept
    {
        cell c;
        c.meta_ = static_cast<std::uint64_t>(t) | (t == type::integer ? large : 0) | seen.size() << 8;
        c.data_ = seen.data();
        return c;
    }
    /// Containers, globals and objects.
    static cell of(type t, body* b) noexcept
    {
        cell c;
        c.meta_ = static_cast<std::uint64_t>(t);
        c.body_ = b;
        return c;
    }

    [[nodiscard]] type kind() const noexcept { return static_cast<type>(meta_ & 0x7f); }
    /// For an integer: whether `data()` is its value.
    [[nodiscard]] bool is_large() const noexcept { return (meta_ & large) != 0; }
    [[nodiscard]] std::int64_t integer() const noexcept { return integer_; }
    [[nodiscard]] double floating() const noexcept { return double_; }
    [[nodiscard]] byte_view data() const noexcept { return {data_, static_cast<std::size_t>(meta_ >> 8)}; }
    [[nodiscard]] body* contents() const noexcept { return body_; }
    [[nodiscard]] bool has_body() const noexcept { return kind() >= type::list; }

private:
    static constexpr std::uint64_t large = 0x80;

    cell(type t, std::int64_t i) noexcept : meta_(static_cast<std::uint64_t>(t)), integer_(i) {}

    std::uint64_t meta_; // the type, the flag of a large integer, and above them a size in bytes
    union {
        std::int64_t integer_;
        double double_;
        const std::byte* data_;
        body* body_;
    };
};

} // namespace detail

/// A container under construction, which becomes a `value`. A list whose only element is a list is written
/// `list{value(list{1})}`. Some compilers (Clang before 20) take `list{list{1}}` for a copy, as with any container.
template <type Type>
class items : public std::vector<value> {
public:
    using std::vector<value>::vector;
};
using list = items<type::list>;
using tuple = items<type::tuple>;
using set = items<type::set>;
using frozenset = items<type::frozenset>;

/// A Python object as data: an immutable tree or graph. Lists may contain themselves. Copies are cheap, because they
/// share memory. A part keeps the whole alive that it was taken from. Nothing is ever imported or called.
///
///     value v{1, "two", list{3.0, nullptr}, dict{{"four", 4}}}; // a tuple, as in Python
///     v[2][0].as<double>();
///     v[3].at("four").as<int>();
///
/// Throws: `frame_error` (`errc::invalid_value`) from functions that find another type, a number out of range, or no
/// such element. It is not a `usage_error`, because the value usually comes from the peer.
/// Thread safety: any number of threads may use one value at the same time.
class FERRULE_FRAMING_EXPORT value {
public:
    /// Makes None.
    value() noexcept = default;
    value(std::nullptr_t) noexcept {}
    value(std::same_as<bool> auto b) noexcept : cell_(detail::cell::of(static_cast<bool>(b))) {}
    template <std::integral I>
        requires(!std::same_as<I, bool>)
    value(I i) : value(make_integer(i))
    {
    }
    value(std::floating_point auto d) noexcept : cell_(detail::cell::of(static_cast<double>(d))) {}
    /// Makes a str from UTF-8. Throws `usage_error` (`errc::invalid_argument`) if `text` is not UTF-8.
    value(std::string_view text);
    value(const std::string& text) : value(std::string_view(text)) {}
    value(const char* text) : value(std::string_view(text)) {}
    /// Makes Python's `bytes`.
    value(const ferrule::bytes& b) : value(python::type::bytes, b) {}
    value(ferrule::bytes&& b);
    /// Makes a value of `type::bytes` or `type::bytearray` with a copy of `data`.
    value(python::type t, byte_view data);
    template <python::type Type>
    value(const items<Type>& elements) : value(Type, elements.data(), elements.size())
    {
    }
    /// Makes a dict. Of equal keys the first stays, with the last value. Objects as keys equal only themselves, because
    /// the rules of their class are unknown. Keys that Python cannot hash throw `usage_error` (`errc::unencodable`):
    /// lists, dicts, sets, bytearrays, and tuples that contain them. The same holds for elements of sets.
    value(const dict& pairs);
    /// Makes a tuple from two or more values.
    template <class A, class B, class... Rest>
        requires(std::convertible_to<A, value> && std::convertible_to<B, value> &&
                 (std::convertible_to<Rest, value> && ...) && !std::same_as<std::remove_cvref_t<A>, python::type>)
    value(A&& a, B&& b, Rest&&... rest)
        : value(tuple{value(std::forward<A>(a)), value(std::forward<B>(b)), value(std::forward<Rest>(rest))...})
    {
    }

    /// Makes an integer of any size from decimal digits, with or without a sign. Throws `usage_error`.
    static value integer(std::string_view decimal);
    /// Makes a global: a name in a module, such as a class.
    static value global(std::string_view module, std::string_view name);
    /// Makes the object that `module.name(*args)` returns.
    static value object(std::string_view module, std::string_view name, const tuple& args);
    /// Makes an instance of a class with this state, usually a dict of attributes. Python does not call its `__init__`.
    static value instance(std::string_view module, std::string_view name, const value& state);

    [[nodiscard]] python::type type() const noexcept { return cell_.kind(); }
    [[nodiscard]] bool is_none() const noexcept { return type() == python::type::none; }

    /// Converts to `bool` or any integer type (range-checked), or to `double`, also from an integer. `std::string_view`
    /// and `std::string` require a str, `byte_view` requires bytes or a bytearray. Views live as long as any part of
    /// the whole.
    template <class T>
    [[nodiscard]] T as() const;
    /// The integer in decimal. Beyond 8000 bits it is hexadecimal, with 0x, because decimal takes quadratic time.
    [[nodiscard]] std::string digits() const;

    /// Number of elements of a list, tuple, set or frozenset, or of pairs of a dict. For strings, bytes and bytearrays,
    /// number of bytes.
    [[nodiscard]] std::size_t size() const;
    /// Element `i` of a list, tuple, set or frozenset, in the order sent.
    [[nodiscard]] value operator[](std::size_t i) const;
    /// Pair `i` of a dict, in insertion order.
    [[nodiscard]] std::pair<value, value> pair(std::size_t i) const;
    /// The value for a key of a dict; `find` returns nothing where `at` throws for a missing key. An object as a key
    /// finds itself, or else the one key whose parts are equal. Several such keys are `errc::invalid_value`, because
    /// only their class knows which is meant. Takes linear time.
    [[nodiscard]] value at(const value& key) const;
    [[nodiscard]] std::optional<value> find(const value& key) const;

    /// The module and the name of a global.
    [[nodiscard]] std::string_view module() const;
    [[nodiscard]] std::string_view name() const;

    /// The call that makes an object, what it calls, and its positional arguments.
    [[nodiscard]] python::call call() const;
    [[nodiscard]] value callable() const;
    [[nodiscard]] value args() const;
    /// The keyword arguments, a dict; None if there are none.
    [[nodiscard]] value kwargs() const;
    /// The state of an object: its attributes, or another state that its class defines. None if there is none.
    [[nodiscard]] value state() const;
    /// The elements appended to an object, as a list, and the items set in it, as a dict. Subclasses of lists and dicts
    /// have them. Keys are up to the class, so they may be of any type and occur more than once.
    [[nodiscard]] value appended() const;
    [[nodiscard]] value entries() const;
    /// Whether this is an object of that class, or the result of that function.
    [[nodiscard]] bool is(std::string_view module, std::string_view name) const;

    /// The text of Python's `repr`. An object is shown as the call that makes it, and a reference to a containing value
    /// as `...`. A text longer than about `max_size` bytes is cut, and ends with "...".
    [[nodiscard]] std::string repr(std::size_t max_size = std::size_t{1} << 20) const;

    /// Compares as Python's `==`: 1 == 1.0 == True. Objects are equal if all their parts are. Throws `frame_error`
    /// (`errc::too_large`) if the comparison takes more than ten million steps.
    friend FERRULE_FRAMING_EXPORT bool operator==(const value& a, const value& b);

    /// For other parts of ferrule.
    value(std::shared_ptr<const detail::document> d, detail::cell c) noexcept : memory_(std::move(d)), cell_(c) {}
    [[nodiscard]] const detail::cell& cell() const noexcept { return cell_; }
    [[nodiscard]] const std::shared_ptr<const detail::document>& memory() const noexcept { return memory_; }

private:
    value(python::type t, const value* elements, std::size_t n);

    template <std::integral I>
    static value make_integer(I i)
    {
        if constexpr (std::unsigned_integral<I> && sizeof(I) >= sizeof(std::int64_t)) {
            if (i > static_cast<I>(std::numeric_limits<std::int64_t>::max()))
                return from_unsigned(i);
        }
        return {nullptr, detail::cell::of(static_cast<std::int64_t>(i))};
    }
    static value from_unsigned(std::uint64_t i);

    /// Part `i` of a global or an object.
    [[nodiscard]] const detail::cell& part(python::type t, std::size_t i) const;
    [[nodiscard]] std::int64_t as_integer() const;
    [[nodiscard]] std::uint64_t as_unsigned() const;
    [[nodiscard]] bool as_boolean() const;
    [[nodiscard]] double as_floating() const;
    [[nodiscard]] std::string_view as_text() const;
    [[nodiscard]] byte_view as_data() const;
    [[noreturn]] void wrong(const char* wanted) const;

    std::shared_ptr<const detail::document> memory_; // null where `cell_` holds the whole value
    detail::cell cell_;
};

/// A dict under construction, which becomes a `value`.
class dict : public std::vector<std::pair<value, value>> {
public:
    using std::vector<std::pair<value, value>>::vector;
};

template <class T>
T value::as() const
{
    if constexpr (std::same_as<T, bool>)
        return as_boolean();
    else if constexpr (std::unsigned_integral<T>) {
        const std::uint64_t u = as_unsigned();
        if (u > std::numeric_limits<T>::max())
            wrong("a number in range");
        return static_cast<T>(u);
    } else if constexpr (std::integral<T>) {
        const std::int64_t i = as_integer();
        if (i < std::numeric_limits<T>::min() || i > std::numeric_limits<T>::max())
            wrong("a number in range");
        return static_cast<T>(i);
    } else if constexpr (std::floating_point<T>)
        return static_cast<T>(as_floating());
    else if constexpr (std::same_as<T, std::string_view> || std::same_as<T, std::string>)
        return T(as_text());
    else if constexpr (std::same_as<T, byte_view>)
        return as_data();
    else {
        static_assert(std::same_as<T, value>, "there is no such conversion");
        return *this;
    }
}

} // namespace ferrule::python
