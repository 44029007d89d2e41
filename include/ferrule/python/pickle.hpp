// Pickles: Python objects as bytes.
#pragma once

#include <ferrule/python/value.hpp>

#include <memory>
#include <string>
#include <vector>

namespace ferrule::python {

/// What a pickle may ask for, each inclusive. Exceeding one is `errc::too_large`.
class pickle_limits {
public:
    // Declared, so that it is no aggregate; see <ferrule/asio.hpp>.
    pickle_limits() = default;

    /// Values within each other. Python itself reads any depth, but can write only about 500 (before 3.12).
    std::size_t depth = 1000;
    /// Values in all; each takes 16 bytes, which a single byte can ask for. What old pickles copy by calls counts, too.
    std::size_t values = 10'000'000;
    /// Bytes of one integer.
    std::size_t integer = std::size_t{1} << 20;
    /// Bytes of the name of a module, class or function.
    std::size_t name = 1024;
};

/// The value of a pickle of protocols 0 to 5. Nothing is imported and nothing called: classes and functions stay names, and
/// what they would make stays a description (`type::object`); only bytes, bytearrays, sets and frozensets that older
/// protocols make by calls become such values. Aliases and cycles are kept. Text in Python 2 strings is taken for Latin-1.
///
/// Refused, with `frame_error` (`errc::invalid_value`, or `errc::too_large` for limits): what CPython refuses, persistent ids,
/// the extension registry, buffers outside the pickle, text that is not UTF-8 (surrogates may be in it), and keys that Python
/// cannot hash. What follows the end of the pickle is ignored. `errc::unauthenticated`: it is the challenge of a listener that
/// wants a key, which this end was not given.
///
/// Source: Lib/pickletools.py, PEP 307, PEP 3154, PEP 574.
FERRULE_FRAMING_EXPORT value loads(bytes pickle, const pickle_limits& l = {});

/// Which names may be in what we send: the Python that receives them imports and calls them.
class globals {
public:
    /// Those that make plain data of Python's own types: of `builtins`, `datetime`, `decimal`, `fractions`, `uuid`,
    /// `pathlib`, `ipaddress`, `collections` and the like, the built-in exceptions, and numpy's arrays.
    globals() = default;
    /// Anything, such as what some other Python has sent.
    static globals any()
    {
        globals g;
        g.any_ = true;
        return g;
    }
    /// One more.
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

/// Appends the pickle of a value, in protocol 4, which every Python from 3.4 reads. What occurs more than once is written once.
/// `errc::unencodable`: a name that is not allowed, or nesting beyond 1000; then `out` is as it was.
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
