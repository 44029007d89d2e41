// Pickles: Python objects as bytes.
#pragma once

#include <ferrule/python/value.hpp>

#include <memory>
#include <string>
#include <vector>

namespace ferrule::python {

/// Limits for received pickles, each inclusive. Exceeding one is `errc::too_large`.
class pickle_limits {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    pickle_limits() = default;

    /// Maximum nesting of values. Python itself reads any depth, but writes only about 500 (before 3.12).
    std::size_t depth = 1000;
    /// Maximum number of values; one input byte can create a 16-byte value. Values that calls in old pickles copy
    /// count, too.
    std::size_t values = 10'000'000;
    /// Maximum size of one integer, in bytes.
    std::size_t integer = std::size_t{1} << 20;
    /// Maximum size of the name of a module, class or function, in bytes.
    std::size_t name = 1024;
};

/// Reads a pickle of protocols 0 to 5. Nothing is imported or called. Classes and functions stay names, and the results
/// of calls stay descriptions (`type::object`). Bytes, bytearrays, sets and frozensets that older protocols make by
/// calls are the exception. Aliases and cycles are kept. Python 2 strings are read as Latin-1. Bytes behind the end of
/// the pickle are ignored.
/// Throws:
/// * `frame_error` (`errc::too_large`) if a limit is exceeded;
/// * `frame_error` (`errc::invalid_value`) for what CPython refuses, persistent ids, the extension registry and
///   out-of-band buffers;
/// * `frame_error` (`errc::invalid_value`) for text that is not UTF-8, except for surrogates, and for keys that Python
///   cannot hash;
/// * `error` (`errc::unauthenticated`) for the challenge of a listener that requires a key, if this end was given none.
///
/// Source: Lib/pickletools.py, PEP 307, PEP 3154, PEP 574.
FERRULE_FRAMING_EXPORT value loads(bytes pickle, const pickle_limits& l = {});

/// The names that sent pickles may contain. The Python that receives them imports and calls them.
class globals {
public:
    /// Allows the names that make plain data of Python's own types. They are from `builtins`, `datetime`, `decimal`,
    /// `fractions`, `uuid`, `pathlib`, `ipaddress`, `collections` and the like. The built-in exceptions and numpy's
    /// arrays are among them.
    globals() = default;
    /// Allows any name, for instance to forward what another Python has sent.
    static globals any()
    {
        globals g;
        g.any_ = true;
        return g;
    }
    /// Allows one more name.
    globals& allow(std::string module, std::string name)
    {
        allowed_.emplace_back(std::move(module), std::move(name));
        return *this;
    }

    [[nodiscard]] FERRULE_FRAMING_EXPORT bool allows(std::string_view module, std::string_view name) const noexcept;

private:
    bool any_ = false;
    std::vector<std::pair<std::string, std::string>> allowed_;
};

/// Appends the pickle of a value, in protocol 4, which every Python from 3.4 reads. Shared parts are written once.
/// Names that are not allowed, and nesting beyond 1000, are `errc::unencodable`. After an error `out` is unchanged.
FERRULE_FRAMING_EXPORT error_code dumps(const value& v, bytes& out, const globals& allowed = {});

/// Pickles as a serialisation, for `framed`.
class pickle_codec {
public:
    using value_type = value;

    pickle_codec() = default;
    explicit pickle_codec(const pickle_limits& l, globals allowed = {})
        : limits_(l),
          allowed_(std::make_shared<globals>(std::move(allowed)))
    {
    }

    [[nodiscard]] error_code encode(const value& v, bytes& out) const
    {
        return allowed_ ? dumps(v, out, *allowed_) : dumps(v, out);
    }
    [[nodiscard]] value decode(bytes payload) const { return loads(std::move(payload), limits_); }

private:
    pickle_limits limits_;
    std::shared_ptr<const globals> allowed_;
};

} // namespace ferrule::python
