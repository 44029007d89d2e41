#include <ferrule/python/classes.hpp>

namespace ferrule::python {

void detail::mismatch(const value& v, std::string_view wanted)
{
    throw frame_error(errc::invalid_value, (v.repr(60) + " is not ").append(wanted));
}

value detail::fields_of(const value& v)
{
    if (v.type() == type::dict)
        return v;
    if (v.type() != type::object)
        mismatch(v, "a dict or an object with attributes");
    const value state = v.state();
    switch (state.type()) {
    case type::dict:
    case type::list: return state;
    case type::none:
        if (v.args().size() != 0)
            return v.args();
        return v.kwargs().is_none() ? value(dict()) : v.kwargs();
    case type::tuple: break;
    default: mismatch(v, "an object with attributes");
    }
    // Objects with slots: the attributes that are none, and those that are.
    dict both;
    for (std::size_t i = 0; i < state.size(); ++i) {
        const value part = state[i];
        if (state.size() != 2 || (part.type() != type::dict && !part.is_none()))
            return state; // whatever its class has made of itself
        for (std::size_t k = 0; part.type() == type::dict && k < part.size(); ++k)
            both.push_back(part.pair(k));
    }
    return both;
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
