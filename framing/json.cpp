#include <ferrule/framing/json.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serializer.hpp>
#include <boost/json/value_stack.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

namespace ferrule::detail {
namespace {

namespace json = boost::json;

bool is_expressible(const json::value& v)
{
    switch (v.kind()) {
    case json::kind::double_: return std::isfinite(v.get_double());
    case json::kind::array: return std::ranges::all_of(v.get_array(), is_expressible);
    case json::kind::object:
        return std::ranges::all_of(v.get_object(), [](const auto& member) { return is_expressible(member.value()); });
    default: return true;
    }
}

/// Makes a value from the parser's events. Boost's own handler, before 1.84, uses the parser's double, whose last digit
/// can be wrong.
class reader {
public:
    static constexpr std::size_t max_object_size = json::object::max_size();
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    json::value result() { return stack_.release(); }

    bool on_document_begin(error_code&)
    {
        stack_.reset();
        return true;
    }
    bool on_document_end(error_code&) { return true; }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(std::size_t n, error_code&) { return stack_.push_array(n), true; }
    bool on_object_begin(error_code&) { return true; }
    bool on_object_end(std::size_t n, error_code&) { return stack_.push_object(n), true; }
    bool on_key_part(json::string_view s, std::size_t, error_code&) { return stack_.push_chars(s), true; }
    bool on_key(json::string_view s, std::size_t, error_code&) { return stack_.push_key(s), true; }
    bool on_string_part(json::string_view s, std::size_t, error_code&) { return stack_.push_chars(s), true; }
    bool on_string(json::string_view s, std::size_t, error_code&) { return stack_.push_string(s), true; }
    bool on_number_part(json::string_view s, error_code&) { return number_ += s, true; }
    bool on_int64(std::int64_t i, json::string_view, error_code&)
    {
        return number_.clear(), stack_.push_int64(i), true;
    }
    bool on_uint64(std::uint64_t i, json::string_view, error_code&)
    {
        return number_.clear(), stack_.push_uint64(i), true;
    }
    bool on_double(double, json::string_view s, error_code& ec)
    {
        number_ += s;
        double d = 0;
        if (std::from_chars(number_.data(), number_.data() + number_.size(), d).ec == std::errc::result_out_of_range &&
            !is_tiny())
            ec = errc::invalid_value; // such as 1e400, which could not be sent back
        number_.clear();
        stack_.push_double(d);
        return !ec;
    }
    bool on_bool(bool b, error_code&) { return stack_.push_bool(b), true; }
    bool on_null(error_code&) { return stack_.push_null(), true; }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }

private:
    /// For a number out of range: whether it is too close to zero, rather than too large.
    [[nodiscard]] bool is_tiny() const
    {
        const std::size_t e = number_.find_first_of("eE");
        return e == std::string::npos ? number_.starts_with("0.") || number_.starts_with("-0.") : number_[e + 1] == '-';
    }

    json::value_stack stack_;
    std::string number_;
};

} // namespace

error_code write_json(const json::value& value, bytes& out)
{
    if (!is_expressible(value))
        return errc::unencodable;
    json::serializer s;
    s.reset(&value);
    while (!s.done()) {
        out.reserve(out.size() + std::max<std::size_t>(out.size(), 512));
        const std::span<std::byte> room = out.spare();
        out.commit(s.read(reinterpret_cast<char*>(room.data()), room.size()).size());
    }
    return {};
}

json::value read_json(byte_view text)
{
    json::parse_options options;
    options.max_depth = 512;
    json::basic_parser<reader> parser(options);
    error_code ec;
    const std::string_view all = text.text();
    const std::size_t read = parser.write_some(false, all.data(), all.size(), ec);
    if (ec || read != all.size())
        throw frame_error(errc::invalid_value, text, text.size());
    return parser.handler().result();
}

} // namespace ferrule::detail
