#include "framing/python/document.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace ferrule::python {
namespace {

using detail::body;
using detail::cell;

class printer {
public:
    explicit printer(std::size_t max_size) : max_size_(max_size) {}

    std::string operator()(const value& v)
    {
        print(v.cell());
        if (out_.size() > max_size_) {
            out_.resize(max_size_);
            out_ += "...";
        }
        return std::move(out_);
    }

private:
    [[nodiscard]] bool full() const noexcept { return out_.size() > max_size_; }

    void escape(char letter, unsigned c, int digits)
    {
        static constexpr char hex[] = "0123456789abcdef";
        out_ += '\\';
        out_ += letter;
        for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
            out_ += hex[c >> shift & 15];
    }
    void print_quoted(byte_view data, bool is_text)
    {
        const std::string_view s = data.text();
        const char quote = s.find('\'') != s.npos && s.find('"') == s.npos ? '"' : '\'';
        out_ += quote;
        for (std::size_t i = 0; i < s.size() && !full(); ++i) {
            const auto c = static_cast<unsigned char>(s[i]);
            const auto next = i + 1 < s.size() ? static_cast<unsigned char>(s[i + 1]) : 0u;
            if (c == '\n' || c == '\r' || c == '\t')
                (out_ += '\\') += c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
            else if (c == '\\' || c == static_cast<unsigned char>(quote))
                (out_ += '\\') += static_cast<char>(c);
            else if (c < 0x20 || c == 0x7f || (!is_text && c >= 0x80))
                escape('x', c, 2);
            else if (c == 0xc2 && (next <= 0xa0 || next == 0xad)) { // controls and invisible characters
                escape('x', next, 2);
                ++i;
            } else if (c == 0xed && next >= 0xa0) { // a surrogate
                escape('u', 0xd000u | (next & 0x3f) << 6 | (static_cast<unsigned char>(s[i + 2]) & 0x3fu), 4);
                i += 2;
            } else
                out_ += static_cast<char>(c);
        }
        out_ += quote;
    }
    void print_float(double d)
    {
        if (!std::isfinite(d)) {
            out_ += std::isnan(d) ? "nan" : d < 0 ? "-inf" : "inf";
            return;
        }
        std::array<char, 32> buffer;
        const auto written = [&](std::chars_format f) {
            return std::string_view(buffer.data(),
                                    std::to_chars(buffer.data(), buffer.data() + buffer.size(), d, f).ptr);
        };
        const std::string_view scientific = written(std::chars_format::scientific);
        const std::string_view power = scientific.substr(scientific.find('e') + 1);
        int exponent = 0;
        std::from_chars(power.data() + (power[0] == '+' ? 1 : 0), power.data() + power.size(), exponent);
        if (exponent < -4 || exponent >= 16) {
            out_ += scientific;
            return;
        }
        const std::string_view fixed = written(std::chars_format::fixed);
        out_ += fixed;
        if (fixed.find('.') == fixed.npos)
            out_ += ".0";
    }

    void print_all(std::span<const cell> cells)
    {
        for (std::size_t i = 0; i < cells.size() && !full(); ++i) {
            if (i != 0)
                out_ += ", ";
            print(cells[i]);
        }
    }
    void print_pairs(std::span<const cell> cells, std::string_view between)
    {
        for (std::size_t i = 0; i < cells.size() && !full(); i += 2) {
            if (i != 0)
                out_ += ", ";
            print(cells[i]);
            out_ += between;
            print(cells[i + 1]);
        }
    }
    void print_object(const body& b)
    {
        const std::span<const cell> part = b.all();
        print(part[detail::in_callable]);
        out_ += '(';
        print_all(part[detail::in_args].contents()->all());
        if (part[detail::in_kwargs].has_body()) {
            out_ += part[detail::in_args].contents()->size == 0 ? "**" : ", **";
            print(part[detail::in_kwargs]);
        }
        out_ += ')';
        for (const auto& [i, title] : {std::pair(detail::in_list, "+="), std::pair(detail::in_dict, "|="),
                                       std::pair(detail::in_state, ".state=")})
            if (part[i].kind() != type::none) {
                out_ += title;
                print(part[i]);
            }
    }

    void print(const cell& c)
    {
        if (full())
            return;
        switch (c.kind()) {
        case type::none: out_ += "None"; return;
        case type::boolean: out_ += c.integer() != 0 ? "True" : "False"; return;
        case type::integer: out_ += value(nullptr, c).digits(); return;
        case type::floating: return print_float(c.floating());
        case type::string: return print_quoted(c.data(), true);
        case type::bytes: out_ += 'b'; return print_quoted(c.data(), false);
        case type::bytearray:
            out_ += "bytearray(b";
            print_quoted(c.data(), false);
            out_ += ')';
            return;
        default: break;
        }
        const body* const b = c.contents();
        if (inside_.size() == max_depth || std::ranges::find(inside_, b) != inside_.end()) {
            out_ += "...";
            return;
        }
        inside_.push_back(b);
        print_container(c.kind(), *b);
        inside_.pop_back();
    }
    void print_container(type t, const body& b)
    {
        const std::span<const cell> items = b.all();
        const auto enclosed = [&](std::string_view open, std::string_view close) {
            out_ += open;
            print_all(items);
            out_ += close;
        };
        switch (t) {
        case type::list: return enclosed("[", "]");
        case type::tuple: return enclosed("(", items.size() == 1 ? ",)" : ")");
        case type::set:
            if (items.empty())
                out_ += "set()";
            else
                enclosed("{", "}");
            return;
        case type::frozenset:
            if (items.empty())
                out_ += "frozenset()";
            else
                enclosed("frozenset({", "})");
            return;
        case type::dict:
            out_ += '{';
            print_pairs(items, ": ");
            out_ += '}';
            return;
        case type::global:
            if (const auto module = items[detail::in_module].data().text(); module != "builtins")
                (out_ += module) += '.';
            out_ += items[detail::in_name].data().text();
            return;
        default: return print_object(b);
        }
    }

    static constexpr std::size_t max_depth = 200; // deeper output is unreadable, and the search for cycles takes time

    std::size_t max_size_;
    std::string out_;
    std::vector<const body*> inside_;
};

} // namespace

std::string value::repr(std::size_t max_size) const
{
    return printer(max_size)(*this);
}

} // namespace ferrule::python
