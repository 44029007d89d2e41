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
          last_refusal(o.wait_for_listener())
    {
        if (to.empty())
            (void)wait_for(name.emplace(where).news());
    }

    io_result read(std::span<std::byte> in)
    {
        std::array<const void*, 2> ready;
        (void)events.ready(ready); // which is forgotten: what can go on finds out for itself
        while (!done) {
            if (!go_on())
                return io_result::would_block();
        }
        if (std::exchange(told, true))
            return io_result::end();
        in[0] = {};
        return io_result::moved(1);
    }

    [[nodiscard]] bool more() const noexcept { return done; }

    /// False if there is something to wait for.
    bool go_on()
    {
        if (meets)
            return shake_hands();
        error_code ec;
        if (name) {
            auto found = name->result(ec);
            if (!found)
                return false;
            (void)wait_for(readiness::now());
            name.reset();
            if (ec)
                throw_error(ec);
            to = std::move(*found);
        }
        if (!trying) {
            if (!pause.expired() && !pause.is_never())
                return false;
            if (!pause.is_never())
                events.set_time(deadline::never());
            pause = deadline::never();
            trying = os::start_connect(to[at]);
        }
        std::optional<descriptor> connected = trying->result(ec);
        if (!connected && !ec)
            return wait_for(trying->news());
        (void)wait_for(readiness::now());
        trying.reset();
        return ec ? next(ec) : meet(std::move(*connected));
    }

    /// Besides the time, for this alone; for nothing if it is `now()`, and then it returns true.
    bool wait_for(const readiness& r)
    {
        if (r == awaited)
            return r.is_now();
        if (!awaited.is_now())
            events.remove(std::exchange(awaited, readiness::now()));
        if (!r.is_now())
            events.add(this, r);
        awaited = r;
        return r.is_now();
    }

    /// After a failure: the next address, or the same ones later, if it is worth it.
    bool next(error_code ec)
    {
        if (++at < to.size())
            return true;
        at = 0;
        // A full queue is no refusal: it says to try again, in which Python does not succeed with unix sockets.
        const bool nobody_yet =
            ec == boost::system::errc::connection_refused || ec == boost::system::errc::no_such_file_or_directory;
        if (!os::is_would_block(ec) && !(nobody_yet && !last_refusal.expired()))
            throw_error(ec);
        delay = std::min(2 * delay, std::chrono::milliseconds(100));
        pause = delay;
        events.set_time(pause);
        return true;
    }

    bool meet(descriptor d)
    {
        if (options.wants_same_user() && !os::is_this_user(*d.get()))
            throw_error(errc::unauthenticated);
        if (options.authkey().empty())
            finish(std::move(d));
        else
            meets.emplace(std::move(d), handshake(handshake::role::client, options.authkey(), least));
        return true;
    }

    bool shake_hands()
    {
        if (const std::optional<readiness> wants = meets->advance())
            return wait_for(*wants);
        (void)wait_for(readiness::now());
        finish(std::move(*meets).take());
        meets.reset();
        return true;
    }

    void finish(descriptor d)
    {
        arrived->put(std::move(d));
        done = true;
    }

    std::vector<os::resolved_address> to;
    std::optional<os::lookup> name; // while it is looked up
    connect_options options;
    digest least;
    std::shared_ptr<arrivals> arrived;
    deadline last_refusal;
    deadline pause;
    std::chrono::milliseconds delay{1};
    std::size_t at = 0; // of `to`
    std::unique_ptr<os::attempt> trying;
    std::optional<meeting> meets;
    readiness awaited = readiness::now();
    os::poll_set events; // which ends before what it waits for
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
