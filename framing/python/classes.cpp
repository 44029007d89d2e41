#include <ferrule/python/classes.hpp>

#include "framing/python/document.hpp"

namespace ferrule::python {

void detail::mismatch(const value& v, std::string_view wanted)
{
    throw frame_error(errc::invalid_value, (v.repr(60) + " is not ").append(wanted));
}

namespace {

/// Merges dicts of attributes. The last one counts where names are equal.
class collector {
public:
    void add(const value& d)
    {
        if (d.type() != type::dict || d.size() == 0)
            return;
        if (is_empty()) {
            only_ = d;
            return;
        }
        take(only_);
        only_ = value();
        take(d);
    }
    [[nodiscard]] bool is_empty() const { return only_.is_none() && pairs_.empty(); }
    [[nodiscard]] value result() const { return only_.is_none() ? value(pairs_) : only_; }

private:
    void take(const value& d)
    {
        for (std::size_t i = 0; d.type() == type::dict && i < d.size(); ++i)
            if (d.pair(i).first.type() == type::string) // as all names are
                pairs_.push_back(d.pair(i));
    }

    value only_; // usually the only dict, so nothing is copied
    dict pairs_;
};

bool is_dict_or_none(const value& v)
{
    return v.type() == type::dict || v.is_none();
}

/// Whether `v` is an instance of dict or of its subclasses in the standard library.
bool is_mapping(const value& v)
{
    return v.entries().size() != 0 || v.is("collections", "OrderedDict") || v.is("collections", "defaultdict") ||
           v.is("collections", "Counter") || v.is("builtins", "dict");
}

/// Whether `v` is the call that `object.__reduce__` of protocols 0 and 1 makes: the class, a base and that base's
/// value.
bool is_of_base(const value& v)
{
    return v.is("copyreg", "_reconstructor") && v.args().size() == 3;
}

/// The items that a mapping has as arguments: a `Counter`, and mappings in protocols 0 and 1.
value items_in_arguments(const value& v)
{
    const value args = v.args();
    if (is_of_base(v) && args[2].type() == type::dict)
        return args[2];
    if ((v.is("collections", "Counter") || v.is("builtins", "dict")) && args.size() == 1 &&
        args[0].type() == type::dict)
        return args[0];
    return {};
}

/// Adds a state that is a dict: attributes, or, in a pydantic model, several dicts of attributes by kind.
void add_state(collector& named, const value& state)
{
    const auto inner = state.find("__dict__");
    if (!inner || !is_dict_or_none(*inner))
        return named.add(state);
    named.add(*inner);
    for (const char* more : {"__pydantic_extra__", "__pydantic_private__", "__private_attribute_values__"})
        if (const auto part = state.find(more))
            named.add(*part);
}

} // namespace

detail::attributes detail::attributes_of(const value& v)
{
    attributes a;
    if (v.type() == type::dict) {
        a.named = v;
        a.is_all = true;
        return a;
    }
    if (v.type() != type::object)
        mismatch(v, "a dict or an object with attributes");
    if (v.cell().contents()->items[in_calls].has_body()) // changed by functions of its class
        mismatch(v, "an object with attributes");
    collector named;
    named.add(v.kwargs());
    const value state = v.state();
    switch (state.type()) {
    case type::none: break;
    case type::dict: add_state(named, state); break;
    case type::object: add_state(named, items_of(state)); break; // such as a dict whose attributes are its items
    case type::list: a.in_order = state; break;
    case type::tuple:
        // For objects with slots: attributes outside slots, then those in slots. Otherwise a state that the class
        // defines.
        if (state.size() == 2 && is_dict_or_none(state[0]) && is_dict_or_none(state[1])) {
            named.add(state[0]);
            named.add(state[1]);
        } else
            a.in_order = state;
        break;
    default: mismatch(v, "an object with attributes");
    }
    if (const value items = items_in_arguments(v); is_mapping(v) || !items.is_none()) {
        named.add(items);
        named.add(v.entries());
        a.is_all = true;
    } else if (a.in_order.is_none() && is_of_base(v)) {
        if (v.args()[2].type() == type::tuple)
            a.in_order = v.args()[2];
    } else if (a.in_order.is_none() && v.args().size() != 0 && (named.is_empty() || v.call() == call::constructor))
        a.in_order = v.args(); // arguments of a function whose result then gets attributes can mean anything
    a.named = named.result();
    return a;
}

value detail::items_of(const value& v)
{
    if (v.type() == type::dict)
        return v;
    if (v.type() != type::object)
        mismatch(v, "a dict");
    const value items = items_in_arguments(v);
    if (!is_mapping(v) && items.is_none())
        mismatch(v, "a dict");
    return items.is_none() ? v.entries() : items;
}

void detail::merged(const value& v)
{
    throw frame_error(errc::invalid_value, v.repr(60) + " has different keys that are the same in C++");
}

bool detail::is_instance(const value& v, std::string_view module, std::string_view name)
{
    return v.is(module, name) || (module == "__main__" && v.is("__mp_main__", name)) ||
           (module == "__mp_main__" && v.is("__main__", name));
}

std::string_view detail::member_name(const value& v, std::string_view module, std::string_view name)
{
    if (v.type() == type::global && v.module() == module && v.name().starts_with(name) &&
        v.name().substr(name.size()).starts_with('.'))
        return v.name().substr(name.size() + 1);
    if (!v.is("builtins", "getattr") || v.args().size() != 2 || v.args()[1].type() != type::string)
        return {};
    const value owner = v.args()[0];
    if (owner.type() != type::global || owner.module() != module || owner.name() != name)
        return {};
    return v.args()[1].as<std::string_view>();
}

value converter<enum_member>::from(const enum_member& m)
{
    return m.name.empty() ? value::object(m.module, m.type, {m.value}) : value::global(m.module, m.type + "." + m.name);
}

enum_member converter<enum_member>::to(const value& v)
{
    const bool is_attribute = v.is("builtins", "getattr") && v.args().size() == 2;
    if (const value owner = is_attribute ? v.args()[0] : value(); owner.type() == type::global)
        return {std::string(owner.module()), std::string(owner.name()), v.args()[1].as<std::string>(), {}};
    if (v.type() != type::object || v.callable().type() != type::global || v.args().size() != 1)
        detail::mismatch(v, "a member of an enumeration");
    return {std::string(v.callable().module()), std::string(v.callable().name()), {}, v.args()[0]};
}

} // namespace ferrule::python
