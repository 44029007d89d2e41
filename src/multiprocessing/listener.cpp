#include <ferrule/python/listener.hpp>

#include "src/multiprocessing/meeting.hpp"

#include <array>
#include <list>
#include <new>

namespace ferrule::python {
namespace detail {
namespace {

/// Accepts, and leads the handshakes of those who have connected.
struct acceptor {
    struct peer {
        meeting m;
        deadline last;
        readiness wants = readiness::now(); // what is in `events`, if it is not this
    };

    acceptor(std::unique_ptr<os::listening> where, const listener_options& o, digest d, std::shared_ptr<arrivals> a)
        : listening(std::move(where)),
          options(o),
          least(d),
          arrived(std::move(a))
    {
        listen(true);
    }

    // Whoever accepts looks at its deadline after so many peers, however many more there are.
    static constexpr int rounds_at_most = 64;

    io_result read(std::span<std::byte> in)
    {
        for (int round = 0; round < rounds_at_most && finished == 0; ++round) {
            std::array<const void*, 64> ready;
            const std::size_t n = events.ready(ready);
            if (n == 0)
                break;
            for (std::size_t i = 0; i < n; ++i) {
                if (ready[i] == listening.get())
                    accept();
                else if (ready[i] == nullptr)
                    drop_overdue();
                else
                    advance(ready[i]);
            }
            set_time();
        }
        if (finished == 0)
            return io_result::would_block();
        --finished;
        in[0] = {};
        return io_result::moved(1);
    }

    [[nodiscard]] bool more() const noexcept { return finished != 0; }

    void listen(bool on)
    {
        if (on == listens)
            return;
        if (on)
            events.add(listening.get(), listening->news());
        else
            events.remove(listening->news());
        listens = on;
    }

    void accept()
    {
        error_code ec;
        std::optional<descriptor> d = listening->accept(ec);
        if (!d) {
            if (os::is_exhausted(ec)) { // it stays ready: look again later
                listen(false);
                resume = std::chrono::milliseconds(100);
            }
            if (ec) // of that peer, whatever it was: see accept(2)
                refuse(ec);
            return;
        }
        if (options.wants_same_user() && !os::is_this_user(*d->get()))
            return refuse(errc::unauthenticated);
        try {
            admit(std::move(*d));
        } catch (...) {
            refuse_for_what_was_thrown();
        }
    }

    void admit(descriptor d)
    {
        if (options.authkey().empty())
            return finish(std::move(d));
        if (peers.size() >= std::max<std::size_t>(options.unauthenticated_at_most(), 1)) {
            refuse(errc::timed_out);
            drop(peers.begin());
        }
        peers.push_back({meeting(std::move(d), handshake(handshake::role::listener, options.authkey(), least)),
                         deadline(options.handshake_timeout())});
        advance(std::prev(peers.end()));
    }

    void advance(const void* who)
    {
        // Few enough to look through, and those that have just come are the ones that move.
        for (auto p = peers.end(); p != peers.begin();) {
            if (&*--p == who)
                return advance(p);
        }
    }
    void advance(std::list<peer>::iterator p)
    {
        try {
            const std::optional<readiness> wants = p->m.advance();
            if (!wants) {
                forget(*p);
                finish(std::move(p->m).take());
                peers.erase(p);
            } else if (*wants != p->wants) {
                forget(*p);
                events.add(&*p, *wants);
                p->wants = *wants;
            }
        } catch (...) {
            drop(p);
            refuse_for_what_was_thrown();
        }
    }

    void finish(descriptor d)
    {
        arrived->put(std::move(d));
        ++finished;
    }
    void forget(peer& p) noexcept
    {
        if (!p.wants.is_now())
            events.remove(std::exchange(p.wants, readiness::now()));
    }
    void drop(std::list<peer>::iterator p)
    {
        forget(*p);
        peers.erase(p);
    }
    void drop_overdue()
    {
        while (!peers.empty() && peers.front().last.expired()) {
            refuse(errc::timed_out);
            drop(peers.begin());
        }
        if (resume.expired()) {
            listen(true);
            resume = deadline::never();
        }
    }
    void set_time()
    {
        // In the order of their coming, and they all have the same patience.
        const deadline next = peers.empty() ? resume : std::min(resume, peers.front().last);
        if (next != timer)
            events.set_time(timer = next);
    }

    void refuse(const error& e) const
    {
        if (options.on_refused())
            options.on_refused()(e);
    }
    void refuse(error_code ec) const
    {
        if (options.on_refused())
            refuse(error(ec));
    }
    /// In a handler. Whatever it is, also a lack of memory, it is that one peer's loss.
    void refuse_for_what_was_thrown() const
    {
        try {
            throw;
        } catch (const error& e) {
            refuse(e);
        } catch (const std::bad_alloc&) {
            refuse(ferrule::detail::no_memory());
        }
    }

    std::unique_ptr<os::listening> listening;
    listener_options options;
    digest least;
    std::shared_ptr<arrivals> arrived;
    std::list<peer> peers; // the oldest first
    os::poll_set events;   // which ends before what it waits for
    std::size_t finished = 0;
    bool listens = false;
    deadline resume; // listening, which is suspended until then
    deadline timer;
};

} // namespace

descriptor take(arrivals& a)
{
    std::optional<descriptor> d = a.take();
    if (!d)
        throw_error(errc::bad_descriptor);
    return std::move(*d);
}

descriptor listen(address& at, bool any, const listener_options& o, std::shared_ptr<arrivals>& a)
{
    if (o.wants_same_user() && at.kind() == address::family::tcp)
        throw_error(errc::unsupported);
    a = std::make_shared<arrivals>();
    auto where = any ? os::listen_anywhere(o.backlog()) : os::listen_at(at, o.backlog());
    at = where->where();
    return arriving_stream(std::make_unique<acceptor>(
        std::move(where), o, o.least_digest().value_or(at.is_local() ? digest::md5 : digest::sha256), a));
}

} // namespace detail

value from_address(const address& a)
{
    switch (a.kind()) {
    case address::family::unix_path:
    case address::family::pipe: return a.name();
    case address::family::unix_abstract: return std::string(1, '\0') + a.name(); // older Pythons take no bytes
    case address::family::tcp: break;
    }
    return {a.name(), a.port()};
}

address to_address(const value& v)
{
    const auto without_nul = [](std::string_view s) { return std::string(s.substr(1)); };
    if (v.type() == type::string) {
        const auto path = v.as<std::string_view>();
        if (path.starts_with('\0'))
            return address::unix_abstract(without_nul(path));
        return path.starts_with("\\\\") ? address::pipe(std::string(path)) : address::unix_path(std::string(path));
    }
    if (v.type() == type::bytes && v.as<byte_view>().text().starts_with('\0'))
        return address::unix_abstract(without_nul(v.as<byte_view>().text()));
    if (v.type() == type::tuple && v.size() == 2)
        return address::tcp(v[0].as<std::string>(), v[1].as<std::uint16_t>());
    throw frame_error(errc::invalid_value, v.repr(60) + " is not an address");
}

} // namespace ferrule::python
