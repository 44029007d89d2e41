// Failure of a check: an exception that names the place and the circumstances. Private.
#pragma once

#include <ferrule/error.hpp>
#include <ferrule/testing/connection_kind.hpp>

#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ferrule::testing::kit {

/// Throws `contract_failure` unless `ok`.
void expect(bool ok, std::string_view what, std::source_location where = std::source_location::current());

/// Throws unless an error equals an `errc`, an `error_code` or a `condition`.
template <class Expected>
void expect_error(const error_code& actual, const Expected& expected, std::string_view what,
                  std::source_location where = std::source_location::current())
{
    if (!(actual == expected))
        expect(false, std::string(what) + ": " + (actual ? actual.message() : "no error"), where);
}

/// A circumstance of this thread for as long as the object lives. Failures during that time report it.
class note {
public:
    explicit note(std::string text) : text_(std::move(text)), exceptions_(std::uncaught_exceptions()) {}
    note(const note&) = delete;
    note& operator=(const note&) = delete;
    ~note();

    /// Returns and clears the notes of this thread's failures, outermost first.
    static std::string take();

private:
    std::string text_;
    int exceptions_;
};

/// Runs `f` in a thread. `get()` rethrows its exception. The destructor waits for the end.
template <class F>
auto in_background(F f)
{
    using result = std::invoke_result_t<F>; // one type for all functions with the same result compiles faster
    const auto shared = std::make_shared<F>(std::move(f));
    return std::async(std::launch::async, std::function<result()>([shared] { return (*shared)(); }));
}

} // namespace ferrule::testing::kit
