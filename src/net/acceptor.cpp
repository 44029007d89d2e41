#include "src/net/acceptor.hpp"

#include "platform/poll_set.hpp"
#include "src/net/accept_queue.hpp"
#include "src/net/listen_at.hpp"
#include "src/net/resolve.hpp"

#include <ferrule/deadline.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <list>
#include <new>
#include <optional>
#include <utility>
#include <vector>

namespace ferrule::detail {
namespace {

/// Accepts connections and drives their handshakes.
struct acceptor {
    struct peer {
        std::unique_ptr<pending_handshake> handshake;
        deadline last;
        readiness wants = readiness::now(); // the target in `events`, unless it is `now()`
    };

    acceptor(std::vector<std::unique_ptr<os::listening>> where, listen_settings o, begin_handshake b,
             std::shared_ptr<accept_queue> q)
        : places(std::move(where)),
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
                if (ready[i] == nullptr)
                    drop_overdue();
                else if (const auto p = std::ranges::find(places, ready[i], &std::unique_ptr<os::listening>::get);
                         p != places.end())
                    accept(**p);
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
        for (const auto& p : places) {
            if (on)
                events.add(p.get(), p->wait_handle());
            else
                events.remove(p->wait_handle());
        }
        listens = on;
    }

    void accept(os::listening& place)
    {
        error_code ec;
        std::optional<descriptor> d = place.accept(ec);
        if (!d) {
            bool is_news = ec.failed(); // any error concerns that peer alone, see accept(2)
            if (os::is_exhausted(ec)) { // the socket stays ready, so retry later
                listen(false);
                resume = std::chrono::milliseconds(100);
                is_news = !std::exchange(exhausted, true);
            }
            if (is_news)
                refuse(ec);
            return;
        }
        exhausted = false;
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

    std::vector<std::unique_ptr<os::listening>> places;
    listen_settings options;
    begin_handshake begin;
    std::shared_ptr<accept_queue> accepted;
    std::list<peer> peers; // the oldest first
    os::poll_set events;   // destroyed before the objects it waits for
    std::size_t finished = 0;
    bool listens = false;
    bool exhausted = false; // since the last connection was accepted
    deadline resume;        // when suspended listening resumes
    deadline timer;
};

} // namespace

descriptor listen(std::vector<address>& at, const listen_settings& o, begin_handshake begin,
                  std::shared_ptr<accept_queue>& q)
{
    if (o.same_user && std::ranges::any_of(at, is_tcp))
        throw_error(errc::unsupported);
    for (const address& a : at)
        check_handshake(a, begin);
    std::vector<std::unique_ptr<os::listening>> places;
    std::vector<address> found;
    const auto add = [&](std::unique_ptr<os::listening> place, bool encrypted) {
        const address a = address_of(place->where());
        found.push_back(encrypted ? address::tls(a.name(), a.port()) : a);
        places.push_back(std::move(place));
    };
    if (at.empty())
        add(os::listen_anywhere(o), false);
    for (const address& a : at) {
        for (auto& place : listen_at(a, o))
            add(std::move(place), a.kind() == address::family::tls);
    }
    at = std::move(found);
    q = std::make_shared<accept_queue>();
    return connection_stream(std::make_unique<acceptor>(std::move(places), o, std::move(begin), q));
}

} // namespace ferrule::detail
