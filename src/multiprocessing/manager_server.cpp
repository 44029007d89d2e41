#include <ferrule/python/multiprocessing/manager_server.hpp>

#include "platform/on_stop.hpp"

#include <ferrule/asio.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <mutex>
#include <optional>

namespace ferrule::python {
namespace {

namespace asio = boost::asio;

using connection = message_duplex<multiprocessing>;

value answer(std::string_view kind, const value& what)
{
    return {kind, what};
}

value traceback(const std::string& what)
{
    return answer("#TRACEBACK", what);
}

struct request {
    value ident;
    std::string name;
    value args;
    value kwargs;
};

std::optional<request> parse(const value& v)
{
    if (v.type() != type::tuple || v.size() != 4 || v[1].type() != type::string || v[2].type() != type::tuple ||
        v[3].type() != type::dict)
        return std::nullopt;
    return request{v[0], v[1].as<std::string>(), v[2], v[3]};
}

value names_of(const detail::served_type& t)
{
    tuple names;
    for (const auto& [name, call] : t.methods)
        names.push_back(name);
    return names;
}

} // namespace

class manager_server::state {
public:
    explicit state(listener<multiprocessing> l) : listener_(std::move(l))
    {
        co_spawn(context_, accept_all(), asio::detached);
    }

    struct object {
        std::shared_ptr<void> self;
        const detail::served_type* type;
        std::size_t references;
    };

    asio::awaitable<void> accept_all()
    {
        for (;;) {
            error_code ec;
            try {
                connection c = co_await listener_.async_accept();
                co_spawn(context_, converse(std::move(c)), asio::detached);
            } catch (...) {
                ec = ferrule::detail::thrown_code();
            }
            if (!ec)
                continue;
            // Memory or descriptors are exhausted. Other connections may release some.
            pause_.expires_after(std::chrono::milliseconds(100));
            co_await pause_.async_wait(asio::use_awaitable);
        }
    }

    // If the peer closes the connection, this ends with an exception, which is ignored.
    asio::awaitable<void> converse(connection c)
    {
        std::optional<request> r = parse(co_await c.async_recv());
        if (r && r->name == "accept_connection") {
            value reply = answer("#RETURN", nullptr);
            co_await c.async_send(reply);
            for (;;) {
                r = parse(co_await c.async_recv());
                reply = r ? call(*r) : traceback("ValueError: not a request");
                co_await send(c, reply);
            }
        }
        const value reply = r ? control(*r) : traceback("ValueError: not a request");
        co_await send(c, reply);
        if (r && r->name == "shutdown")
            context_.stop();
    }

    static asio::awaitable<void> send(connection& c, value reply)
    {
        error_code ec;
        try {
            co_await c.async_send(reply);
        } catch (const usage_error& e) {
            ec = e.code();
        }
        if (ec) { // a name that is not allowed, or too deep nesting
            reply = answer("#UNSERIALIZABLE", reply.repr(1000));
            co_await c.async_send(reply);
        }
    }

    /// The answer that reports the result or exception of `f`, a function of ours or of the user.
    template <class F>
    static value outcome(F f)
    {
        try {
            return answer("#RETURN", f());
        } catch (const exception& e) {
            return answer("#ERROR", e.instance());
        } catch (const std::exception& e) {
            return answer("#ERROR", exception("RuntimeError", {e.what()}).instance());
        } catch (...) {
            return answer("#ERROR", exception("RuntimeError", {"unknown C++ exception"}).instance());
        }
    }

    value call(const request& r)
    {
        std::shared_ptr<void> self;
        const detail::served_type::call* method = nullptr;
        {
            const std::lock_guard guard(mutex_);
            const auto found =
                r.ident.type() == type::string ? objects_.find(r.ident.as<std::string_view>()) : objects_.end();
            if (found == objects_.end())
                return traceback("KeyError: no object " + r.ident.repr(100));
            self = found->second.self;
            const auto& methods = found->second.type->methods;
            const auto m = methods.find(r.name);
            if (m != methods.end())
                method = &m->second; // types do not change while they are served
        }
        if (method != nullptr)
            return outcome([&] { return (*method)(self.get(), r.args, r.kwargs); });
        if (r.name == "__str__" || r.name == "__repr__")
            return answer("#RETURN", "<C++ object " + r.ident.as<std::string>() + ">");
        return traceback("AttributeError: method " + r.name + " is not in the object's methods");
    }

