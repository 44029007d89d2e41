// Python's equality, and the hashing that it needs.
#include "framing/python/document.hpp"

#include <bit>
#include <cmath>
#include <functional>

namespace ferrule::python {
namespace detail {
namespace {

constexpr int max_depth = 2000; // of recursion; deeper than any pickle that is decoded

void spend(std::size_t& budget)
{
    if (budget-- == 0) {
        budget = 0;
        throw frame_error(errc::too_large, std::string("comparing Python values"));
    }
}

bool is_number(type t) noexcept
{
    return t == type::boolean || t == type::integer || t == type::floating;
}

/// Whether an integer of 64 bits may equal `d`.
bool fits(double d) noexcept
{
    return d >= -0x1p63 && d < 0x1p63 && std::trunc(d) == d;
}

bool equal_numbers(const cell& a, const cell& b)
{
    if (a.kind() == type::floating && b.kind() == type::floating)
        return a.floating() == b.floating();
    if (a.kind() == type::floating)
        return equal_numbers(b, a);
    if (b.kind() == type::floating) {
        if (a.is_large())
            return is_equal(a.data(), b.floating());
        return fits(b.floating()) && static_cast<std::int64_t>(b.floating()) == a.integer();
    }
    if (a.is_large() || b.is_large())
        return a.is_large() == b.is_large() && a.data() == b.data();
    return a.integer() == b.integer();
}

/// The rule that makes two objects equal. Python asks their classes, which are not available here.
enum class objects : unsigned char {
    by_parts,   // all parts are equal, as in most classes: for comparisons that a caller asks for
    by_identity // they are the same object, which is always certain: where equal values are merged
};

/// One comparison of nested values.
class comparison {
public:
    comparison(objects how, std::size_t& budget) : how_(how), budget_(budget) {}

    bool operator()(const cell& a, const cell& b, int depth = 0);

private:
    bool in_order(std::span<const cell> a, std::span<const cell> b, int depth);
    bool as_sets(std::span<const cell> a, std::span<const cell> b, std::size_t stride, int depth);

