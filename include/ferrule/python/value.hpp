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

/// What a value is. `object` is what Python makes by a call: instances of classes, with their arguments and state.
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
    global, // something with a name in a module: a class, a function, a constant
    object
};

class value;
class dict;

/// How an `object` comes to be.
enum class call : unsigned char { function /* f(*args) */, constructor /* cls.__new__(cls, *args, **kwargs) */ };

namespace detail {

class document;
struct body;

/// A value without what keeps its memory: 16 bytes, copied freely.
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
    /// Strings, bytes, bytearrays, and integers that do not fit 64 bits: those in two's complement, little-endian.
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
    /// Of an integer: whether `data()` is its value.
    [[nodiscard]] bool is_large() const noexcept { return (meta_ & large) != 0; }
    [[nodiscard]] std::int64_t integer() const noexcept { return integer_; }
    [[nodiscard]] double floating() const noexcept { return double_; }
    [[nodiscard]] byte_view data() const noexcept { return {data_, static_cast<std::size_t>(meta_ >> 8)}; }
    [[nodiscard]] body* contents() const noexcept { return body_; }
    [[nodiscard]] bool has_body() const noexcept { return kind() >= type::list; }

private:
    static constexpr std::uint64_t large = 0x80;

    cell(type t, std::int64_t i) noexcept : meta_(static_cast<std::uint64_t>(t)), integer_(i) {}

    std::uint64_t meta_; // the type, whether it is a large integer, and above that a size in bytes
    union {
        std::int64_t integer_;
        double double_;
        const std::byte* data_;
        body* body_;
    };
};

} // namespace detail

/// A container under construction, which becomes a `value`. Write `list{value(list{1})}` for a list whose only element is a
/// list: some compilers (Clang before 20) take `list{list{1}}` for a copy, as they do with any container.
template <type Type>
class items : public std::vector<value> {
public:
    using std::vector<value>::vector;
};
using list = items<type::list>;
using tuple = items<type::tuple>;
using set = items<type::set>;
using frozenset = items<type::frozenset>;

/// A Python object as data: an immutable tree or graph (lists can contain themselves). Copies are cheap, since they share
/// the memory; a part keeps alive the whole that it was taken from. Nothing is ever imported or called. Any number of
/// threads may use one value at once.
///
///     value v{1, "two", list{3.0, nullptr}, dict{{"four", 4}}}; // a tuple, as in Python
///     v[2][0].as<double>();
///     v[3].at("four").as<int>();
///
/// Functions that find another type, a number out of range, or no such element throw `frame_error` with
/// `errc::invalid_value`: usually it is the peer who has sent something else.
class FERRULE_FRAMING_EXPORT value {
public:
    /// None.
    value() noexcept = default;
    value(std::nullptr_t) noexcept {}
    value(std::same_as<bool> auto b) noexcept : cell_(detail::cell::of(static_cast<bool>(b))) {}
    template <std::integral I>
        requires(!std::same_as<I, bool>)
    value(I i) : value(make_integer(i))
    {
    }
    value(std::floating_point auto d) noexcept : cell_(detail::cell::of(static_cast<double>(d))) {}
    /// Text in UTF-8; throws `usage_error` (`errc::invalid_argument`) if it is not.
    value(std::string_view text);
    value(const std::string& text) : value(std::string_view(text)) {}
    value(const char* text) : value(std::string_view(text)) {}
    /// Python's `bytes`.
    value(const ferrule::bytes& b) : value(python::type::bytes, b) {}
    value(ferrule::bytes&& b);
    /// `type::bytes` or `type::bytearray`, with a copy of `data`.
    value(python::type t, byte_view data);
    template <python::type Type>
    value(const items<Type>& elements) : value(Type, elements.data(), elements.size())
    {
    }
    /// Of equal keys the last counts; objects are equal only to themselves, since what their class says is not known. Keys that Python could not hash (lists, dicts, sets, bytearrays, tuples with
    /// such) throw `usage_error` (`errc::unencodable`); so they do in sets.
    value(const dict& pairs);
    /// Two or more values are a tuple.
    template <class A, class B, class... Rest>
        requires(std::convertible_to<A, value> && std::convertible_to<B, value> &&
                 (std::convertible_to<Rest, value> && ...) && !std::same_as<std::remove_cvref_t<A>, python::type>)
    value(A&& a, B&& b, Rest&&... rest)
        : value(tuple{value(std::forward<A>(a)), value(std::forward<B>(b)), value(std::forward<Rest>(rest))...})
    {
    }

