// C++ objects that Python programs use like Python objects.
#pragma once

#include <ferrule/python/convert.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

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

/// The parameter types of a function, without references and const.
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
struct method_arguments { // for a callable whose first parameter is the object
    using type = decltype(without_first(std::declval<typename signature<decltype(&F::operator())>::arguments>()));
};
template <class F>
    requires std::is_member_function_pointer_v<F>
struct method_arguments<F> {
    using type = typename signature<F>::arguments;
};

/// Converts the arguments of a call to C++ values. Throws `exception` (TypeError), as Python does, if they do not fit.
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

/// A type whose objects a manager creates and calls.
struct served_type {
    using call = std::function<value(void* object, const value& args, const value& kwargs)>;

    std::function<std::shared_ptr<void>(const value& args, const value& kwargs)> make;
    std::map<std::string, call, std::less<>> methods;
};

} // namespace detail

/// Adds methods to a type that `manager_server` serves.
template <class T>
class served {
public:
    explicit served(detail::served_type& t) noexcept : type_(&t) {}

    /// Adds a method. `f` is a member function, or a callable whose first parameter is the object. Its other arguments
    /// and its result are converted by `python::to` and `python::from`. Alternatively `f` takes the object, a tuple and
    /// a dict. A `python::exception` is raised in Python as it is, any other exception as RuntimeError.
    /// Thread safety: several threads may call `f` at the same time if several threads serve.
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

/// Serves C++ objects to Python programs and to `manager`. The Python programs use an ordinary
/// `multiprocessing.managers.BaseManager` and its proxies.
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
    /// Starts to listen. Throws as `listener` does. `f` tells which names results and exceptions may contain.
    explicit manager_server(const ferrule::address& at, const listener_options& o = {}, const multiprocessing& f = {});
    /// Listens at a new address, as the default constructor of `listener` does.
    explicit manager_server(const listener_options& o = {}, const multiprocessing& f = {});
    ~manager_server();

    [[nodiscard]] const ferrule::address& address() const noexcept;

    /// Lets clients create objects of type `T` by its constructor with these arguments. Call it before `serve`.
    template <class T, class... Arguments>
    served<T> add(std::string name)
    {
        return add<T>(std::move(name), [](const value& args, const value& kwargs) {
            return std::apply([](auto&... a) { return std::make_shared<T>(std::move(a)...); },
                              as_lvalue(detail::arguments_from<std::tuple<Arguments...>>(args, kwargs)));
        });
    }
    /// Registers a factory, `make(args, kwargs)`. It returns a `std::shared_ptr<T>`, which may be a shared object.
    template <class T, class Make>
        requires std::invocable<Make, const value&, const value&>
    served<T> add(std::string name, Make make)
    {
        detail::served_type& t = type(std::move(name));
        t.make = std::move(make);
        return served<T>(t);
    }

    /// Answers clients until a client asks for a shutdown, `stop` is called, or `timeout` has passed. Blocks, and runs
    /// the calls on this thread. Several threads may serve at the same time, so that long calls do not delay others.
    void serve(const until& timeout = {});
    /// Ends `serve`, now or when it is next called.
    void stop() noexcept;
    /// The number of objects that clients have not released.
    [[nodiscard]] std::size_t size() const;

private:
    class state;

    template <class Tuple>
    static Tuple& as_lvalue(Tuple&& t) noexcept
    {
        return t; // lives to the end of the call that takes it as an argument
    }
    detail::served_type& type(std::string name);

    std::unique_ptr<state> state_;
};

} // namespace ferrule::python
