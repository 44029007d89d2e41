#include <ferrule/python/listener.hpp>

#include "src/multiprocessing/meeting.hpp"

#include <array>
#include <list>

namespace ferrule::python {
namespace detail {
namespace {

/// Accepts, and leads the handshakes of those who have connected.
struct acceptor {
    struct peer {
        meeting m;
        deadline last;
        meeting::state wants = meeting::state::writing;
    };

    acceptor(const address& where, std::string own_folder, const listener_options& o, digest d,
             std::shared_ptr<arrivals> a)
        : at(where),
          folder(std::move(own_folder)),
          options(o),
          least(d),
          arrived(std::move(a)),
          listening(os::listen_at(at, options.backlog()))
    {
        listen(true);
    }
    ~acceptor()
    {
        os::remove_socket_file(at);
        if (!folder.empty())
            os::remove_folder(folder);
    }

    // Whoever accepts looks at its deadline after so many peers, however many more there are.
    static constexpr int rounds_at_most = 64;

    io_result read(std::span<std::byte> in)
    {
        for (int round = 0; round < rounds_at_most && finished == 0; ++round) {
            std::array<native_handle_type, 64> ready;
            const std::size_t n = events.ready(ready);
            if (n == 0)
                break;
            for (std::size_t i = 0; i < n; ++i) {
                if (ready[i] == listening.get())
                    accept();
                else if (ready[i] == invalid_handle)
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

    void listen(bool on)
    {
        if (on == listens)
            return;
        if (on) {
            if (const error_code ec = events.add(listening.get(), direction::read))
                throw_error(ec);
        } else
            events.remove(listening.get());
        listens = on;
    }

    void accept()
    {
        error_code ec;
        os::socket_handle s = os::accept_from(listening.get(), ec);
        if (ec) {
            if (os::is_exhausted(ec)) { // it stays ready: look again later
                listen(false);
                resume = std::chrono::milliseconds(100);
                refuse(ec);
            } else if (!os::is_would_block(ec))
                refuse(ec); // of that peer, whatever it was: see accept(2)
            return;
        }
        if (options.wants_same_user() && !os::is_this_user(s.get()))
            return refuse(errc::unauthenticated);
        if (options.authkey().empty())
            return finish(std::move(s));
        if (peers.size() >= std::max<std::size_t>(options.unauthenticated_at_most(), 1)) {
            refuse(errc::timed_out);
            drop(peers.begin());
        }
        const native_handle_type h = s.get();
        peers.push_back({meeting(std::move(s), handshake(handshake::role::listener, options.authkey(), least)),
                         deadline(options.patience())});
        if (const error_code failed = events.add(h, direction::write)) {
            refuse(failed);
            peers.pop_back();
            return;
        }
        advance(std::prev(peers.end()));
    }

    void advance(native_handle_type h)
    {
        // Few enough to look through, and those that have just come are the ones that move.
        for (auto p = peers.end(); p != peers.begin();) {
            if ((--p)->m.socket().get() == h)
                return advance(p);
        }
    }
    void advance(std::list<peer>::iterator p)
    {
        try {
            const meeting::state wants = p->m.advance();
            if (wants == meeting::state::done) {
                events.remove(p->m.socket().get());
                finish(std::move(p->m.socket()));
                peers.erase(p);
            } else if (wants != p->wants) {
                p->wants = wants;
                events.change(p->m.socket().get(),
                              wants == meeting::state::reading ? direction::read : direction::write);
            }
        } catch (const error& e) {
            refuse(e);
            drop(p);
        }
    }

    void finish(os::socket_handle s)
    {
        arrived->put(std::move(s));
        ++finished;
    }
    void drop(std::list<peer>::iterator p)
    {
        events.remove(p->m.socket().get());
        peers.erase(p);
    }
    void drop_overdue()
    {
        while (!peers.empty() && peers.front().last.expired()) {
            refuse(errc::timed_out);
            drop(peers.begin());
        }
        if (resume.expired()) {
            resume = deadline::never();
            listen(true);
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
    void refuse(error_code ec) const { refuse(error(ec)); }

    address at;
    std::string folder;
    listener_options options;
    digest least;
    std::shared_ptr<arrivals> arrived;
    os::socket_handle listening;
    os::poll_set events;
    std::list<peer> peers; // the oldest first
    std::size_t finished = 0;
    bool listens = false;
    deadline resume; // listening, which is suspended until then
    deadline timer;
};

} // namespace

descriptor take(arrivals& a)
{
    os::socket_handle s = a.take();
    return adopt(s.release());
}

descriptor listen(address& at, bool any, const listener_options& o, std::shared_ptr<arrivals>& a)
{
    if (o.wants_same_user() && at.kind() == address::family::tcp)
        throw_error(errc::unsupported);
    std::string folder;
    if (any) {
        folder = os::make_private_folder();
        at = address::unix_path(folder + "/listener");
    }
    a = std::make_shared<arrivals>();
    auto made = std::make_unique<acceptor>(at, folder, o,
                                           o.least_digest().value_or(at.is_local() ? digest::md5 : digest::sha256), a);
    at = os::local_address(made->listening.get(), at.kind());
    return arriving_stream(std::move(made));
}

} // namespace detail

value from_address(const address& a)
{
    switch (a.kind()) {
    case address::family::unix_path: return a.name();
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
        return path.starts_with('\0') ? address::unix_abstract(without_nul(path))
                                      : address::unix_path(std::string(path));
    }
    if (v.type() == type::bytes && v.as<byte_view>().text().starts_with('\0'))
        return address::unix_abstract(without_nul(v.as<byte_view>().text()));
    if (v.type() == type::tuple && v.size() == 2)
        return address::tcp(v[0].as<std::string>(), v[1].as<std::uint16_t>());
    throw frame_error(errc::invalid_value, v.repr(60) + " is not an address");
}

} // namespace ferrule::python
