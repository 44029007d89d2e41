#include <ferrule/python/multiprocessing/manager.hpp>

#include <ferrule/python/multiprocessing/address.hpp>

#include <utility>

namespace ferrule::python {
namespace {

using connection = message_duplex<multiprocessing>;

connection open(const detail::manager_address& m, const until& timeout)
{
    return connect(m.at, m.options, timeout, m.framing);
}

/// Sends one request on a connection of its own, and returns the result.
value control(const detail::manager_address& m, std::string_view function, const tuple& args, const dict& kwargs,
              const until& timeout)
{
    connection c = open(m, timeout);
    c.send(detail::request_of({}, function, args, kwargs), timeout);
    return detail::result_of(c.recv(timeout));
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
        return what[1];                                    // the token; its methods can be requested
    if (kind == "#TRACEBACK" || kind == "#UNSERIALIZABLE") // reported as Python's own clients do
        throw exception(value::object("multiprocessing.managers", "RemoteError", {what}));
    detail::mismatch(reply, "a manager's answer");
}

remote::remote(std::shared_ptr<const detail::manager_address> m, std::string type, std::string ident,
               std::vector<std::string> methods, const until& timeout)
    : manager_(std::move(m)),
      session_(std::make_shared<detail::manager_session>(open(*manager_, timeout), manager_->framing)),
      type_(std::move(type)),
      ident_(std::move(ident)),
      methods_(std::move(methods))
{
    session_->requests.send(detail::request_of({}, "accept_connection", {"ferrule"}, {}), timeout);
    (void)detail::result_of(session_->requests.recv(timeout));
}

value remote::call(std::string_view method, const tuple& args, const dict& kwargs, const until& timeout)
{
    detail::manager_session& s = *session_;
    if (const error_code ec = s.turn.acquire(timeout))
        throw_error(ec);
    detail::manager_turn turn(s);
    try {
        s.requests.send(detail::request_of(ident_, method, args, kwargs), timeout);
    } catch (const error& e) {
        turn.not_sent(e);
        throw;
    }
    turn.sent();
    for (;;) {
        bytes answer;
        try {
            answer = s.answers.recv(timeout);
        } catch (const error& e) {
            turn.not_received(e.code());
            throw;
        }
        if (turn.is_answered())
            return detail::result_of(s.framing.load(std::move(answer)));
    }
}

void remote::release(const until& timeout)
{
    (void)control(*manager_, "decref", {ident_}, {}, timeout);
}

value remote::token() const
{
    return detail::token_of(type_, manager_->at, ident_);
}

manager::manager(const address& at, const connect_options& o, const multiprocessing& f, const until& timeout)
    : address_(std::make_shared<const detail::manager_address>(detail::manager_address{at, o, f}))
{
    (void)control(*address_, "dummy", {}, {}, timeout);
}

remote manager::create(std::string_view type, const tuple& args, const dict& kwargs, const until& timeout) const
{
    tuple all{value(type)};
    all.insert(all.end(), args.begin(), args.end());
    const value made = control(*address_, "create", all, kwargs, timeout); // (ident, names)
    if (made.type() != python::type::tuple || made.size() != 2)
        detail::mismatch(made, "a new object");
    return {address_, std::string(type), made[0].as<std::string>(), python::to<std::vector<std::string>>(made[1]),
            timeout};
}

remote manager::take(const value& token, const until& timeout) const
{
    const value state = token.type() == type::object ? token.state() : value();
    if (!token.is("multiprocessing.managers", "Token") || state.type() != type::tuple || state.size() != 3)
        detail::mismatch(token, "a token");
    return {address_, state[0].as<std::string>(), state[2].as<std::string>(),
            python::to<std::vector<std::string>>(control(*address_, "get_methods", {token}, {}, timeout)), timeout};
}

std::size_t manager::size(const until& timeout) const
{
    return control(*address_, "number_of_objects", {}, {}, timeout).as<std::size_t>();
}

void manager::shutdown(const until& timeout) const
{
    (void)control(*address_, "shutdown", {}, {}, timeout);
}

} // namespace ferrule::python
