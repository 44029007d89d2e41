#include <ferrule/python/manager.hpp>

#include <utility>

namespace ferrule::python {
namespace {

using connection = message_duplex<multiprocessing>;

connection open(const detail::manager_address& m, const until& limit)
{
    return connect(m.at, m.options, limit, m.framing);
}

/// One request that has a connection of its own.
value control(const detail::manager_address& m, std::string_view function, const tuple& args, const dict& kwargs,
              const until& limit)
{
    connection c = open(m, limit);
    c.send(detail::request_of({}, function, args, kwargs), limit);
    return detail::result_of(c.recv(limit));
}

} // namespace

value detail::token_of(std::string_view type, const address& at, std::string_view ident)
{
    return value::instance("multiprocessing.managers", "Token", {type, from_address(at), ident});
}

value detail::request_of(const value& ident, std::string_view method, const tuple& args, const dict& kwargs)
{
    return {ident, method, args, kwargs};
}

value detail::result_of(const value& reply)
{
    if (reply.type() != type::tuple || reply.size() != 2 || reply[0].type() != type::string)
        detail::mismatch(reply, "a manager's answer");
    const auto kind = reply[0].as<std::string_view>();
    const value what = reply[1];
    if (kind == "#RETURN")
        return what;
    if (kind == "#ERROR")
        throw exception(what);
    if (kind == "#PROXY" && what.type() == type::tuple && what.size() == 2)
        return what[1];                                    // the token; which methods it has can be asked for
    if (kind == "#TRACEBACK" || kind == "#UNSERIALIZABLE") // as Python's own clients report it
        throw exception(value::object("multiprocessing.managers", "RemoteError", {what}));
    detail::mismatch(reply, "a manager's answer");
}

remote::remote(std::shared_ptr<const detail::manager_address> m, std::string type, std::string ident,
               std::vector<std::string> methods, const until& limit)
    : manager_(std::move(m)),
      session_(std::make_shared<detail::manager_session>(open(*manager_, limit), manager_->framing)),
      type_(std::move(type)),
      ident_(std::move(ident)),
      methods_(std::move(methods))
{
    session_->requests.send(detail::request_of({}, "accept_connection", {"ferrule"}, {}), limit);
    (void)detail::result_of(session_->requests.recv(limit));
}

value remote::call(std::string_view method, const tuple& args, const dict& kwargs, const until& limit)
{
    detail::manager_session& s = *session_;
    if (const error_code ec = s.turn.acquire(limit))
        throw_error(ec);
    detail::manager_turn turn(s);
    try {
        s.requests.send(detail::request_of(ident_, method, args, kwargs), limit);
    } catch (const error& e) {
        turn.not_sent(e);
        throw;
    }
    turn.sent();
    for (;;) {
        bytes answer;
        try {
            answer = s.answers.recv(limit);
        } catch (const error& e) {
            turn.not_received(e.code());
            throw;
        }
        if (turn.is_answered())
            return detail::result_of(s.framing.load(std::move(answer)));
    }
}

void remote::release(const until& limit)
{
    (void)control(*manager_, "decref", {ident_}, {}, limit);
}

value remote::token() const
{
    return detail::token_of(type_, manager_->at, ident_);
}

manager::manager(const address& at, const connect_options& o, const multiprocessing& f, const until& limit)
    : address_(std::make_shared<const detail::manager_address>(detail::manager_address{at, o, f}))
{
    (void)control(*address_, "dummy", {}, {}, limit);
}

remote manager::create(std::string_view type, const tuple& args, const dict& kwargs, const until& limit) const
{
    tuple all{value(type)};
    all.insert(all.end(), args.begin(), args.end());
    const value made = control(*address_, "create", all, kwargs, limit); // (ident, names)
    if (made.type() != python::type::tuple || made.size() != 2)
        detail::mismatch(made, "a new object");
    return {address_, std::string(type), made[0].as<std::string>(), python::to<std::vector<std::string>>(made[1]),
            limit};
}

remote manager::take(const value& token, const until& limit) const
{
    const value state = token.type() == type::object ? token.state() : value();
    if (!token.is("multiprocessing.managers", "Token") || state.type() != type::tuple || state.size() != 3)
        detail::mismatch(token, "a token");
    return {address_, state[0].as<std::string>(), state[2].as<std::string>(),
            python::to<std::vector<std::string>>(control(*address_, "get_methods", {token}, {}, limit)), limit};
}

std::size_t manager::size(const until& limit) const
{
    return control(*address_, "number_of_objects", {}, {}, limit).as<std::size_t>();
}

void manager::shutdown(const until& limit) const
{
    (void)control(*address_, "shutdown", {}, {}, limit);
}

} // namespace ferrule::python
