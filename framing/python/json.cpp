#include <ferrule/python/json.hpp>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace ferrule::python {
namespace {

namespace json = boost::json;

json::object named(std::string_view name, json::value v)
{
    json::object o;
    o.emplace(name, std::move(v));
    return o;
}

std::string hex(byte_view data)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string s;
    s.reserve(2 * data.size());
    for (const std::byte b : data) {
        s += digits[std::to_integer<unsigned>(b) >> 4];
        s += digits[std::to_integer<unsigned>(b) & 15];
    }
    return s;
}

// Each level takes a kilobyte of stack, and some systems give threads only one megabyte.
constexpr std::size_t max_depth = 200;

class converter_to_json {
public:
    json::value operator()(const value& v)
    {
        if (++count_ > 1'000'000 || inside_.size() > max_depth)
            throw frame_error(errc::too_large, std::string("a Python value that is too large for JSON"));
        switch (v.type()) {
        case type::none: return nullptr;
        case type::boolean: return v.as<bool>();
        case type::integer:
            if (v.cell().is_large())
                return named("$int", json::string(v.digits()));
            return v.as<std::int64_t>();
        case type::floating:
            if (!std::isfinite(v.as<double>()))
                return named("$float", json::string(v.repr()));
            return v.as<double>();
        case type::string: return text(v);
        case type::bytes: return named("$bytes", json::string(hex(v.as<byte_view>())));
        case type::bytearray: return named("$bytearray", json::string(hex(v.as<byte_view>())));
        case type::global: return named("$global", json::string(std::string(v.module()) + '.' + std::string(v.name())));
        default: break;
        }
        const auto* const body = v.cell().contents();
        if (const auto found = std::ranges::find(inside_, body); found != inside_.end())
            return named("$cycle", inside_.end() - found);
        inside_.push_back(body);
        json::value out = container(v);
        inside_.pop_back();
        return out;
    }

private:
    static bool is_plain(std::string_view s) // JSON text cannot hold surrogates
    {
        for (std::size_t i = 0; i + 1 < s.size(); ++i)
            if (s[i] == '\xed' && (s[i + 1] & 0x20) != 0)
                return false;
        return true;
    }
    static json::value text(const value& v)
    {
        const auto s = v.as<std::string_view>();
        return is_plain(s) ? json::value(json::string(s)) : named("$str", json::string(v.repr()));
    }

    json::array elements(const value& v)
    {
        json::array a;
        a.reserve(v.size());
        for (std::size_t i = 0; i < v.size(); ++i)
            a.push_back((*this)(v[i]));
        return a;
    }

    json::value dict(const value& v)
    {
        json::object o;
        bool plain = true;
        for (std::size_t i = 0; i < v.size() && plain; ++i) {
            const value key = v.pair(i).first;
            plain = key.type() == type::string && is_plain(key.as<std::string_view>()) &&
                    !key.as<std::string_view>().starts_with('$');
        }
        if (plain) {
            for (std::size_t i = 0; i < v.size(); ++i) {
                const auto [key, mapped] = v.pair(i);
                o.insert_or_assign(key.as<std::string_view>(), (*this)(mapped));
            }
            return o;
        }
        json::array pairs;
        for (std::size_t i = 0; i < v.size(); ++i) {
            const auto [key, mapped] = v.pair(i);
            json::array pair;
            pair.push_back((*this)(key));
            pair.push_back((*this)(mapped));
            pairs.push_back(std::move(pair));
        }
        return named("$dict", std::move(pairs));
    }

    json::value container(const value& v)
    {
        switch (v.type()) {
        case type::list: return elements(v);
        case type::tuple: return named("$tuple", elements(v));
        case type::set: return named("$set", elements(v));
        case type::frozenset: return named("$frozenset", elements(v));
        case type::dict: return dict(v);
        default: break;
        }
        json::object o = named("$call", (*this)(v.callable()));
        o.emplace("$args", elements(v.args()));
        if (!v.kwargs().is_none())
            o.emplace("$kwargs", (*this)(v.kwargs()));
        if (!v.state().is_none())
            o.emplace("$state", (*this)(v.state()));
        if (v.appended().size() != 0)
            o.emplace("$list", elements(v.appended()));
        if (v.entries().size() != 0)
            o.emplace("$dict", (*this)(v.entries()));
        return o;
    }

    std::vector<const detail::body*> inside_;
    std::size_t count_ = 0;
};

} // namespace

json::value to_json(const value& v)
{
    return converter_to_json()(v);
}

value from_json(const json::value& v)
{
    switch (v.kind()) {
    case json::kind::null: return nullptr;
    case json::kind::bool_: return v.get_bool();
    case json::kind::int64: return v.get_int64();
    case json::kind::uint64: return v.get_uint64();
    case json::kind::double_: return v.get_double();
    case json::kind::string: return std::string_view(v.get_string());
    case json::kind::array: {
        list l;
        for (const json::value& e : v.get_array())
            l.push_back(from_json(e));
        return l;
    }
    default: break;
    }
    python::dict d;
    for (const auto& [key, mapped] : v.get_object())
        d.emplace_back(std::string_view(key), from_json(mapped));
    return d;
}

} // namespace ferrule::python
