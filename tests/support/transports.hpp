// Connected pairs of every kind, and the ways to call an endpoint.
#pragma once

#include "support/memory_pair.hpp"

#include <ferrule/asio.hpp>
#include <ferrule/platform/pair.hpp>

#include <boost/asio.hpp>

#include <string>
#include <utility>
#include <vector>

namespace ferrule::test {

namespace asio = boost::asio;

/// Two ends of one kind of connection; what `sender` sends, `receiver` receives. All but the pipe go both ways.
class connection {
public:
    connection(descriptor s, descriptor r) : sender(std::move(s)), receiver(std::move(r)) {}
    descriptor sender;
    descriptor receiver;
};

enum class transport : unsigned char { memory, pipe, socketpair, tcp };
inline constexpr transport all_transports[] = {transport::memory, transport::pipe, transport::socketpair,
                                               transport::tcp};
inline constexpr transport two_way_transports[] = {transport::memory, transport::socketpair, transport::tcp};

inline const char* name(transport t)
{
    static constexpr const char* names[] = {"memory", "pipe", "socketpair", "tcp"};
    return names[static_cast<std::size_t>(t)];
}

inline connection connect(transport t)
{
    const auto swapped = [](std::pair<descriptor, descriptor> p) {
        return connection(std::move(p.second), std::move(p.first));
    };
    switch (t) {
    case transport::memory: return swapped(memory_pair());
    case transport::pipe: return swapped(pipe_descriptors());
    case transport::socketpair: return swapped(socketpair_descriptors());
    case transport::tcp: break;
    }
    asio::io_context context;
    asio::ip::tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
    asio::ip::tcp::socket client(context);
    client.connect(acceptor.local_endpoint());
    client.set_option(asio::ip::tcp::no_delay(true));
    asio::ip::tcp::socket server = acceptor.accept();
    return {adopt(client.release()), adopt(server.release())};
}

/// How an operation is called.
enum class style : unsigned char { blocking, awaitable, callback };
inline constexpr style all_styles[] = {style::blocking, style::awaitable, style::callback};

inline const char* name(style s)
{
    static constexpr const char* names[] = {"blocking", "awaitable", "callback"};
    return names[static_cast<std::size_t>(s)];
}

/// What a call came to.
template <class T>
class outcome {
public:
    error_code error{};
    T value{};                   // what a callback is given also on error
    std::size_t transferred = 0; // from exceptions
};

template <class T>
void note_exception(outcome<T>& o, std::exception_ptr e)
{
    try {
        std::rethrow_exception(e);
    } catch (const ferrule::error& x) {
        o.error = x.code();
        o.transferred = x.transferred();
        if constexpr (std::is_same_v<T, bytes>)
            o.value = bytes(x.data());
        else
            o.value = x.transferred();
    }
}

/// Calls `blocking()`, or `async(token…)` on a context that this thread runs, and returns what it came to. A callback is
/// cancelled through `slot`.
template <class T, class Blocking, class Async>
outcome<T> call(style s, Blocking blocking, Async async, asio::cancellation_slot slot = {})
{
    outcome<T> o;
    asio::io_context context;
    switch (s) {
    case style::blocking: try { o.value = blocking();
        } catch (...) {
            note_exception(o, std::current_exception());
        }
        return o;
    case style::awaitable:
        asio::co_spawn(context, async(), [&](std::exception_ptr e, T v) {
            if (e)
                note_exception(o, e);
            else
                o.value = std::move(v);
        });
        break;
    case style::callback:
        async(asio::bind_cancellation_slot(slot, asio::bind_executor(context, [&](error_code ec, T v) {
                                               o.error = ec;
                                               o.value = std::move(v);
                                           })));
        break;
    }
    context.run();
    return o;
}

template <class Reader>
outcome<bytes> recv(style s, Reader& r, until limit = {}, asio::cancellation_slot slot = {})
{
    return call<bytes>(
        s, [&] { return r.recv(limit); }, [&](auto... token) { return r.async_recv(limit, token...); }, slot);
}

template <class Writer>
outcome<std::size_t> send(style s, Writer& w, byte_view data, until limit = {}, asio::cancellation_slot slot = {})
{
    return call<std::size_t>(
        s, [&] { return w.send(data, limit); }, [&](auto... token) { return w.async_send(data, limit, token...); },
        slot);
}

/// Bytes that differ by position and by `salt`.
inline bytes pattern(std::size_t n, unsigned salt = 0)
{
    bytes b;
    b.resize(n);
    for (std::size_t i = 0; i < n; ++i)
        b[i] = static_cast<std::byte>((i * 31 + i / 251 + salt * 7 + 1) & 0xff);
    return b;
}

inline std::vector<bytes> sample_messages()
{
    std::vector<bytes> m;
    unsigned salt = 0;
    for (const std::size_t n : {3u, 0u, 1u, 241u, 5u})
        m.push_back(pattern(n, salt++));
    return m;
}

/// The bytes of the messages on the wire, by the framing alone.
template <class Framing>
bytes wire(const std::vector<bytes>& messages, Framing f = {})
{
    bytes all;
    for (const bytes& m : messages) {
        encoded e;
        const byte_view payload(m);
        if (const error_code ec = f.encode({&payload, 1}, limits(), e))
            throw_error(ec);
        for (std::size_t i = 0; i < e.parts(); ++i)
            all.append(e.part(i));
    }
    return all;
}

} // namespace ferrule::test
