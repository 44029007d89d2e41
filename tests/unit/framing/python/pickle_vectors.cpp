// Golden pickles: what CPython writes, what it reads, and what attackers write. See tests/vectors/README.md.
#include <ferrule/python/pickle.hpp>

#include "support/memory_cap.hpp"
#include "support/test.hpp"

#include <boost/json.hpp>

#include <bit>

namespace json = boost::json;

namespace {

json::array vectors(const std::string& file)
{
    std::ifstream in(FERRULE_SOURCE_DIR "/tests/vectors/" + file);
    REQUIRE(in.is_open());
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    const json::value v = json::parse(text);
    return v.is_array() ? v.as_array() : v.at("vectors").as_array();
}

std::string text_of(const json::value& v)
{
    return std::string(v.as_string());
}

bytes raw(std::string_view hex)
{
    return bytes(byte_view(from_hex(hex)));
}

// Holds a value against a neutral tree, in which what occurs again is a reference to what came first.
class matcher {
public:
    bool operator()(const py::value& v, const json::value& expected)
    {
        const json::object& e = expected.as_object();
        const std::string_view t = e.at("t").as_string();
        if (t == "ref")
            return same(v, nodes_.at(e.at("to").to_number<int>()));
        if (const json::value* id = e.if_contains("id"))
            nodes_.emplace(id->to_number<int>(), v);
        if (t == "none")
            return v.is_none();
        if (t == "bool")
            return v.type() == py::type::boolean && v.as<bool>() == e.at("v").as_bool();
        if (t == "int")
            return v.type() == py::type::integer && digits(v) == e.at("v").as_string();
        if (t == "float")
            return v.type() == py::type::floating && bits(v.as<double>()) == e.at("v").as_string();
        if (t == "str")
            return v.type() == py::type::string && to_hex(byte_view(v.as<std::string_view>())) == e.at("v").as_string();
        if (t == "bytes" || t == "bytearray")
            return v.type() == (t == "bytes" ? py::type::bytes : py::type::bytearray) &&
                   to_hex(v.as<byte_view>()) == e.at("v").as_string();
        if (t == "global")
            return v.type() == py::type::global && v.module() == e.at("m").as_string() &&
                   v.name() == e.at("n").as_string();
        static const std::map<std::string_view, py::type> sequences = {{"list", py::type::list},
                                                                       {"tuple", py::type::tuple},
                                                                       {"set", py::type::set},
                                                                       {"frozenset", py::type::frozenset}};
        if (const auto s = sequences.find(t); s != sequences.end())
            return v.type() == s->second && elements(v, e.at("i").as_array(), t == "set" || t == "frozenset");
        if (t == "dict")
            return v.type() == py::type::dict && pairs(v, e.at("i").as_array());
        return object(v, e, t);
    }

private:
    static std::string digits(const py::value& v) { return v.digits(); }
    static std::string bits(double d)
    {
        std::string s;
        for (int shift = 56; shift >= 0; shift -= 8)
            s += static_cast<char>(std::bit_cast<std::uint64_t>(d) >> shift & 0xff);
        return to_hex(byte_view(s));
    }
    static bool same(const py::value& a, const py::value& b)
    {
        if (a.type() == py::type::global) // a name is a name
            return a == b;
        return a.cell().has_body() && b.cell().has_body() && a.cell().contents() == b.cell().contents();
    }
    bool elements(const py::value& v, const json::array& expected, bool any_order)
    {
        if (v.size() != expected.size())
            return false;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            bool found = (*this)(v[i], expected[i]);
            for (std::size_t k = 0; any_order && !found && k < expected.size(); ++k)
                found = (*this)(v[i], expected[k]);
            if (!found)
                return false;
        }
        return true;
    }
    bool pairs(const py::value& v, const json::array& expected)
    {
        if (v.size() != expected.size())
            return false;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const auto [key, mapped] = v.pair(i);
            if (!(*this)(key, expected[i].at(0)) || !(*this)(mapped, expected[i].at(1)))
                return false;
        }
        return true;
    }
    bool object(const py::value& v, const json::object& e, std::string_view t)
    {
        if (v.type() != py::type::object)
            return false;
        const bool by_call = t == "reduce";
        if (v.call() != (by_call ? py::call::function : py::call::constructor))
            return false;
        if (!(*this)(v.callable(), e.at(by_call ? "f" : "c")) || !(*this)(v.args(), e.at("a")))
            return false;
        const auto part = [&](const char* key) { return e.if_contains(key); };
        if ((part("k") != nullptr) == v.kwargs().is_none() || (part("k") && !(*this)(v.kwargs(), *part("k"))))
            return false;
        if (part("li") ? !elements(v.appended(), part("li")->as_array(), false) : v.appended().size() != 0)
            return false;
        if (part("di") ? !pairs(v.entries(), part("di")->as_array()) : v.entries().size() != 0)
            return false;
        return part("s") ? (*this)(v.state(), *part("s")) : v.state().is_none();
    }

    std::map<int, py::value> nodes_;
};

