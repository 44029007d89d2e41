#include "framing/python/document.hpp"
#include "framing/python/names.hpp"

#include <ferrule/python/pickle.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <unordered_map>

namespace ferrule::python {
namespace {

using detail::body;
using detail::cell;

constexpr int highest_protocol = 5;
constexpr std::size_t max_marks = 10'000;

[[noreturn]] void refuse(errc code, const std::string& what, std::size_t at)
{
    throw frame_error(code, "pickle: " + what + " at byte " + std::to_string(at));
}

/// The pickle machine, except that it calls nothing.
class unpickler {
public:
    unpickler(detail::document& d, const pickle_limits& l)
        : document_(d),
          limits_(l),
          begin_(d.message.data()),
          at_(begin_),
          end_(begin_ + d.message.size())
    {
    }

    cell run()
    {
        for (;;) {
            push_numbers();
            op_ = at_;
            if (at_ == end_)
                bad("the pickle has no end");
            const auto code = std::to_integer<unsigned char>(*at_++);
            if (code == '.')
                return finish();
            step(code);
        }
    }

private:
    // ---- input ----

    [[noreturn]] void bad(const char* what) const
    {
        refuse(errc::invalid_value, what, static_cast<std::size_t>(op_ - begin_));
    }
    [[noreturn]] void too_large(const char* what) const
    {
        refuse(errc::too_large, what, static_cast<std::size_t>(op_ - begin_));
    }

    byte_view take(std::uint64_t n)
    {
        if (n > static_cast<std::uint64_t>(end_ - at_))
            bad("the pickle ends inside a value");
        const byte_view v(at_, static_cast<std::size_t>(n));
        at_ += n;
        return v;
    }
    template <std::size_t Size>
    std::uint64_t number()
    {
        const byte_view b = take(Size);
        std::uint64_t n = 0;
        for (std::size_t i = Size; i-- > 0;)
            n = n << 8 | std::to_integer<std::uint64_t>(b[i]);
        return n;
    }
    /// Reads a signed size of four bytes, which must not be negative.
    std::uint64_t positive()
    {
        const std::uint64_t n = number<4>();
        if (n > 0x7fffffff)
            bad("a negative size");
        return n;
    }
    std::string_view line()
    {
        const void* const found = at_ == end_ ? nullptr : std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_));
        if (found == nullptr)
            bad("the pickle ends inside a line");
        const std::string_view l = take(static_cast<std::uint64_t>(static_cast<const std::byte*>(found) - at_)).text();
        ++at_;
        return l;
    }

    // ---- stack ----

    [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(top_ - stack_.data()); }
    [[nodiscard]] std::size_t base() const noexcept { return marks_.empty() ? 0 : marks_.back(); }
    void grow()
    {
        const std::size_t n = size();
        stack_.resize(std::max<std::size_t>(64, 2 * n));
        top_ = stack_.data() + n;
    }
    // Cells are passed by value everywhere, because growth of the stack would invalidate references.
    void push(cell c)
    {
        if (top_ == stack_.data() + stack_.size())
            grow();
        charge(1);
        *top_++ = c;
    }
    void charge(std::size_t n)
    {
        if (n > limits_.values - values_)
            too_large("more values than the limit");
        values_ += n;
    }
    /// Numbers often come in long rows, so the state of this loop stays in registers.
    void push_numbers()
    {
        constexpr std::ptrdiff_t max_opcode = 9;
        cell* top = top_;
        const std::byte* at = at_;
        const cell* const full = top + std::min<std::size_t>(stack_.size() - size(), limits_.values - values_);
        const auto little_endian = [&](int bytes) {
            std::uint32_t n = 0;
            for (int i = bytes; i > 0; --i)
                n = n << 8 | std::to_integer<std::uint32_t>(at[i]);
            return n;
        };
        for (; top != full && end_ - at >= max_opcode; ++top) {
            switch (static_cast<char>(*at)) {
            case 'K':
                *top = cell::of(std::int64_t{little_endian(1)});
                at += 2;
                continue;
            case 'M':
                *top = cell::of(std::int64_t{little_endian(2)});
                at += 3;
                continue;
            case 'J':
                *top = cell::of(std::int64_t{static_cast<std::int32_t>(little_endian(4))});
                at += 5;
                continue;
            case 'N':
                *top = cell();
                at += 1;
                continue;
            case 'G': {
                std::uint64_t bits = 0;
                for (int i = 1; i < max_opcode; ++i)
                    bits = bits << 8 | std::to_integer<std::uint64_t>(at[i]);
                *top = cell::of(std::bit_cast<double>(bits));
                at += max_opcode;
                continue;
            }
            default: break;
            }
            break;
        }
        values_ += static_cast<std::size_t>(top - top_);
        top_ = top;
        at_ = at;
    }
    void need(std::size_t n) const
    {
        if (size() - base() < n)
            bad("a value is missing");
    }
    cell pop()
    {
        need(1);
        return *--top_;
    }
    [[nodiscard]] cell top() const
    {
        need(1);
        return top_[-1];
    }
    /// Passes the cells above the mark to `use`, which must not push, and removes them and the mark.
    template <class Use>
    void to_mark(Use use)
    {
        if (marks_.empty())
            bad("a mark is missing");
        const std::span<const cell> above(stack_.data() + marks_.back(), top_);
        top_ = stack_.data() + marks_.back(); // the cells stay in memory until the next push
        marks_.pop_back();
        if constexpr (std::is_void_v<decltype(use(above))>)
            use(above);
        else
            push(use(above));
    }

