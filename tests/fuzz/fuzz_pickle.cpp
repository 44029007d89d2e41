// Any bytes are a pickle that is refused in order, or a value that can be shown, compared, written, and read again as the same.
#include "fuzz/fuzz.hpp"

#include <ferrule/python/classes.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/json.hpp>
#include <ferrule/python/numpy.hpp>
#include <ferrule/python/pickle.hpp>
#include <ferrule/python/standard.hpp>
#include <ferrule/python/time.hpp>

#include <boost/json/value.hpp>

#include <string>

using namespace ferrule;
using namespace ferrule::python;

namespace {

constexpr std::size_t short_enough = 10'000;

// Large graphs would take most of the time, and what contains itself may take too many steps; where a NaN is nothing is equal.
bool is_equal_to_itself(const value& a, const value& b)
{
    const std::string seen = a.repr(short_enough);
    if (seen.size() > short_enough || seen.find("nan") != seen.npos || seen.find("...") != seen.npos)
        return true;
    return a == b;
}

template <class T>
void view(const value& v)
{
    try {
        const value again = from(to<T>(v));
        if constexpr (!std::same_as<T, exception>)
            (void)to<T>(again);
    } catch (const frame_error& e) {
        FUZZ_REQUIRE(e.code() == errc::invalid_value);
    }
}

void view_all(const value& v)
{
    view<datetime>(v);
    view<python::time>(v);
    view<python::timezone>(v);
    view<microseconds>(v);
    view<std::chrono::year_month_day>(v);
    view<std::chrono::sys_time<microseconds>>(v);
    view<decimal>(v);
    view<boost::uuids::uuid>(v);
    view<std::filesystem::path>(v);
    view<std::complex<double>>(v);
    view<ndarray>(v);
    view<double>(v);
    view<enum_member>(v);
    view<exception>(v);
    try {
        (void)to_json(v);
    } catch (const frame_error& e) {
        FUZZ_REQUIRE(e.code() == errc::too_large);
    }
}

void check(byte_view input, const pickle_limits& l)
{
    value v;
    try {
        v = loads(bytes(input), l);
    } catch (const frame_error& e) {
        FUZZ_REQUIRE(e.code() == errc::invalid_value || e.code() == errc::too_large);
        return;
    } catch (const error& e) {
        FUZZ_REQUIRE(e.code() == errc::unauthenticated && input.text().starts_with("#CHALLENGE#"));
        return;
    }
    FUZZ_REQUIRE(v.repr(200).size() <= 203);
    view_all(v);
    bytes out;
    const error_code ec = dumps(v, out, globals::any());
    if (ec) {
        FUZZ_REQUIRE(ec == errc::unencodable);
        FUZZ_REQUIRE(out.empty());
        return;
    }
    // What was written once for all places is not written for each of them.
    FUZZ_REQUIRE(out.size() <= 100 + 30 * input.size());
    const value again = loads(out.clone());
    FUZZ_REQUIRE(again.type() == v.type());
    FUZZ_REQUIRE(again.repr(short_enough) == v.repr(short_enough));
    FUZZ_REQUIRE(is_equal_to_itself(again, v));
    bytes same;
    FUZZ_REQUIRE(!dumps(again, same, globals::any()));
    FUZZ_REQUIRE(same == out);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const byte_view input(reinterpret_cast<const std::byte*>(data), size);
    check(input, {});
    pickle_limits small;
    small.depth = 3;
    small.values = 20;
    small.integer = 8;
    small.name = 8;
    check(input, small);
    return 0;
}