    objects how_;
    std::size_t& budget_;
};

bool comparison::in_order(std::span<const cell> a, std::span<const cell> b, int depth)
{
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!(*this)(a[i], b[i], depth))
            return false;
    return true;
}

/// Whether each key of `a` has an equal key of its own in `b`; with `stride` 2, also an equal value.
bool comparison::as_sets(std::span<const cell> a, std::span<const cell> b, std::size_t stride, int depth)
{
    if (a.size() != b.size())
        return false;
    std::vector<bool> is_taken(b.size()); // objects may be equal by parts without being the same key
    for (std::size_t i = 0; i < a.size(); i += stride) {
        bool found = false;
        for (std::size_t k = 0; k < b.size() && !found; k += stride) {
            const std::size_t at = (i + k) % b.size(); // usually at the same position
            found =
                !is_taken[at] && (*this)(a[i], b[at], depth) && (stride == 1 || (*this)(a[i + 1], b[at + 1], depth));
            if (found)
                is_taken[at] = true;
        }
        if (!found)
            return false;
    }
    return true;
}

bool comparison::operator()(const cell& a, const cell& b, int depth)
{
    spend(budget_);
    if (depth == max_depth) {
        budget_ = 0;
        spend(budget_);
    }
    if (is_number(a.kind()) && is_number(b.kind()))
        return equal_numbers(a, b);
    const auto like = [](type t) {
        return t == type::bytearray ? type::bytes : t == type::frozenset ? type::set : t; // equal in Python
    };
    if (like(a.kind()) != like(b.kind()))
        return false;
    if (!a.has_body())
        return a.kind() == type::none || a.data() == b.data();
    if (a.contents() == b.contents())
        return true;
    const std::span<const cell> x = a.contents()->all();
    const std::span<const cell> y = b.contents()->all();
    switch (a.kind()) {
    case type::set:
    case type::frozenset: return as_sets(x, y, 1, depth + 1);
    case type::dict: return as_sets(x, y, 2, depth + 1);
    case type::object:
        return how_ == objects::by_parts && a.contents()->call == b.contents()->call && in_order(x, y, depth + 1);
    default: return in_order(x, y, depth + 1);
    }
}

std::uint64_t mixed(std::uint64_t h) noexcept
{
    h = (h ^ (h >> 32)) * 0x9e3779b97f4a7c15;
    return h ^ (h >> 29);
}

/// Hashes a value; equal values have equal hashes. Returns false if Python cannot hash it.
bool hash(const cell& c, std::uint64_t& h, std::size_t& budget, int depth)
{
    spend(budget);
    switch (c.kind()) {
    case type::none: h = 1; return true;
    case type::boolean:
    case type::integer: // large ones are rare, and may equal a float
        h = c.is_large() ? 2 : mixed(static_cast<std::uint64_t>(c.integer()));
        return true;
    case type::floating:
        if (fits(c.floating()))
            h = mixed(static_cast<std::uint64_t>(static_cast<std::int64_t>(c.floating())));
        else
            h = std::trunc(c.floating()) == c.floating() ? 2 : mixed(std::bit_cast<std::uint64_t>(c.floating()));
        return true;
    case type::string:
    case type::bytes: h = mixed(std::hash<std::string_view>()(c.data().text())); return true;
    case type::global: return hash(c.contents()->items[in_name], h, budget, depth);
    case type::object: h = mixed(std::bit_cast<std::uintptr_t>(c.contents())); return true;
    case type::tuple:
    case type::frozenset: break;
    default: return false;
    }
    if (depth == max_depth)
        return false;
    std::uint64_t sum = 0;
    for (const cell& element : c.contents()->all()) {
        std::uint64_t one = 0;
        if (!hash(element, one, budget, depth + 1))
            return false;
        sum = c.kind() == type::tuple ? mixed(sum + one) : sum + one;
    }
    h = mixed(sum);
    return true;
}

} // namespace

bool equal(const cell& a, const cell& b, std::size_t& budget)
{
    return comparison(objects::by_parts, budget)(a, b);
}

bool surely_equal(const cell& a, const cell& b, std::size_t& budget)
{
    return comparison(objects::by_identity, budget)(a, b);
}

bool remove_duplicates(body& b, std::size_t stride, std::size_t& budget)
{
    const std::size_t n = b.size / stride;
    constexpr std::size_t few = 8;
    std::vector<std::uint32_t> table; // 1 + index in `b` of the pairs that stay
    std::size_t mask = 0;
    if (n > few) {
        mask = std::bit_ceil(2 * n) - 1;
        table.resize(mask + 1);
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
        const cell* const pair = b.items + i * stride;
        std::uint64_t h = 0;
        if (!hash(*pair, h, budget, 0))
            return false;
        std::size_t same = kept;
        std::size_t slot = h & mask;
        if (table.empty()) {
            for (same = 0; same < kept && !surely_equal(b.items[same * stride], *pair, budget);)
                ++same;
        } else {
            for (; table[slot] != 0 && same == kept; slot = (slot + 1) & mask)
                if (const std::size_t at = table[slot] - 1; surely_equal(b.items[at * stride], *pair, budget))
                    same = at;
        }
        if (same != kept) {
            if (stride == 2)
                b.items[same * stride + 1] = pair[1];
            continue;
        }
        if (!table.empty())
            table[slot] = static_cast<std::uint32_t>(kept + 1);
        if (kept != i)
            std::copy_n(pair, stride, b.items + kept * stride);
        ++kept;
    }
    b.size = kept * stride;
    return true;
}

} // namespace detail

bool operator==(const value& a, const value& b)
{
    std::size_t budget = detail::max_steps;
    return detail::equal(a.cell_, b.cell_, budget);
}

} // namespace ferrule::python