    // ---- values ----

    void deepen(body& b, std::span<const cell> children) const
    {
        for (const cell& c : children)
            b.depth = std::max(b.depth, detail::depth_of(c) + 1);
        if (b.depth > limits_.depth)
            too_large("deeper nesting than the limit");
    }
    void deepen(body& b, cell child) const { deepen(b, {&child, 1}); }
    cell container(type t, std::span<const cell> items)
    {
        body* const b = document_.make_body(items);
        deepen(*b, items);
        if (t == type::frozenset) // duplicates must go before it is compared
            unique(*b, 1);
        else if (t == type::set || t == type::dict)
            hashed_.push_back({b, t == type::dict ? 2u : 1u});
        return cell::of(t, b);
    }
    cell text(byte_view utf8)
    {
        if (!detail::is_text(utf8.text()))
            bad("text that is not UTF-8");
        return cell::of(type::string, utf8);
    }
    cell own_text(const std::string& utf8) { return cell::of(type::string, document_.copy(byte_view(utf8))); }
    cell integer(byte_view twos_complement)
    {
        if (twos_complement.size() > limits_.integer)
            too_large("a larger integer than the limit");
        return detail::integer_cell(twos_complement);
    }
    cell decimal(std::string_view digits)
    {
        cell c;
        if (!parse_integer(digits, document_, c))
            bad("an integer that is none");
        return c;
    }
    cell name(std::string_view module, std::string_view qualified)
    {
        for (const std::string_view s : {module, qualified}) {
            if (s.size() > limits_.name)
                too_large("a longer name than the limit");
            if (!detail::is_text(s) || s.find_first_of(std::string_view("\0\n", 2)) != std::string_view::npos)
                bad("a name that is none");
        }
        if (protocol_ < 3)
            detail::from_python_2(module, qualified);
        const cell parts[] = {cell::of(type::string, module), cell::of(type::string, qualified)};
        return cell::of(type::global, document_.make_body(parts));
    }

    void extend_set(std::span<const cell> elements)
    {
        const cell c = top();
        if (c.kind() != type::set)
            bad("elements for what is no set");
        deepen(*c.contents(), elements);
        document_.append(*c.contents(), elements);
    }
    /// Appends items to the value below them: a list or dict, or the part of an object that holds such items.
    void extend(type t, std::span<const cell> items)
    {
        const cell whole = top();
        cell c = whole;
        if (whole.kind() == type::object) {
            if (items.empty())
                return;
            cell& part = whole.contents()->items[t == type::list ? detail::in_list : detail::in_dict];
            if (!part.has_body()) // only the class knows which keys are equal, and whether they replace each other
                part = cell::of(t, document_.make_body());
            c = part;
        } else if (c.kind() != t)
            bad(t == type::list ? "elements for what is no list" : "pairs for what is no dict");
        deepen(*c.contents(), items);
        if (whole.kind() == type::object)
            deepen(*whole.contents(), c);
        document_.append(*c.contents(), items);
    }
    void extend_pairs(std::span<const cell> items)
    {
        if (items.size() % 2 != 0)
            bad("a key without a value");
        extend(type::dict, items);
    }

