// Python's Decimal, UUID, Path and complex as C++ types.
#pragma once

#include <ferrule/python/convert.hpp>

#include <boost/uuid/uuid.hpp>

#include <complex>
#include <filesystem>
#include <string>
#include <utility>

namespace ferrule::python {

/// A `decimal.Decimal` in Python's notation: "3.14", "-1E+999", "Infinity", "NaN".
struct decimal {
    decimal() = default;
    explicit decimal(std::string t) : text(std::move(t)) {}

    std::string text;

    friend bool operator==(const decimal&, const decimal&) = default;
};

/// The converters below throw `frame_error` (`errc::invalid_value`) for values of other types, and `usage_error`
/// (`errc::invalid_argument`) for what Python would not accept.
template <>
struct FERRULE_FRAMING_EXPORT converter<decimal> {
    static value from(const decimal& d);
    static decimal to(const value& v);
};
template <>
struct FERRULE_FRAMING_EXPORT converter<boost::uuids::uuid> { // uuid.UUID
    static value from(const boost::uuids::uuid& u);
    static boost::uuids::uuid to(const value& v);
};
/// Any path of `pathlib`, of any version of Python. Sent as `pathlib.Path`, which becomes the path type of the
/// receiving system. Names that are not UTF-8 are preserved as in Python (PEP 383).
template <>
struct FERRULE_FRAMING_EXPORT converter<std::filesystem::path> {
    static value from(const std::filesystem::path& p);
    static std::filesystem::path to(const value& v);
};
template <>
struct FERRULE_FRAMING_EXPORT converter<std::complex<double>> {
    static value from(const std::complex<double>& z);
    static std::complex<double> to(const value& v);
};

} // namespace ferrule::python