    /// An integer of any size in decimal digits, with or without a sign. Throws `usage_error`.
    static value integer(std::string_view decimal);
    /// Something with a name in a module, such as a class.
    static value global(std::string_view module, std::string_view name);
    /// What `module.name(*args)` makes.
    static value object(std::string_view module, std::string_view name, const tuple& args);
    /// An instance of a class with such a state, most often a dict of attributes. Its `__init__` is not called.
    static value instance(std::string_view module, std::string_view name, const value& state);

    [[nodiscard]] python::type type() const noexcept { return cell_.kind(); }
    [[nodiscard]] bool is_none() const noexcept { return type() == python::type::none; }

    /// `bool`, any integer (checked), `double` (also from an integer), `std::string_view` and `std::string` (of a string),
    /// `byte_view` (of bytes and bytearrays). Views live as long as any part of the whole.
    template <class T>
    [[nodiscard]] T as() const;
    /// An integer in decimal; beyond 8000 bits in hexadecimal, with 0x, since decimal takes quadratic time.
    [[nodiscard]] std::string digits() const;

    /// Elements of a list, tuple, set or frozenset; pairs of a dict; bytes of a string or of bytes.
    [[nodiscard]] std::size_t size() const;
    /// Element `i` of a list, tuple, set or frozenset, in the order in which they were sent.
    [[nodiscard]] value operator[](std::size_t i) const;
    /// Of a dict: pair `i`, in insertion order.
    [[nodiscard]] std::pair<value, value> pair(std::size_t i) const;
    /// Of a dict: the value for a key. An object finds itself, else the one key that has equal parts; if several have, that is
    /// `errc::invalid_value`, since only their class knows which is meant. Takes linear time.
    [[nodiscard]] value at(const value& key) const;
    [[nodiscard]] std::optional<value> find(const value& key) const;

    /// Of a global.
    [[nodiscard]] std::string_view module() const;
    [[nodiscard]] std::string_view name() const;

    /// Of an object: what was called, with which arguments.
    [[nodiscard]] python::call call() const;
    [[nodiscard]] value callable() const;
    [[nodiscard]] value args() const;
    /// A dict; None if there are none.
    [[nodiscard]] value kwargs() const;
    /// Its attributes, or whatever its class calls its state; None if there is none.
    [[nodiscard]] value state() const;
    /// What was appended to it, as a list, and what was set in it, as a dict, for subclasses of lists and dicts. What its class
    /// takes for a key is up to that: a key may come more than once, and be of any type.
    [[nodiscard]] value appended() const;
    [[nodiscard]] value entries() const;
    /// Whether it is an object of that class, or the result of that function.
    [[nodiscard]] bool is(std::string_view module, std::string_view name) const;

    /// As Python's `repr`, objects as the call that makes them; what contains itself as `...`. At most about
    /// `most` bytes: then "..." ends it.
    [[nodiscard]] std::string repr(std::size_t most = std::size_t{1} << 20) const;

    /// As Python's `==`: 1 == 1.0 == True; objects are equal if all of their parts are. Throws `frame_error`
    /// (`errc::too_large`) for graphs that take more than ten million steps.
    friend FERRULE_FRAMING_EXPORT bool operator==(const value& a, const value& b);

    /// For the parts of ferrule that build on this.
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

    /// Of a global or an object.
    [[nodiscard]] const detail::cell& part(python::type t, std::size_t i) const;
    [[nodiscard]] std::int64_t as_integer() const;
    [[nodiscard]] std::uint64_t as_unsigned() const;
    [[nodiscard]] bool as_boolean() const;
    [[nodiscard]] double as_floating() const;
    [[nodiscard]] std::string_view as_text() const;
    [[nodiscard]] byte_view as_data() const;
    [[noreturn]] void wrong(const char* wanted) const;

    std::shared_ptr<const detail::document> memory_; // null where the cell is all
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
