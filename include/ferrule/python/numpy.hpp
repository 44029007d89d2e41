// numpy's arrays and scalars.
#pragma once

#include <ferrule/python/convert.hpp>

#include <bit>
#include <complex>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ferrule::python {

/// The type of the elements of an array.
struct dtype {
    /// numpy's `dtype.kind`: b (bool), i, u (integers), f (floating), c (complex), m, M (timedelta64, datetime64), S
    /// (bytes), U (text in UTF-32), V (anything else, such as structures).
    char kind = 'V';
    std::size_t size = 0;    // bytes in one element
    bool big_endian = false; // false where byte order has no meaning
    std::string unit;        // for m and M: "ns", "25s"; empty: generic

    dtype() = default;
    dtype(char k, std::size_t n, bool big = false, std::string u = {})
        : kind(k),
          size(n),
          big_endian(big),
          unit(std::move(u))
    {
    }

    /// The dtype of a C++ type.
    template <class T>
    static dtype of() noexcept;
    /// The name in numpy's notation: "<f8", "|b1", "<M8[ns]", "<U5".
    [[nodiscard]] FERRULE_FRAMING_EXPORT std::string name() const;

    friend bool operator==(const dtype&, const dtype&) = default;
};

/// An array of any shape, or a scalar, which has no dimension. Copies share the elements, which are immutable. A
/// received array uses the bytes of its pickle, and copies them only if they are not aligned.
class FERRULE_FRAMING_EXPORT ndarray {
public:
    /// Makes an array with no elements and no type.
    ndarray() = default;
    /// Takes ownership of `data`. Throws `usage_error` (`errc::invalid_argument`) if its size does not match the shape.
    ndarray(python::dtype d, std::vector<std::size_t> shape, bytes data, bool fortran_order = false);
    /// Copies `elements`, by default to an array of one dimension.
    template <class T>
    static ndarray copy_of(std::span<const T> elements, std::vector<std::size_t> shape = {})
    {
        if (shape.empty())
            shape.push_back(elements.size());
        return {python::dtype::of<T>(), std::move(shape), bytes(byte_view(std::as_bytes(elements)))};
    }

    [[nodiscard]] const python::dtype& dtype() const noexcept { return dtype_; }
    /// Number of elements in each dimension.
    [[nodiscard]] const std::vector<std::size_t>& shape() const noexcept { return shape_; }
    /// Number of elements.
    [[nodiscard]] std::size_t size() const noexcept { return dtype_.size == 0 ? 0 : data().size() / dtype_.size; }
    /// Whether the first index varies fastest, instead of the last.
    [[nodiscard]] bool fortran_order() const noexcept { return fortran_order_; }
    /// The bytes of all elements in order, aligned for the element type.
    [[nodiscard]] byte_view data() const noexcept { return memory_.is_none() ? byte_view() : memory_.cell().data(); }
    /// The elements as C++ objects, which live as long as this array or a copy of it. Throws `frame_error`
    /// (`errc::invalid_value`) if the elements have another type or are not in native byte order.
    template <class T>
    [[nodiscard]] std::span<const T> as() const
    {
        if (dtype_ != python::dtype::of<T>())
            wrong(python::dtype::of<T>());
        return {reinterpret_cast<const T*>(data().data()), size()};
    }

private:
    friend struct converter<ndarray>;

    ndarray(python::dtype d, std::vector<std::size_t> shape, value data, bool fortran_order);
    [[noreturn]] void wrong(const python::dtype& wanted) const;

    python::dtype dtype_;
    std::vector<std::size_t> shape_;
    value memory_; // bytes
    bool fortran_order_ = false;
};

/// Arrays and scalars of numpy 1 and 2, in every form that numpy pickles, except arrays of objects. The pickle calls
/// `numpy.ndarray`, which every version has. The array is writable in Python.
template <>
struct FERRULE_FRAMING_EXPORT converter<ndarray> {
    static value from(const ndarray& a);
    static ndarray to(const value& v);
};

namespace detail {

template <class T>
inline constexpr char kind_of = std::is_same_v<T, bool>       ? 'b'
                                : std::is_floating_point_v<T> ? 'f'
                                : std::is_unsigned_v<T>       ? 'u'
                                : std::is_integral_v<T>       ? 'i'
                                                              : '\0';
template <class T>
inline constexpr char kind_of<std::complex<T>> = 'c';

} // namespace detail

template <class T>
dtype dtype::of() noexcept
{
    static_assert(detail::kind_of<T> != '\0', "numpy has no such type");
    return {detail::kind_of<T>, sizeof(T), sizeof(T) > 1 && std::endian::native == std::endian::big, {}};
}

} // namespace ferrule::python