    cell object(python::call how, cell callable, cell args, cell kwargs = {})
    {
        if (args.kind() != type::tuple)
            bad("arguments that are no tuple");
        if (cell plain; how == python::call::function && fold(callable, args.contents()->all(), plain))
            return plain;
        const cell parts[detail::object_parts] = {callable, args, kwargs};
        body* const b = document_.make_body(parts);
        b->call = how;
        deepen(*b, parts);
        return cell::of(type::object, b);
    }
    /// Makes plain values that protocols before 5 make by calls. Copies count as further values, since a few bytes
    /// could ask for many copies through the memo.
    bool fold(cell callable, std::span<const cell> args, cell& out)
    {
        if (callable.kind() != type::global)
            return false;
        const std::string_view module = callable.contents()->items[detail::in_module].data().text();
        const std::string_view name = callable.contents()->items[detail::in_name].data().text();
        const auto is = [&](std::size_t i, type t) { return args[i].kind() == t; };
        if (module == "_codecs" && name == "encode" && args.size() == 2 && is(0, type::string) && is(1, type::string))
            return latin_1(args, type::bytes, out);
        if (module != "builtins")
            return false;
        if ((name == "bytes" || name == "bytearray") && args.empty())
            out = cell::of(name == "bytes" ? type::bytes : type::bytearray, byte_view());
        else if (name == "bytearray" && args.size() == 1 && is(0, type::bytes))
            out = cell::of(type::bytearray, args[0].data());
        else if (name == "bytearray" && args.size() == 2 && is(0, type::string) && is(1, type::string))
            return latin_1(args, type::bytearray, out);
        else if ((name == "set" || name == "frozenset") && args.size() == 1 && is(0, type::list)) {
            charge(args[0].contents()->size);
            out = container(name == "set" ? type::set : type::frozenset, args[0].contents()->all());
        } else
            return false;
        return true;
    }
    bool latin_1(std::span<const cell> args, type t, cell& out)
    {
        const std::string_view encoding = args[1].data().text();
        if (encoding != "latin1" && encoding != "latin-1")
            return false;
        const byte_view utf8 = args[0].data();
        charge(utf8.size() / sizeof(cell));
        std::string plain;
        for (std::size_t i = 0; i < utf8.size(); ++i) {
            auto c = std::to_integer<unsigned>(utf8[i]);
            if (c >= 0xc4)
                return false; // above U+00FF
            if (c >= 0x80)
                c = (c & 3) << 6 | (std::to_integer<unsigned>(utf8[++i]) & 0x3f);
            plain += static_cast<char>(c);
        }
        out = cell::of(t, document_.copy(byte_view(plain)));
        return true;
    }

    void build()
    {
        const cell state = pop();
        const cell c = top();
        if (c.kind() != type::object)
            bad("a state for what is no object");
        cell& place = c.contents()->items[detail::in_state];
        if (place.kind() == type::none)
            place = state;
        else if (state.kind() != type::object) // an object would be taken for a call
            record(c, state);
        else
            bad("a second state");
        deepen(*c.contents(), state);
    }
    /// Drops a value. If it is a call made to change the object below, its first argument, it is recorded with that
    /// object.
    void drop()
    {
        if (size() == base() && !marks_.empty()) {
            marks_.pop_back();
            return;
        }
        const cell dropped = pop();
        if (dropped.kind() != type::object || size() == base() || top().kind() != type::object)
            return;
        const cell args = dropped.contents()->items[detail::in_args];
        if (args.contents()->size == 2 && args.contents()->items[0].kind() == type::object &&
            args.contents()->items[0].contents() == top().contents())
            record(top(), dropped);
    }
    void record(cell object, cell effect)
    {
        cell& calls = object.contents()->items[detail::in_calls];
        if (!calls.has_body())
            calls = cell::of(type::list, document_.make_body());
        document_.append(*calls.contents(), {&effect, 1});
    }

