#include <ferrule/python/numpy.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace ferrule::python {
namespace {

bool is_numpy(const value& v, std::string_view module, std::string_view name)
{
    // The module is named differently in numpy 1 and 2.
    return v.is(std::string("numpy.core.").append(module), name) ||
           v.is(std::string("numpy._core.").append(module), name);
}

/// Splits "f8" or "U5" into kind and size. Returns false for types that are not plain data.
bool read_code(std::string_view code, dtype& d)
{
    if (code.empty() || std::string_view("biufcmMSUV").find(code[0]) == code.npos)
        return false;
    const auto parsed = std::from_chars(code.data() + 1, code.data() + code.size(), d.size);
    if (parsed.ec != std::errc() || parsed.ptr != code.data() + code.size() || d.size > std::numeric_limits<int>::max())
        return false;
    d.kind = code[0];
    if (d.kind == 'U')
        d.size *= 4; // of characters
    return true;
}

/// Reads `numpy.dtype("f8", False, True)` with its state (version, byte order, subarray, names, fields, size,
/// alignment, flags[, metadata]). Source: numpy/core/src/multiarray/descriptor.c.
dtype read_dtype(const value& v)
{
    if (!v.is("numpy", "dtype") || v.args().size() == 0 || v.args()[0].type() != type::string)
        detail::mismatch(v, "a dtype of numpy");
    const value state = v.state();
    dtype d;
    if (!read_code(v.args()[0].as<std::string_view>(), d) || state.type() != type::tuple || state.size() < 8)
        detail::mismatch(v, "a dtype without objects");
    const std::string_view order = state[1].as<std::string_view>();
    d.big_endian = order == ">" || (order == "=" && std::endian::native == std::endian::big);
    if ((d.kind == 'm' || d.kind == 'M') && state.size() > 8) { // (metadata, (b"ns", 1, 1, 1))
        const value unit = state[8][1];
        if (const auto many = unit[1].as<std::int64_t>(); many != 1)
            d.unit = std::to_string(many);
        d.unit += unit[0].as<byte_view>().text();
        if (d.unit == "generic")
            d.unit.clear();
    }
    return d;
}

/// Reads the form that `converter` writes: "<f8", "<M8[ns]".
dtype read_name(const value& v)
{
    std::string_view name = v.as<std::string_view>();
    dtype d;
    if (name.ends_with(']')) {
        const std::size_t open = std::min(name.find('['), name.size() - 1);
        d.unit = name.substr(open + 1, name.size() - open - 2);
        name = name.substr(0, open);
    }
    d.big_endian = name.starts_with('>');
    if (name.find_first_of("<>|") != 0 || !read_code(name.substr(1), d))
        detail::mismatch(v, "the name of a dtype");
    return d;
}

std::vector<std::size_t> read_shape(const value& v)
{
    return python::to<std::vector<std::size_t>>(v);
}

/// The size of all elements in bytes, or a size beyond any array on overflow.
std::size_t extent(const dtype& d, const std::vector<std::size_t>& shape)
{
    constexpr std::size_t overflow = std::numeric_limits<std::size_t>::max();
    if (std::ranges::find(shape, std::size_t{0}) != shape.end())
        return 0;
    std::size_t n = d.size;
    for (const std::size_t dimension : shape) {
        if (n > overflow / dimension)
            return overflow;
        n *= dimension;
    }
    return n;
}

} // namespace

std::string dtype::name() const
{
    std::string s(1, kind == 'b' || kind == 'S' || kind == 'V' || size == 1 ? '|' : big_endian ? '>' : '<');
    s += kind;
    s += std::to_string(kind == 'U' ? size / 4 : size);
    return unit.empty() ? s : s + "[" + unit + "]";
}

ndarray::ndarray(python::dtype d, std::vector<std::size_t> shape, bytes data, bool fortran_order)
    : dtype_(std::move(d)),
      shape_(std::move(shape)),
      memory_(std::move(data)),
      fortran_order_(fortran_order)
{
    if (extent(dtype_, shape_) != memory_.size())
        throw usage_error(errc::invalid_argument, std::string("an array whose data is not of its shape"));
}

ndarray::ndarray(python::dtype d, std::vector<std::size_t> shape, value data, bool fortran_order)
    : dtype_(std::move(d)),
      shape_(std::move(shape)),
      memory_(std::move(data)),
      fortran_order_(fortran_order)
{
    const byte_view found = memory_.as<byte_view>();
    if (extent(dtype_, shape_) != found.size())
        throw frame_error(errc::invalid_value, std::string("an array whose data is not of its shape"));
    if (dtype_.kind == 'b' && std::ranges::any_of(found, [](std::byte b) { return b > std::byte{1}; }))
        throw frame_error(errc::invalid_value, std::string("a bool that is neither true nor false"));
    constexpr std::size_t strictest = alignof(std::max_align_t);
    if (reinterpret_cast<std::uintptr_t>(found.data()) % std::clamp<std::size_t>(dtype_.size, 1, strictest) != 0)
        memory_ = value(bytes(found));
}

void ndarray::wrong(const python::dtype& wanted) const
{
    throw frame_error(errc::invalid_value, "an array of " + dtype_.name() + ", not " + wanted.name());
}

value converter<ndarray>::from(const ndarray& a)
{
    tuple dimensions;
    for (const std::size_t n : a.shape())
        dimensions.emplace_back(n);
    return value::object(
        "numpy", "ndarray",
        {dimensions, a.dtype().name(), value(type::bytearray, a.data()), 0, nullptr, a.fortran_order() ? "F" : "C"});
}

ndarray converter<ndarray>::to(const value& v)
{
    const value args = v.type() == type::object ? v.args() : value(tuple());
    if (is_numpy(v, "multiarray", "scalar") && args.size() == 2)
        return {read_dtype(args[0]), {}, args[1], false};
    if (is_numpy(v, "multiarray", "_reconstruct") && v.state().type() == type::tuple && v.state().size() == 5) {
        const value state = v.state(); // (version, shape, dtype, is_fortran, data)
        return {read_dtype(state[2]), read_shape(state[1]), state[4], state[3].as<bool>()};
    }
    if (is_numpy(v, "numeric", "_frombuffer") && args.size() == 4)
        return {read_dtype(args[1]), read_shape(args[2]), args[0], args[3] == value("F")};
    if (v.is("numpy", "ndarray") && args.size() == 6) // the form that `from` writes
        return {read_name(args[1]), read_shape(args[0]), args[2], args[5] == value("F")};
    detail::mismatch(v, "an array of numpy");
}

value detail::number_of(const value& v)
{
    if (!is_numpy(v, "multiarray", "scalar"))
        return v;
    const ndarray scalar = converter<ndarray>::to(v);
    value number;
    const auto take = [&]<class T>(T) {
        if (scalar.dtype() == dtype::of<T>())
            number = value(scalar.as<T>()[0]);
    };
    take(false);
    take(std::int8_t());
    take(std::int16_t());
    take(std::int32_t());
    take(std::int64_t());
    take(std::uint8_t());
    take(std::uint16_t());
    take(std::uint32_t());
    take(std::uint64_t());
    take(float());
    take(double());
    if (number.is_none())
        mismatch(v, "a number");
    return number;
}

} // namespace ferrule::python
