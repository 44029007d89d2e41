// Any bytes are a pickle that is refused in order, or a value that can be shown, compared, written, and read again as the same.
#include "fuzz/fuzz.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/json.hpp>
#include <ferrule/python/numpy.hpp>
#include <ferrule/python/pickle.hpp>
#include <ferrule/python/standard.hpp>

#include <boost/json/value.hpp>

#include <map>
#include <optional>
#include <set>
#include <string>

using namespace ferrule;
using namespace ferrule::python;
using namespace std::string_view_literals;

namespace {

constexpr std::size_t short_enough = 10'000;

// Large graphs would take most of the time, and what contains itself may take too many steps; where a NaN is nothing is equal.
bool is_equal_to_itself(const value& a, const value& b)
{
    const std::string seen = a.repr(short_enough);
    if (seen.size() > short_enough || seen.find("nan") != seen.npos || seen.find("...") != seen.npos)
        return true;
    try {
        return a == b;
    } catch (const frame_error& e) { // of what contains itself where repr does not show it
        return e.code() == errc::too_large;
    }
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

struct record {
    int x = 0;
    std::optional<std::string> name;
    std::map<std::string, double> more;
};

void view_all(const value& v)
{
    view<record>(v);
    view<std::set<double>>(v);
    view<std::map<double, std::string>>(v);
    view<std::pair<int, std::string>>(v);
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

namespace {

// Pickles of values within values, written as picklers do, and as none does: with copies, marks and places in the memo.
class pickle_writer {
public:
    explicit pickle_writer(test::choices& r) : r_(r) {}

    // Leaves one value on the stack.
    std::string value(int depth)
    {
        std::string s = r_.one_in(depth > 0 ? 3 : 1) ? atom() : container(depth);
        switch (r_.below(12)) {
        case 0: s += put(); break;
        case 1: s += std::string("20"); break;
        case 2: s += "(" + value(0) + "1"; break; // and away again
        case 3: s += std::string(r_.one_in(4) ? r_.below(300) : r_.below(4), '2') + "\x85"; break;
        default: break;
        }
        return s;
    }
    std::string whole()
    {
        std::string s = value(4);
        if (r_.one_in(4))
            s = "(" + std::string(r_.below(200), 'N') + s + std::string(r_.below(200), '2') + r_.one_of("tl\x91"sv);
        s += ".";
        if (r_.one_in(3))
            s = "\x95" + little(s.size() + (r_.one_in(4) ? r_.below(3) : 0), 8) + s;
        return std::string("\x80") + static_cast<char>(r_.below(6)) + s;
    }

private:
    static std::string little(std::uint64_t n, std::size_t size)
    {
        std::string s = test::choices::number(n, size);
        return {s.rbegin(), s.rend()};
    }
    std::string text(std::string_view t)
    {
        switch (r_.below(5)) {
        case 0: return "X" + little(t.size(), 4) + std::string(t);
        case 1: return "\x8d" + little(t.size(), 8) + std::string(t);
        case 2: return "V" + std::string(t) + "\n";
        case 3: return "U" + little(t.size(), 1) + std::string(t);
        default: return "\x8c" + little(t.size(), 1) + std::string(t);
        }
    }
    std::string atom()
    {
        static constexpr std::string_view texts[] = {"a", "b", "x", "RED", "\xc3\xa4", "\xed\xa0\x80", "__dict__", ""};
        static constexpr std::string_view ready[] = {
            "N",      "\x88",   "\x89",        "I00\n", "I01\n", "I-5\n", "L12345678901234567890L\n",
            "F1e5\n", "Fnan\n", "S'a\\x41'\n", ")",     "]",     "}",     "\x8f"};
        const std::string data = r_.bytes(r_.below(9));
        switch (r_.below(10)) {
        case 0: return "K" + little(r_.below(4), 1);
        case 1: return "M" + r_.bytes(2);
        case 2: return "J" + r_.bytes(4);
        case 3: return "G" + (r_.one_in(2) ? std::string("\x3f\xf0\0\0\0\0\0\0", 8) : r_.bytes(8));
        case 4: return "\x8a" + little(data.size(), 1) + data;
        case 5: return std::string(1, r_.one_of("CU"sv)) + little(data.size(), 1) + data;
        case 6: return "\x96" + little(data.size(), 8) + data;
        case 7: return memoized_ == 0 ? "N" : get();
        case 8: return text(r_.one_of(texts));
        default: return std::string(r_.one_of(ready));
        }
    }
    std::string several(std::size_t n, int depth)
    {
        std::string s;
        while (n-- > 0)
            s += r_.one_in(6) && !s.empty() ? "2" : value(depth - 1);
        return s;
    }
    std::string container(int depth)
    {
        const std::size_t n = r_.below(4);
        switch (r_.below(15)) {
        case 0: return "(" + several(n, depth) + r_.one_of("tl\x91"sv);
        case 1: return "(" + several(2 * n, depth) + "d";
        case 2: return "](" + several(n, depth) + "e";
        case 3: return "]" + put() + value(depth - 1) + "a";
        case 4: return "}(" + several(2 * n, depth) + "u";
        case 5: return "}" + put() + several(2, depth) + "s";
        case 6: return "\x8f(" + several(n, depth) + "\x90";
        case 7: {
            const std::size_t few = 1 + r_.below(3);
            return several(few, depth) + static_cast<char>(0x84 + few);
        }
        case 8: return "]2a"; // contains itself
        case 9: return global() + "(" + several(n, depth) + "t" + r_.one_of("R\x81"sv) + parts(depth);
        case 10: return global() + ")}\x92" + parts(depth);
        case 11: return "(" + several(n, depth) + "i" + std::string(r_.one_of(names)) + "\n";
        case 12: return "(" + global() + several(n, depth) + "o" + parts(depth);
        case 13:
            return "c__builtin__\n" + std::string(r_.one_in(2) ? "set" : "frozenset") + "\n(" + several(n, depth) +
                   "l\x85R";
        default: return "c_codecs\nencode\n" + text("\xc3\xa4") + text("latin1") + "\x86R";
        }
    }
    // Of an object that is on the stack.
    std::string parts(int depth)
    {
        std::string s = r_.one_in(4) ? put() : "";
        if (r_.one_in(3))
            s += "(" + several(2 * r_.below(3), depth) + "u";
        if (r_.one_in(4))
            s += "(" + several(r_.below(3), depth) + "e";
        if (r_.one_in(2))
            s += (r_.one_in(2) ? "}" + text("x") + "K\x01s" : value(depth - 1)) + "b";
        return s;
    }
    std::string global()
    {
        if (r_.one_in(2))
            return "c" + std::string(r_.one_of(names)) + "\n";
        const std::string_view name = r_.one_of(names);
        return text(name.substr(0, name.find('\n'))) + text(name.substr(name.find('\n') + 1)) + "\x93";
    }
    std::string put()
    {
        if (r_.one_in(2)) {
            ++memoized_;
            return "\x94";
        }
        const std::size_t i = r_.one_in(4) ? r_.below(256) : memoized_++;
        return r_.one_in(3) ? "p" + std::to_string(i) + "\n" : r_.one_in(2) ? "q" + little(i, 1) : "r" + little(i, 4);
    }
    std::string get()
    {
        const std::size_t i = r_.below(memoized_ + 1);
        return r_.one_in(3) ? "g" + std::to_string(i) + "\n" : r_.one_in(2) ? "h" + little(i, 1) : "j" + little(i, 4);
    }

    static constexpr std::string_view names[] = {"app\nNode",
                                                 "__main__\nColor.RED",
                                                 "builtins\ngetattr",
                                                 "datetime\ndatetime",
                                                 "datetime\ndate",
                                                 "datetime\ntimedelta",
                                                 "decimal\nDecimal",
                                                 "uuid\nUUID",
                                                 "pathlib\nPosixPath",
                                                 "builtins\ncomplex",
                                                 "numpy\ndtype",
                                                 "numpy\nndarray",
                                                 "collections\nCounter",
                                                 "collections\nOrderedDict",
                                                 "copy_reg\n_reconstructor",
                                                 "numpy.core.multiarray\n_reconstruct"};

    test::choices& r_;
    std::size_t memoized_ = 0;
};

} // namespace

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    test::choices r(seed);
    if (r.one_in(3) || size == 0)
        return LLVMFuzzerMutate(data, size, most);
    pickle_writer writer(r);
    std::string pickle(reinterpret_cast<const char*>(data), size);
    if (r.one_in(2))
        pickle = r.perhaps_damaged(writer.whole());
    else // a value that comes, and most often goes
        pickle.insert(r.below(size), writer.value(2) + (r.one_in(4) ? "" : "0"));
    pickle.resize(std::min(pickle.size(), most));
    std::copy(pickle.begin(), pickle.end(), data);
    return pickle.size();
}