    // ---- memo ----

    void put(std::uint64_t index)
    {
        const cell c = top();
        if (index >= static_cast<std::uint64_t>(end_ - begin_))
            bad("a place in the memo that no pickler would use");
        // Picklers number in order. Other numbers must not cost memory in proportion.
        if (index < memo_.size())
            memo_[index] = c;
        else if (index <= memo_.size() + 16) {
            memo_.resize(index, cell::of(type::list, static_cast<body*>(nullptr)));
            memo_.push_back(c);
        } else
            sparse_[index] = c;
        ++memoized_;
    }
    void get(std::uint64_t index)
    {
        const cell* c = nullptr;
        if (index < memo_.size())
            c = &memo_[index];
        if (c == nullptr || (c->kind() == type::list && c->contents() == nullptr)) {
            const auto found = sparse_.find(index);
            if (found == sparse_.end())
                bad("nothing there in the memo");
            c = &found->second;
        }
        push(*c);
    }
    std::uint64_t text_index()
    {
        const std::string_view l = line();
        std::uint64_t i = 0;
        if (const auto [end, ec] = std::from_chars(l.data(), l.data() + l.size(), i);
            ec != std::errc() || end != l.data() + l.size() || l.empty())
            bad("a place in the memo that is no number");
        return i;
    }

    // ---- text forms of the older protocols ----

