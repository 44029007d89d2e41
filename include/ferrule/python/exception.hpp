// Python's exceptions as C++ exceptions.
#pragma once

#include <ferrule/python/convert.hpp>

#include <stdexcept>
#include <string_view>

namespace ferrule::python {

/// A Python exception as Python pickles it: without traceback and cause. `what()` is the last line of a traceback, such
/// as "ValueError: not that". It can be thrown, for instance to rethrow an exception that a worker has sent.
class FERRULE_FRAMING_EXPORT exception : public std::runtime_error {
public:
    /// Makes one of Python's built-in exceptions: `exception("ValueError", {"not that"})`.
    exception(std::string_view name, const tuple& args);
    /// Takes a received value. Throws `frame_error` (`errc::invalid_value`) if no call of a class makes it. Nothing is
    /// imported, so only Python can tell whether that class is an exception.
    explicit exception(value instance);
    ~exception() override;

    [[nodiscard]] std::string_view module() const { return instance_.callable().module(); }
    [[nodiscard]] std::string_view name() const { return instance_.callable().name(); }
    [[nodiscard]] value args() const { return instance_.args(); }
    /// The attributes of the instance, such as `__notes__`: a dict, or None.
    [[nodiscard]] value attributes() const { return instance_.state(); }
    [[nodiscard]] const value& instance() const noexcept { return instance_; }

private:
    value instance_;
};

template <>
struct FERRULE_FRAMING_EXPORT converter<exception> {
    static value from(const exception& e) { return e.instance(); }
    static exception to(const value& v) { return exception(v); }
};

} // namespace ferrule::python