    value control(const request& r)
    {
        if (r.name == "create")
            return create(r);
        const std::lock_guard guard(mutex_);
        if (r.name == "dummy" || r.name == "shutdown")
            return answer("#RETURN", nullptr);
        if (r.name == "number_of_objects")
            return answer("#RETURN", objects_.size());
        if (r.name == "debug_info") {
            std::string all;
            for (const auto& [ident, o] : objects_)
                all += "  " + ident + ": refcount=" + std::to_string(o.references) + "\n";
            return answer("#RETURN", all);
        }
        if (r.name != "incref" && r.name != "decref" && r.name != "get_methods")
            return traceback("AttributeError: no function " + r.name);
        const auto found = objects_.find(ident_in(r));
        if (found == objects_.end())
            return traceback("KeyError: no object " + r.args.repr(100));
        if (r.name == "get_methods")
            return answer("#RETURN", names_of(*found->second.type));
        if (r.name == "incref")
            ++found->second.references;
        else if (--found->second.references == 0)
            objects_.erase(found);
        return answer("#RETURN", nullptr);
    }

    /// The identifier in the only argument, which is an identifier or a token. Empty if there is none.
    static std::string ident_in(const request& r)
    {
        value v = r.args.size() == 1 ? r.args[0] : value();
        if (v.type() == type::object && v.state().type() == type::tuple && v.state().size() == 3)
            v = v.state()[2];
        return v.type() == type::string ? v.as<std::string>() : std::string();
    }

    value create(const request& r)
    {
        const auto t = r.args.size() != 0 && r.args[0].type() == type::string
                           ? types_.find(r.args[0].as<std::string_view>())
                           : types_.end();
        if (t == types_.end())
            return traceback("KeyError: no such type");
        tuple args;
        for (std::size_t i = 1; i < r.args.size(); ++i)
            args.push_back(r.args[i]);
        std::shared_ptr<void> self;
        const value made = outcome([&] {
            self = t->second.make(args, r.kwargs);
            return value();
        });
        if (!self) // Python reports a failed creation as a traceback
            return made[0] == value("#ERROR") ? traceback(exception(made[1]).what()) : traceback("None was made");
        const std::lock_guard guard(mutex_);
        const std::string ident = std::to_string(++last_ident_);
        objects_.emplace(ident, object{std::move(self), &t->second, 1});
        return answer("#RETURN", {ident, names_of(t->second)});
    }

    asio::io_context context_;
    asio::steady_timer pause_{context_}; // creates what the context needs to wait, or throws
    listener<multiprocessing> listener_;
    std::map<std::string, detail::served_type, std::less<>> types_;
    mutable std::mutex mutex_;
    std::map<std::string, object, std::less<>> objects_;
    std::uint64_t last_ident_ = 0;
};

manager_server::manager_server(const ferrule::address& at, const listener_options& o, const multiprocessing& f)
    : state_(std::make_unique<state>(listener<multiprocessing>(at, o, f)))
{
}

manager_server::manager_server(const listener_options& o, const multiprocessing& f)
    : state_(std::make_unique<state>(listener<multiprocessing>(o, f)))
{
}

manager_server::~manager_server() = default;

const ferrule::address& manager_server::address() const noexcept
{
    return state_->listener_.address();
}

detail::served_type& manager_server::type(std::string name)
{
    return state_->types_[std::move(name)];
}

void manager_server::serve(const until& timeout)
{
    const auto stops = [this] { stop(); };
    const os::on_stop<decltype(stops)> on_stop(timeout.stop(), stops);
    if (timeout.deadline().is_never())
        state_->context_.run();
    else
        state_->context_.run_until(timeout.deadline().at());
}

void manager_server::stop() noexcept
{
    state_->context_.stop();
}

std::size_t manager_server::size() const
{
    const std::lock_guard guard(state_->mutex_);
    return state_->objects_.size();
}

} // namespace ferrule::python