bytes dumped(const py::value& v)
{
    bytes out;
    REQUIRE(!py::dumps(v, out, py::globals::any()));
    return out;
}

} // namespace

TEST_CASE("pickle: what CPython writes, in every protocol, is what it was")
{
    std::size_t seen = 0;
    const json::array rows = vectors("pickle_read.json");
    for (const json::value& row : rows) {
        const json::object& r = row.as_object();
        if (!r.contains("expect") || !r.contains("hex"))
            continue;
        ++seen;
        INFO(json::serialize(r.at("name")) << " " << json::serialize(r.at("protocol")));
        INFO(text_of(r.at("hex")));
        py::value v;
        REQUIRE_NOTHROW(v = py::loads(raw(text_of(r.at("hex")))));
        CHECK(matcher()(v, r.at("expect")));
        // And so is what we make of it.
        const py::value again = py::loads(dumped(v));
        CHECK(matcher()(again, r.at("expect")));
        CHECK(!v.repr().empty());
    }
    CHECK(seen > 780);
}

TEST_CASE("pickle: what is written is what the reference writes")
{
    std::size_t seen = 0;
    const json::array rows = vectors("pickle_write.json");
    for (const json::value& row : rows) {
        const json::object& r = row.as_object();
        if (!r.contains("hex"))
            continue;
        const std::string_view name = r.at("name").as_string();
        INFO(name);
        const py::value v = py::loads(raw(text_of(r.at("hex"))));
        // The rest are other forms of the same; and of powers of two below zero ours are a byte shorter, as CPython's.
        if (name.starts_with("value_") && name != "value_14" && name != "value_17")
            CHECK(to_hex(dumped(v)) == text_of(r.at("hex")));
        CHECK(py::loads(dumped(v)).repr() == v.repr());
        ++seen;
    }
    CHECK(seen > 40);
}

TEST_CASE("pickle: attacks get their verdict")
{
    std::map<std::string, std::string> made = {
        {"deep_list_100k", "\x80\x04" + std::string(100'000, ']') + std::string(99'999, 'a') + "."},
        {"mark_flood_1m", "\x80\x04" + std::string(1'000'000, '(') + "."},
        {"none_flood_stack", "\x80\x04(" + std::string(1'000'000, 'N') + "t."},
        {"global_10k_name", "c" + std::string(10'000, 'a') + "\nb\n."},
    };
    std::string wide = "\x80\x04]\x94(";
    for (int i = 0; i < 200'000; ++i)
        wide += std::string_view("h\0", 2);
    made["wide_self_refs"] = wide + "e.";
    const json::array rows = vectors("pickle_attack.json");
    for (const json::value& row : rows) {
        const json::object& r = row.as_object();
        const std::string name = text_of(r.at("name"));
        INFO(name);
        const json::value* const hex = r.if_contains("hex");
        const std::string text = hex != nullptr && !hex->as_string().empty() ? from_hex(text_of(*hex)) : made.at(name);
        const std::string_view verdict = r.at("must").as_string();
        error_code ec;
        const memory_cap cap(64 << 20);
        try {
            const py::value v = py::loads(bytes(byte_view(text)));
            // Nothing that is done with it explodes, either.
            (void)v.repr(1000);
            bytes out;
            (void)py::dumps(v, out, py::globals::any());
            CHECK(out.size() <= 100 + 2 * text.size());
            try {
                (void)(v == py::loads(bytes(byte_view(text))));
            } catch (const frame_error& e) {
                CHECK(e.code() == errc::too_large);
            }
        } catch (const frame_error& e) {
            ec = e.code();
            CHECK((ec == errc::invalid_value || ec == errc::too_large));
        }
        if (verdict == "reject")
            CHECK(ec);
        else if (verdict == "accept" || verdict == "accept-inert")
            CHECK(!ec);
    }
}
