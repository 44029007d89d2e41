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

/// What the elements of an array are.
struct dtype {
    /// As numpy's `dtype.kind`: b (bool), i, u (integers), f (floating), c (complex), m, M (timedelta64, datetime64), S (bytes),
    /// U (text in UTF-32), V (anything else, such as structures).
    char kind = 'V';
    std::size_t size = 0;    // of one element, in bytes
    bool big_endian = false; // false where bytes have no order
    std::string unit;        // of m and M: "ns", "25s"; empty: generic

    dtype() = default;
    dtype(char k, std::size_t n, bool big = false, std::string u = {})
        : kind(k),
          size(n),
          big_endian(big),
          unit(std::move(u))
    {
    }

    /// That of a C++ type.
    template <class T>
    static dtype of() noexcept;
    /// As numpy writes it: "<f8", "|b1", "<M8[ns]", "<U5".
    [[nodiscard]] FERRULE_FRAMING_EXPORT std::string name() const;

    friend bool operator==(const dtype&, const dtype&) = default;
};

/// An array of any shape, or a scalar (of no dimension). Copies share the elements, which do not change; those of a received
/// array are the bytes of its pickle, moved only where they were not aligned.
class FERRULE_FRAMING_EXPORT ndarray {
public:
    /// No elements, of no type.
    ndarray() = default;
    /// Takes `data` over. Throws `usage_error` (`errc::invalid_argument`) if its size is not that of the shape.
    ndarray(python::dtype d, std::vector<std::size_t> shape, bytes data, bool fortran_order = false);
    /// A copy of `elements`, by default in one dimension.
    template <class T>
    static ndarray copy_of(std::span<const T> elements, std::vector<std::size_t> shape = {})
    {
        if (shape.empty())
            shape.push_back(elements.size());
        return {python::dtype::of<T>(), std::move(shape), bytes(byte_view(std::as_bytes(elements)))};
    }

    [[nodiscard]] const python::dtype& dtype() const noexcept { return dtype_; }
    /// Elements in each dimension.
    [[nodiscard]] const std::vector<std::size_t>& shape() const noexcept { return shape_; }
    /// Elements in all.
    [[nodiscard]] std::size_t size() const noexcept { return dtype_.size == 0 ? 0 : data().size() / dtype_.size; }
    /// Whether the first index is the one that varies fastest, instead of the last.
    [[nodiscard]] bool fortran_order() const noexcept { return fortran_order_; }
    /// All elements, one after the other, aligned for them.
    [[nodiscard]] byte_view data() const noexcept { return memory_.is_none() ? byte_view() : memory_.cell().data(); }
    /// The same as C++ objects; they live as long as this array or a copy of it. Throws `frame_error` (`errc::invalid_value`)
    /// if they are of another type or not in the order of this machine.
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

/// Arrays and scalars of numpy 1 and 2, in all forms that numpy pickles except arrays of objects. Sent as a call of
/// `numpy.ndarray`, which every version has; the array is writable there.
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
