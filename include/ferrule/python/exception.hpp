// Python's exceptions as C++ exceptions.
#pragma once

#include <ferrule/python/convert.hpp>

#include <stdexcept>
#include <string_view>

namespace ferrule::python {

/// An exception as Python pickles it: without traceback and cause. `what()` is what a traceback ends with, such as
/// "ValueError: not that". Can be thrown, which a worker's caller may want to do with what a worker has answered.
class FERRULE_FRAMING_EXPORT exception : public std::runtime_error {
public:
    /// One of Python's own: `exception("ValueError", {"not that"})`.
    exception(std::string_view name, const tuple& args);
    /// What was received. Throws `frame_error` (`errc::invalid_value`) if it is not made by a call of a class. Whether that
    /// class is an exception only Python knows: nothing is imported here.
    explicit exception(value instance);
    ~exception() override;

    [[nodiscard]] std::string_view module() const { return instance_.callable().module(); }
    [[nodiscard]] std::string_view name() const { return instance_.callable().name(); }
    [[nodiscard]] value args() const { return instance_.args(); }
    /// Of the instance, such as `__notes__`: a dict, or None.
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
