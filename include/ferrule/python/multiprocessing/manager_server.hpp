// C++ objects for Python programs, which use them as if they were Python's.
#pragma once

#include <ferrule/python/convert.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/listener.hpp>

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace ferrule::python {

namespace detail {

/// What a function takes.
template <class>
struct signature;
template <class R, class C, class... A>
struct signature<R (C::*)(A...)> {
    using arguments = std::tuple<std::remove_cvref_t<A>...>;
};
template <class R, class C, class... A>
struct signature<R (C::*)(A...) const> : signature<R (C::*)(A...)> {};
template <class R, class C, class... A>
struct signature<R (C::*)(A...) noexcept> : signature<R (C::*)(A...)> {};
template <class R, class C, class... A>
struct signature<R (C::*)(A...) const noexcept> : signature<R (C::*)(A...)> {};

template <class First, class... Rest>
std::tuple<Rest...> without_first(std::tuple<First, Rest...>);

template <class F>
struct method_arguments { // of what is called with the object first
    using type = decltype(without_first(std::declval<typename signature<decltype(&F::operator())>::arguments>()));
};
template <class F>
    requires std::is_member_function_pointer_v<F>
struct method_arguments<F> {
    using type = typename signature<F>::arguments;
};

/// The arguments of a call as C++ values. Throws `exception` (TypeError), as Python does, if they are others.
template <class Arguments>
Arguments arguments_from(const value& args, const value& kwargs)
{
    constexpr std::size_t n = std::tuple_size_v<Arguments>;
    if (args.size() != n || kwargs.size() != 0)
        throw exception("TypeError",
                        {"takes " + std::to_string(n) + " positional arguments, " + std::to_string(args.size()) +
                         " and " + std::to_string(kwargs.size()) + " by name were given"});
    try {
        return [&]<std::size_t... I>(std::index_sequence<I...>) {
            return Arguments{python::to<std::tuple_element_t<I, Arguments>>(args[I])...};
        }(std::make_index_sequence<n>());
    } catch (const frame_error& e) {
        throw exception("TypeError", {e.what()});
    }
}

/// A type whose objects a manager makes and calls.
struct served_type {
    using call = std::function<value(void* object, const value& args, const value& kwargs)>;

    std::function<std::shared_ptr<void>(const value& args, const value& kwargs)> make;
    std::map<std::string, call, std::less<>> methods;
};

} // namespace detail

/// Names the methods of a type that `manager_server` serves.
template <class T>
class served {
public:
    explicit served(detail::served_type& t) noexcept : type_(&t) {}

    /// A member function, or something that is called with the object first: its other arguments, and what it returns, are
    /// converted by `python::to` and `python::from`. Or what is called with the object, a tuple and a dict. What it throws is
    /// raised there: `python::exception` as it is, anything else as RuntimeError. Several threads may call it at once if
    /// several serve.
    template <class F>
    served& method(std::string name, F f)
    {
        type_->methods[std::move(name)] = [f = std::move(f)](void* object, const value& args,
                                                             const value& kwargs) -> value {
            T& self = *static_cast<T*>(object);
            if constexpr (std::invocable<const F&, T&, const value&, const value&>)
                return std::invoke(f, self, args, kwargs);
            else {
                auto converted = detail::arguments_from<typename detail::method_arguments<F>::type>(args, kwargs);
                const auto call = [&](auto&... a) -> decltype(auto) { return std::invoke(f, self, std::move(a)...); };
                if constexpr (std::is_void_v<decltype(std::apply(call, converted))>) {
                    std::apply(call, converted);
                    return {};
                } else
                    return python::from(std::apply(call, converted));
            }
        };
        return *this;
    }

private:
    detail::served_type* type_;
};

/// Serves C++ objects to Python programs, which use an ordinary `multiprocessing.managers.BaseManager` and its proxies, and to
/// `manager`.
///
///     python::manager_server server(address::unix_path("/run/engine"), python::listener_options().authkey(key));
///     server.add<engine, std::string>("Engine").method("run", &engine::run);
///     server.serve();
///
///     class Engines(BaseManager): pass            # Python
///     Engines.register("Engine")
///     m = Engines("/run/engine", authkey=key)
///     m.connect()
///     print(m.Engine("diesel").run(5))
///
/// Source: Lib/multiprocessing/managers.py.
class FERRULE_MULTIPROCESSING_EXPORT manager_server {
public:
    /// Listens from now on. Throws as `listener` does. `f`: which names may be in results and exceptions.
    explicit manager_server(const ferrule::address& at, const listener_options& o = {}, const multiprocessing& f = {});
    /// At an address of its own; see `listener`.
    explicit manager_server(const listener_options& o = {}, const multiprocessing& f = {});
    ~manager_server();

    [[nodiscard]] const ferrule::address& address() const noexcept;

    /// Lets clients make objects of this type, by its constructor with these arguments. Before `serve`.
    template <class T, class... Arguments>
    served<T> add(std::string name)
    {
        return add<T>(std::move(name), [](const value& args, const value& kwargs) {
            return std::apply([](auto&... a) { return std::make_shared<T>(std::move(a)...); },
                              as_lvalue(detail::arguments_from<std::tuple<Arguments...>>(args, kwargs)));
        });
    }
    /// The same, made by `make(args, kwargs)`, which returns a `std::shared_ptr<T>`: also one that others have.
    template <class T, class Make>
        requires std::invocable<Make, const value&, const value&>
    served<T> add(std::string name, Make make)
    {
        detail::served_type& t = type(std::move(name));
        t.make = std::move(make);
        return served<T>(t);
    }

    /// Blocks while it answers, until a client asks it to shut down, `stop` is called, or the limit is over. Calls run in this
    /// thread; several threads may serve at once, so that calls that take long do not hold up others.
    void serve(const until& limit = {});
    /// Ends `serve`, now or when it is called.
    void stop() noexcept;
    /// Objects that clients have not released yet.
    [[nodiscard]] std::size_t size() const;

private:
    class state;

    template <class Tuple>
    static Tuple& as_lvalue(Tuple&& t) noexcept
    {
        return t; // lives to the end of the call that it is an argument of
    }
    detail::served_type& type(std::string name);

    std::unique_ptr<state> state_;
};

} // namespace ferrule::python
