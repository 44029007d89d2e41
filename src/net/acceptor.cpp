#include "src/net/acceptor.hpp"

#include "platform/poll_set.hpp"
#include "src/net/accept_queue.hpp"
#include "src/net/resolve.hpp"

#include <ferrule/deadline.hpp>

#include <algorithm>
#include <array>
#include <list>
#include <new>
#include <optional>

namespace ferrule::detail {
namespace {

/// Accepts connections and drives their handshakes.
struct acceptor {
    struct peer {
        std::unique_ptr<pending_handshake> handshake;
        deadline last;
        readiness wants = readiness::now(); // the target in `events`, unless it is `now()`
    };

    acceptor(std::unique_ptr<os::listening> where, acceptor_options o, begin_handshake b,
             std::shared_ptr<accept_queue> q)
        : listening(std::move(where)),
          options(std::move(o)),
          begin(std::move(b)),
          accepted(std::move(q))
    {
        listen(true);
    }

    // Limits the work of one read, since the accepting call checks its deadline only afterwards.
    static constexpr int max_rounds = 64;

    io_result read(std::span<std::byte> in)
    {
        for (int round = 0; round < max_rounds && finished == 0; ++round) {
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
            events.add(listening.get(), listening->wait_handle());
        else
            events.remove(listening->wait_handle());
        listens = on;
    }

    void accept()
    {
        error_code ec;
        std::optional<descriptor> d = listening->accept(ec);
        if (!d) {
            if (os::is_exhausted(ec)) { // the socket stays ready, so retry later
                listen(false);
                resume = std::chrono::milliseconds(100);
            }
            if (ec) // any error concerns that peer alone, see accept(2)
                refuse(ec);
            return;
        }
        if (options.same_user && !os::is_this_user(*d->get()))
            return refuse(errc::unauthenticated);
        try {
            admit(std::move(*d));
        } catch (...) {
            refuse_for_what_was_thrown();
        }
    }

    void admit(descriptor d)
    {
        if (!begin)
            return finish(std::move(d));
        if (peers.size() >= std::max<std::size_t>(options.max_handshakes, 1)) {
            refuse(errc::timed_out);
            drop(peers.begin());
        }
        peers.push_back({begin(std::move(d)), deadline(options.handshake_timeout)});
        advance(std::prev(peers.end()));
    }

    void advance(const void* who)
    {
        // A linear search suffices for so few peers, and the newest ones are the most active.
        for (auto p = peers.end(); p != peers.begin();) {
            if (&*--p == who)
                return advance(p);
        }
    }
    void advance(std::list<peer>::iterator p)
    {
        try {
            const std::optional<readiness> wants = p->handshake->advance();
            if (!wants) {
                forget(*p);
                finish(p->handshake->take());
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
        accepted->put(std::move(d));
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
        // The peers are in order of arrival and have equal timeouts, so the first is due first.
        const deadline next = peers.empty() ? resume : std::min(resume, peers.front().last);
        if (next != timer)
            events.set_time(timer = next);
    }

    void refuse(const error& e) const
    {
        if (options.on_refused)
            options.on_refused(e);
    }
    void refuse(error_code ec) const
    {
        if (options.on_refused)
            refuse(error(ec));
    }
    /// Called in an exception handler. Errors and a lack of memory concern that peer alone.
    void refuse_for_what_was_thrown() const
    {
        try {
            throw;
        } catch (const error& e) {
            refuse(e);
        } catch (const std::bad_alloc&) {
            refuse(no_memory());
        }
    }

    std::unique_ptr<os::listening> listening;
    acceptor_options options;
    begin_handshake begin;
    std::shared_ptr<accept_queue> accepted;
    std::list<peer> peers; // the oldest first
    os::poll_set events;   // destroyed before the objects it waits for
    std::size_t finished = 0;
    bool listens = false;
    deadline resume; // when suspended listening resumes
    deadline timer;
};

descriptor stream_of(std::unique_ptr<os::listening> where, address& at, const acceptor_options& o,
                     begin_handshake begin, std::shared_ptr<accept_queue>& q)
{
    at = address_of(where->where());
    q = std::make_shared<accept_queue>();
    return connection_stream(std::make_unique<acceptor>(std::move(where), o, std::move(begin), q));
}

} // namespace

descriptor listen(address& at, const acceptor_options& o, begin_handshake begin, std::shared_ptr<accept_queue>& q)
{
    if (o.same_user && at.kind() == address::family::tcp)
        throw_error(errc::unsupported);
    return stream_of(listen_at(at, o.backlog), at, o, std::move(begin), q);
}

descriptor listen_anywhere(address& at, const acceptor_options& o, begin_handshake begin,
                           std::shared_ptr<accept_queue>& q)
{
    return stream_of(os::listen_anywhere(o.backlog), at, o, std::move(begin), q);
}

} // namespace ferrule::detail
