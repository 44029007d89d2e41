#include <ferrule/python/value.hpp>

#include "framing/python/document.hpp"

#include <algorithm>

namespace ferrule::python {

using detail::body;
using detail::cell;
using detail::document;

namespace {

/// Collects the documents of parts.
class keeper {
public:
    explicit keeper(document& d) noexcept : document_(d) {}

    cell operator()(const value& part)
    {
        if (part.memory() && (document_.kept.empty() || document_.kept.back() != part.memory()))
            document_.kept.push_back(part.memory());
        depth_ = std::max(depth_, detail::depth_of(part.cell()));
        return part.cell();
    }
    /// The depth of a container around the collected parts.
    [[nodiscard]] std::uint32_t depth() const noexcept { return depth_ + 1; }

private:
    document& document_;
    std::uint32_t depth_ = 0;
};

void make_unique(body& b, std::size_t stride)
{
    std::size_t budget = detail::max_steps;
    if (!remove_duplicates(b, stride, budget))
        throw usage_error(errc::unencodable, std::string("a key that Python cannot hash"));
}

cell text_cell(document& d, std::string_view text)
{
    if (!detail::is_text(text))
        throw usage_error(errc::invalid_argument, std::string("text that is not UTF-8"));
    return cell::of(python::type::string, d.copy(text));
}

cell global_cell(document& d, std::string_view module, std::string_view name)
{
    const cell parts[detail::global_parts] = {text_cell(d, module), text_cell(d, name)};
    return cell::of(python::type::global, d.make_body(parts));
}

} // namespace

value::value(std::string_view text)
{
    auto d = std::make_shared<document>(text.size() + 1);
    cell_ = text_cell(*d, text);
    memory_ = std::move(d);
}

value::value(ferrule::bytes&& b)
{
    auto d = std::make_shared<document>();
    d->message = std::move(b);
    cell_ = cell::of(python::type::bytes, d->message);
    memory_ = std::move(d);
}

value::value(python::type t, byte_view data)
{
    if (t != python::type::bytes && t != python::type::bytearray)
        throw_error(errc::invalid_argument);
    auto d = std::make_shared<document>(data.size() + 1);
    cell_ = cell::of(t, d->copy(data));
    memory_ = std::move(d);
}

value::value(python::type t, const value* elements, std::size_t n)
{
    auto d = std::make_shared<document>(sizeof(body) + n * sizeof(detail::cell));
    keeper keep(*d);
    body* const b = d->make_body();
    b->items = d->make_cells(n);
    b->capacity = n;
    for (; b->size < n; ++b->size)
        b->items[b->size] = keep(elements[b->size]);
    b->depth = keep.depth();
    if (t == python::type::set || t == python::type::frozenset)
        make_unique(*b, 1);
    cell_ = cell::of(t, b);
    memory_ = std::move(d);
}

value::value(const dict& pairs)
{
    auto d = std::make_shared<document>(sizeof(body) + 2 * pairs.size() * sizeof(detail::cell));
    keeper keep(*d);
    body* const b = d->make_body();
    b->items = d->make_cells(2 * pairs.size());
    b->capacity = 2 * pairs.size();
    for (const auto& [k, v] : pairs) {
        b->items[b->size++] = keep(k);
        b->items[b->size++] = keep(v);
    }
    b->depth = keep.depth();
    make_unique(*b, 2);
    cell_ = cell::of(python::type::dict, b);
    memory_ = std::move(d);
}

value value::from_unsigned(std::uint64_t i)
{
    auto d = std::make_shared<document>();
    std::byte little_endian[sizeof i + 1] = {};
    for (std::size_t at = 0; at < sizeof i; ++at)
        little_endian[at] = static_cast<std::byte>(i >> (8 * at));
    const detail::cell c = detail::integer_cell(d->copy(byte_view(little_endian)));
    return {std::move(d), c};
}

value value::integer(std::string_view decimal)
{
    auto d = std::make_shared<document>();
    detail::cell c;
    if (!parse_integer(decimal, *d, c))
        throw usage_error(errc::invalid_argument, std::string("not an integer"));
    return {std::move(d), c};
}

value value::global(std::string_view module, std::string_view name)
{
    auto d = std::make_shared<document>();
    const detail::cell c = global_cell(*d, module, name);
    return {std::move(d), c};
}

namespace {

value make_object(std::string_view module, std::string_view name, const tuple& args, const value& state, call c)
{
    auto d = std::make_shared<document>();
    keeper keep(*d);
    cell parts[detail::object_parts] = {global_cell(*d, module, name), keep(value(args))};
    parts[detail::in_state] = keep(state);
    body* const b = d->make_body(parts);
    b->depth = keep.depth();
    b->call = c;
    return {std::move(d), cell::of(type::object, b)};
}

} // namespace

value value::object(std::string_view module, std::string_view name, const tuple& args)
{
    return make_object(module, name, args, {}, call::function);
}

value value::instance(std::string_view module, std::string_view name, const value& state)
{
    return make_object(module, name, {}, state, call::constructor);
}

void value::wrong(const char* wanted) const
{
    static constexpr const char* names[] = {"None", "bool",  "int",  "float", "str",       "bytes",  "bytearray",
                                            "list", "tuple", "dict", "set",   "frozenset", "global", "object"};
    throw frame_error(errc::invalid_value,
                      std::string("a Python ") + names[static_cast<std::size_t>(type())] + ", not " + wanted);
}

std::int64_t value::as_integer() const
{
    if ((type() == python::type::integer && !cell_.is_large()) || type() == python::type::boolean)
        return cell_.integer();
    wrong(cell_.is_large() ? "one of 64 bits" : "an int");
}

std::uint64_t value::as_unsigned() const
{
    if (!cell_.is_large()) {
        const std::int64_t i = as_integer();
        if (i < 0)
            wrong("one without a sign");
        return static_cast<std::uint64_t>(i);
    }
    const byte_view b = cell_.data();
    if (b.size() > sizeof(std::uint64_t) + 1 || b.back() != std::byte{})
        wrong("one of 64 bits");
    std::uint64_t n = 0;
    for (std::size_t i = b.size() - 1; i-- > 0;)
        n = n << 8 | std::to_integer<std::uint64_t>(b[i]);
    return n;
}

bool value::as_boolean() const
{
    if (type() != python::type::boolean)
        wrong("a bool");
    return cell_.integer() != 0;
}

std::string_view value::as_text() const
{
    if (type() != python::type::string)
        wrong("a str");
    return cell_.data().text();
}

byte_view value::as_data() const
{
    if (type() != python::type::bytes && type() != python::type::bytearray)
        wrong("bytes");
    return cell_.data();
}

std::size_t value::size() const
{
    switch (type()) {
    case python::type::string:
    case python::type::bytes:
    case python::type::bytearray: return cell_.data().size();
    case python::type::list:
    case python::type::tuple:
    case python::type::set:
    case python::type::frozenset: return cell_.contents()->size;
    case python::type::dict: return cell_.contents()->size / 2;
    default: wrong("a container");
    }
}

value value::operator[](std::size_t i) const
{
    switch (type()) {
    case python::type::list:
    case python::type::tuple:
    case python::type::set:
    case python::type::frozenset: break;
    default: wrong("a sequence");
    }
    if (i >= cell_.contents()->size)
        wrong("as long as that");
    return {memory_, cell_.contents()->items[i]};
}

std::pair<value, value> value::pair(std::size_t i) const
{
    if (type() != python::type::dict)
        wrong("a dict");
    if (i >= cell_.contents()->size / 2)
        wrong("as long as that");
    const detail::cell* const p = cell_.contents()->items + 2 * i;
    return {value(memory_, p[0]), value(memory_, p[1])};
}

std::optional<value> value::find(const value& key) const
{
    if (type() != python::type::dict)
        wrong("a dict");
    std::size_t budget = detail::max_steps;
    const auto all = cell_.contents()->all();
    const auto found = [&](std::size_t i) { return value(memory_, all[i + 1]); };
    // Searched from the end, since the last item counts. Items set in an object may repeat a key.
    for (std::size_t i = all.size(); i > 0; i -= 2)
        if (surely_equal(all[i - 2], key.cell_, budget))
            return found(i - 2);
    if (!key.cell_.has_body())
        return std::nullopt;
    // Objects that were made here, or received elsewhere, can only be compared by parts.
    std::optional<std::size_t> alike;
    for (std::size_t i = 0; i < all.size(); i += 2)
        if (equal(all[i], key.cell_, budget) && std::exchange(alike, i))
            wrong(("one with a single key that looks like " + key.repr(100)).c_str());
    return alike ? std::optional(found(*alike)) : std::nullopt;
}

value value::at(const value& key) const
{
    if (auto found = find(key))
        return *std::move(found);
    wrong(("one with the key " + key.repr(100)).c_str());
}

std::string_view value::module() const
{
    return part(python::type::global, detail::in_module).data().text();
}
std::string_view value::name() const
{
    return part(python::type::global, detail::in_name).data().text();
}

python::call value::call() const
{
    (void)part(python::type::object, detail::in_callable);
    return cell_.contents()->call;
}
value value::callable() const
{
    return {memory_, part(python::type::object, detail::in_callable)};
}
value value::args() const
{
    return {memory_, part(python::type::object, detail::in_args)};
}
value value::kwargs() const
{
    return {memory_, part(python::type::object, detail::in_kwargs)};
}
value value::state() const
{
    return {memory_, part(python::type::object, detail::in_state)};
}
value value::appended() const
{
    const detail::cell& c = part(python::type::object, detail::in_list);
    return c.has_body() ? value(memory_, c) : value(list());
}
value value::entries() const
{
    const detail::cell& c = part(python::type::object, detail::in_dict);
    return c.has_body() ? value(memory_, c) : value(dict());
}

const detail::cell& value::part(python::type t, std::size_t i) const
{
    if (type() != t)
        wrong(t == python::type::global ? "a global" : "an object");
    return cell_.contents()->items[i];
}

bool value::is(std::string_view module, std::string_view name) const
{
    if (type() != python::type::object)
        return false;
    const value f = callable();
    return f.type() == python::type::global && f.module() == module && f.name() == name;
}

} // namespace ferrule::python
