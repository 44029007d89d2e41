// Any bytes are a pickle that is refused in order, or a value that can be shown, compared, written, and read again as the same.
#include "fuzz/fuzz.hpp"

#include <ferrule/python/pickle.hpp>

#include <string>

using namespace ferrule;
using namespace ferrule::python;

namespace {

// Not for graphs that take too many steps, and not where a NaN is.
bool is_equal_to_itself(const value& a, const value& b)
{
    try {
        return a == b || a.repr().find("nan") != std::string::npos;
    } catch (const frame_error& e) {
        FUZZ_REQUIRE(e.code() == errc::too_large);
        return true;
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
    }
    FUZZ_REQUIRE(v.repr(200).size() <= 203);
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
    FUZZ_REQUIRE(again.repr(10'000) == v.repr(10'000));
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
