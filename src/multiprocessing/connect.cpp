#include <ferrule/python/listener.hpp>

#include "src/multiprocessing/meeting.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace ferrule::python::detail {
namespace {

/// Connects to the first of several addresses that answers, and leads the handshake.
struct connector {
    connector(const address& where, const connect_options& o, digest d, std::shared_ptr<arrivals> a)
        : to(os::resolve_at_once(where)),
          options(o),
          least(d),
          arrived(std::move(a)),
          last(o.patience()),
          last_refusal(o.wait_for_listener())
    {
        events.set_time(last);
        if (!to.empty())
            return;
        name.emplace(where);
        if (const error_code ec = events.add(name->handle(), direction::read))
            throw_error(ec);
    }

    io_result read(std::span<std::byte> in)
    {
        while (!done) {
            if (last.expired())
                return io_result::failed(errc::timed_out);
            if (!go_on())
                return io_result::would_block();
        }
        if (std::exchange(told, true))
            return io_result::end();
        in[0] = {};
        return io_result::moved(1);
    }

    /// False if there is something to wait for.
    bool go_on()
    {
        if (meets)
            return shake_hands();
        if (name) {
            if (!is_ready(name->handle()))
                return false;
            error_code ec;
            to = name->take(ec);
            events.remove(name->handle());
            name.reset();
            if (ec)
                throw_error(ec);
        }
        if (connecting.is_open()) {
            if (!is_ready(connecting.get())) // until then SO_ERROR says nothing
                return false;
            const error_code ec = os::finish_connect(connecting.get());
            events.remove(connecting.get());
            if (ec) {
                connecting = {};
                return next(ec);
            }
            return connected();
        }
        if (!pause.expired() && !pause.is_never())
            return false;
        if (!pause.is_never())
            events.set_time(last);
        pause = deadline::never();
        error_code ec;
        bool finished = false;
        connecting = os::start_connect(to[at], finished, ec);
        if (ec) {
            connecting = {};
            return next(ec);
        }
        if (finished)
            return connected();
        if (const error_code failed = events.add(connecting.get(), direction::write))
            throw_error(failed);
        return true;
    }

    /// And not just the timer.
    bool is_ready(native_handle_type h)
    {
        std::array<native_handle_type, 2> ready;
        const std::size_t n = events.ready(ready);
        return std::find(ready.begin(), ready.begin() + n, h) != ready.begin() + n;
    }

    /// After a failure: the next address, or the same ones later, if it is worth it.
    bool next(error_code ec)
    {
        if (++at < to.size())
            return true;
        at = 0;
        // A full queue of a unix socket is no refusal: it says to try again, in which Python does not succeed.
        const bool nobody_yet =
            ec == boost::system::errc::connection_refused || ec == boost::system::errc::no_such_file_or_directory;
        if (!os::is_would_block(ec) && !(nobody_yet && !last_refusal.expired()))
            throw_error(ec);
        delay = std::min(2 * delay, std::chrono::milliseconds(100));
        pause = delay;
        events.set_time(std::min(pause, last));
        return true;
    }

    bool connected()
    {
        events.set_time(last);
        if (options.wants_same_user() && !os::is_this_user(connecting.get()))
            throw_error(errc::unauthenticated);
        if (options.authkey().empty())
            finish(std::move(connecting));
        else {
            if (const error_code ec = events.add(connecting.get(), direction::read))
                throw_error(ec);
            meets.emplace(std::move(connecting), handshake(handshake::role::client, options.authkey(), least));
        }
        return true;
    }

    bool shake_hands()
    {
        const meeting::state wants = meets->advance();
        if (wants == meeting::state::done) {
            events.remove(meets->socket().get());
            finish(std::move(meets->socket()));
            meets.reset();
            return true;
        }
        events.change(meets->socket().get(), wants == meeting::state::reading ? direction::read : direction::write);
        return false;
    }

    void finish(os::socket_handle s)
    {
        arrived->put(std::move(s));
        done = true;
    }

    std::vector<os::resolved_address> to;
    std::optional<os::lookup> name; // while it is looked up
    connect_options options;
    digest least;
    std::shared_ptr<arrivals> arrived;
    os::poll_set events;
    deadline last;
    deadline last_refusal;
    deadline pause;
    std::chrono::milliseconds delay{1};
    std::size_t at = 0; // of `to`
    os::socket_handle connecting;
    std::optional<meeting> meets;
    bool done = false;
    bool told = false;
};

} // namespace

descriptor start_connecting(const address& to, const connect_options& o, std::shared_ptr<arrivals>& a)
{
    if (o.wants_same_user() && to.kind() == address::family::tcp)
        throw_error(errc::unsupported);
    a = std::make_shared<arrivals>();
    return arriving_stream(
        std::make_unique<connector>(to, o, o.least_digest().value_or(to.is_local() ? digest::md5 : digest::sha256), a));
}

} // namespace ferrule::python::detail
