#include "src/testing/calls.hpp"

#include <boost/asio/co_spawn.hpp>

#include <optional>
#include <type_traits>

namespace ferrule::testing::kit {

template <class T>
void note_exception(outcome<T>& o, std::exception_ptr e)
{
    try {
        std::rethrow_exception(e);
    } catch (const ferrule::error& x) {
        o.error = x.code();
        o.transferred = x.transferred();
        if constexpr (std::is_constructible_v<T, bytes>)
            o.value = bytes(x.data());
        else
            o.value = x.transferred();
    } catch (const boost::system::system_error& x) { // Asio's own, for a coroutine cancelled before it began
        o.error = x.code();
    }
}

template <class T>
void run(asio::io_context& context, asio::awaitable<T> a, outcome<T>& o)
{
    asio::co_spawn(context, std::move(a), [&](std::exception_ptr e, T v) {
        if (e)
            note_exception(o, e);
        else
            o.value = std::move(v);
    });
    context.run();
}

template void note_exception(outcome<bytes>&, std::exception_ptr);
template void note_exception(outcome<std::size_t>&, std::exception_ptr);
template void note_exception(outcome<std::optional<bytes>>&, std::exception_ptr);
template void run(asio::io_context&, asio::awaitable<bytes>, outcome<bytes>&);
template void run(asio::io_context&, asio::awaitable<std::size_t>, outcome<std::size_t>&);

} // namespace ferrule::testing::kit