    void push_int()
    {
        const std::string_view l = line();
        if (l == "00" || l == "01")
            push(cell::of(l == "01"));
        else
            push(decimal(l));
    }
    void push_long()
    {
        std::string_view l = line();
        if (l.ends_with('L'))
            l.remove_suffix(1);
        push(decimal(l));
    }
    void push_float()
    {
        const std::string_view l = line();
        double d = 0;
        if (const auto [end, ec] = std::from_chars(l.data(), l.data() + l.size(), d);
            (ec != std::errc() && ec != std::errc::result_out_of_range) || end != l.data() + l.size() || l.empty())
            bad("a float that is none");
        push(cell::of(d));
    }
    static void append_utf8(std::string& out, std::uint32_t c)
    {
        const auto put = [&](std::uint32_t b) { out += static_cast<char>(b); };
        if (c < 0x80)
            put(c);
        else if (c < 0x800) {
            put(0xc0 | c >> 6);
            put(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            put(0xe0 | c >> 12);
            put(0x80 | (c >> 6 & 0x3f));
            put(0x80 | (c & 0x3f));
        } else {
            put(0xf0 | c >> 18);
            put(0x80 | (c >> 12 & 0x3f));
            put(0x80 | (c >> 6 & 0x3f));
            put(0x80 | (c & 0x3f));
        }
    }
    std::uint32_t digits_of(std::string_view l, std::size_t at, std::size_t n, int radix) const
    {
        std::uint32_t c = 0;
        if (l.size() - at < n || std::from_chars(l.data() + at, l.data() + at + n, c, radix).ptr != l.data() + at + n)
            bad("a bad escape in text");
        return c;
    }
    /// raw-unicode-escape
    void push_unicode()
    {
        const std::string_view l = line();
        std::string out;
        for (std::size_t i = 0; i < l.size(); ++i) {
            const char next = l[i] == '\\' && i + 1 < l.size() ? l[i + 1] : '\0';
            if (next == 'u' || next == 'U') {
                const std::size_t n = next == 'u' ? 4 : 8;
                const std::uint32_t c = digits_of(l, i + 2, n, 16);
                if (c > 0x10ffff)
                    bad("a bad escape in text");
                append_utf8(out, c);
                i += 1 + n;
            } else if (next == '\\') {
                out += "\\\\";
                ++i;
            } else
                append_utf8(out, static_cast<unsigned char>(l[i]));
        }
        push(own_text(out));
    }
    /// Reads a Python 2 string, quoted as by its repr.
    void push_quoted()
    {
        std::string_view l = line();
        while (!l.empty() && l.back() == ' ')
            l.remove_suffix(1);
        if (l.size() < 2 || l.front() != l.back() || (l.front() != '\'' && l.front() != '"'))
            bad("a string without quotes");
        l = l.substr(1, l.size() - 2);
        constexpr std::string_view letters = "\\'\"abfnrtv";
        constexpr std::string_view meanings = "\\'\"\a\b\f\n\r\t\v";
        std::string out;
        for (std::size_t i = 0; i < l.size(); ++i) {
            if (l[i] != '\\') {
                append_utf8(out, static_cast<unsigned char>(l[i]));
                continue;
            }
            if (++i == l.size())
                bad("a bad escape in text");
            if (const auto at = letters.find(l[i]); at != std::string_view::npos)
                out += meanings[at];
            else if (l[i] == 'x') {
                append_utf8(out, digits_of(l, i + 1, 2, 16));
                i += 2;
            } else if (l[i] >= '0' && l[i] <= '7') {
                std::uint32_t c = 0;
                std::size_t n = 0;
                for (; n < 3 && i < l.size() && l[i] >= '0' && l[i] <= '7'; ++n)
                    c = c * 8 + static_cast<std::uint32_t>(l[i++] - '0');
                --i;
                append_utf8(out, c & 0xff);
            } else {
                out += '\\';
                append_utf8(out, static_cast<unsigned char>(l[i]));
            }
        }
        push(own_text(out));
    }
    void push_latin_1(byte_view s)
    {
        std::string out;
        for (const std::byte b : s)
            append_utf8(out, std::to_integer<unsigned>(b));
        push(own_text(out));
    }
    void push_global()
    {
        const std::string_view module = line();
        push(name(module, line()));
    }
    cell instance(cell of, std::span<const cell> args)
    {
        return object(python::call::function, of, container(type::tuple, args));
    }

    void tuple_of(std::size_t n)
    {
        need(n);
        top_ -= n;
        push(container(type::tuple, {top_, n}));
    }

    void step(unsigned char code)
    {
        switch (code) {
        case 0x80: // PROTO
            protocol_ = static_cast<int>(number<1>());
            if (protocol_ > highest_protocol)
                bad("a protocol that is not known");
            return;
        case 0x95: // FRAME
            if (number<8>() > static_cast<std::uint64_t>(end_ - at_))
                bad("a frame longer than the pickle");
            return;
        case '(': // MARK
            if (marks_.size() == max_marks)
                too_large("more marks than the limit");
            marks_.push_back(size());
            return;
        case '0': return drop();
        case '1': return to_mark([](auto) {});
        case '2': push(top()); return;
        case 'N': push(cell()); return;
        case 0x88: push(cell::of(true)); return;
        case 0x89: push(cell::of(false)); return;
        case 'I': return push_int();
        case 'K': push(cell::of(static_cast<std::int64_t>(number<1>()))); return;
        case 'M': push(cell::of(static_cast<std::int64_t>(number<2>()))); return;
        case 'J':
            push(cell::of(std::int64_t{static_cast<std::int32_t>(static_cast<std::uint32_t>(number<4>()))}));
            return;
        case 'L': return push_long();
        case 0x8a: push(integer(take(number<1>()))); return;
        case 0x8b: push(integer(take(positive()))); return;
        case 'F': return push_float();
        case 'G': {
            std::uint64_t bits = 0;
            for (const std::byte b : take(8))
                bits = bits << 8 | std::to_integer<std::uint64_t>(b);
            push(cell::of(std::bit_cast<double>(bits)));
            return;
        }
        case 'S': return push_quoted();
        case 'T': return push_latin_1(take(positive()));
        case 'U': return push_latin_1(take(number<1>()));
        case 'V': return push_unicode();
        case 'X': push(text(take(number<4>()))); return;
        case 0x8c: push(text(take(number<1>()))); return;
        case 0x8d: push(text(take(number<8>()))); return;
        case 'B': push(cell::of(type::bytes, take(number<4>()))); return;
        case 'C': push(cell::of(type::bytes, take(number<1>()))); return;
        case 0x8e: push(cell::of(type::bytes, take(number<8>()))); return;
        case 0x96: push(cell::of(type::bytearray, take(number<8>()))); return;
        case ']': push(container(type::list, {})); return;
        case 'l': return to_mark([&](auto items) { return container(type::list, items); });
        case 'a': {
            const cell c = pop();
            return extend(type::list, {&c, 1});
        }
        case 'e': return to_mark([&](auto items) { extend(type::list, items); });
        case ')': push(container(type::tuple, {})); return;
        case 't': return to_mark([&](auto items) { return container(type::tuple, items); });
        case 0x85: return tuple_of(1);
        case 0x86: return tuple_of(2);
        case 0x87: return tuple_of(3);
        case '}': push(container(type::dict, {})); return;
        case 'd':
            return to_mark([&](auto pairs) {
                if (pairs.size() % 2 != 0)
                    bad("a key without a value");
                return container(type::dict, pairs);
            });
        case 's': {
            need(3);
            top_ -= 2;
            return extend_pairs({top_, 2});
        }
        case 'u': return to_mark([&](auto pairs) { extend_pairs(pairs); });
        case 0x8f: push(container(type::set, {})); return;
        case 0x90: return to_mark([&](auto items) { extend_set(items); });
        case 0x91: return to_mark([&](auto items) { return container(type::frozenset, items); });
        case 'p': return put(text_index());
        case 'q': return put(number<1>());
        case 'r': return put(number<4>());
        case 0x94: return put(memoized_);
        case 'g': return get(text_index());
        case 'h': return get(number<1>());
        case 'j': return get(number<4>());
        case 'c': return push_global();
        case 0x93: {
            const cell qualified = pop();
            const cell module = pop();
            if (qualified.kind() != type::string || module.kind() != type::string)
                bad("a name that is no text");
            push(name(module.data().text(), qualified.data().text()));
            return;
        }
        case 'R': {
            const cell args = pop();
            push(object(python::call::function, pop(), args));
            return;
        }
        case 0x81: {
            const cell args = pop();
            push(object(python::call::constructor, pop(), args));
            return;
        }
        case 0x92: {
            const cell kwargs = pop();
            const cell args = pop();
            if (kwargs.kind() != type::dict)
                bad("keyword arguments that are no dict");
            push(object(python::call::constructor, pop(), args, kwargs));
            return;
        }
        case 'b': return build();
        case 'i': {
            const std::string_view module = line();
            const cell of = name(module, line());
            return to_mark([&](auto args) { return instance(of, args); });
        }
        case 'o':
            return to_mark([&](auto parts) {
                if (parts.empty())
                    bad("a class is missing");
                return instance(parts[0], parts.subspan(1));
            });
        default: bad("an opcode that is not known or not supported");
        }
    }

    cell finish()
    {
        const cell result = pop();
        if (!marks_.empty())
            bad("a mark is left");
        for (const auto& [b, stride] : hashed_)
            unique(*b, stride);
        return result;
    }
    void unique(body& b, std::size_t stride)
    {
        if (!detail::remove_duplicates(b, stride, steps_left_))
            bad("a key that Python cannot hash");
    }

    struct hashed {
        body* contents;
        unsigned stride;
    };

    detail::document& document_;
    const pickle_limits& limits_;
    const std::byte* begin_;
    const std::byte* at_;
    const std::byte* end_;
    const std::byte* op_ = nullptr;
    int protocol_ = 0;
    std::size_t values_ = 0;
    std::vector<cell> stack_; // the stack, with spare room
    cell* top_ = nullptr;     // where the next cell goes
    std::vector<std::size_t> marks_;
    std::vector<cell> memo_;
    std::unordered_map<std::uint64_t, cell> sparse_;
    std::uint64_t memoized_ = 0;
    std::vector<hashed> hashed_; // containers that may still grow
    std::size_t steps_left_ = detail::max_steps;
};

} // namespace

value loads(bytes pickle, const pickle_limits& l)
{
    if (pickle.text().starts_with(
            "#CHALLENGE#")) // no pickle begins like that; see <ferrule/python/multiprocessing/authentication.hpp>
        throw error(errc::unauthenticated, std::string("the other end asks for a key"));
    auto d = std::make_shared<detail::document>(256 + std::min<std::size_t>(pickle.size(), 64 * 1024));
    d->message = std::move(pickle);
    const cell result = unpickler(*d, l).run();
    return {std::move(d), result};
}

} // namespace ferrule::python
