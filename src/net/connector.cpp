#include "src/net/connector.hpp"

#include "platform/poll_set.hpp"
#include "src/net/accept_queue.hpp"
#include "src/net/resolve.hpp"

#include <ferrule/deadline.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace ferrule::detail {
namespace {

os::connect_settings settings_of(const connect_settings& o)
{
    os::connect_settings s{{}, o.tcp};
    if (o.local) {
        const std::vector<os::native_address> local = resolve_now(*o.local);
        if (local.empty() || o.local->kind() == address::family::tls) // a host name, or for TLS
            throw usage_error(errc::invalid_argument, "ferrule: local address " + o.local->to_string());
        s.local = local.front();
    }
    return s;
}

/// IPv6 and IPv4 in turn, as far as there are both (RFC 8305, section 4). The order within each is the system's.
std::vector<os::native_address> alternating(std::vector<os::native_address> all)
{
    for (std::size_t i = 1; i < all.size(); ++i) {
        const auto other = std::find_if(all.begin() + static_cast<std::ptrdiff_t>(i), all.end(),
                                        [&](const auto& a) { return os::is_ipv6(a) != os::is_ipv6(all[i - 1]); });
        if (other != all.end())
            std::rotate(all.begin() + static_cast<std::ptrdiff_t>(i), other, other + 1);
    }
    return all;
}

/// Connects to the first of several addresses that answers, and drives the handshake.
struct connector {
    /// A connection under way.
    struct try_out {
        std::size_t to; // index of its address
        std::unique_ptr<os::attempt> made;
        readiness awaited = readiness::now(); // the target in `events`, unless it is `now()`
    };

    connector(const connect_settings& o, begin_handshake b, std::shared_ptr<accept_queue> q)
        : settings(settings_of(o)),
          local(o.local),
          attempt_delay(o.attempt_delay),
          same_user(o.same_user),
          begin(std::move(b)),
          connected(std::move(q)),
          last_refusal(o.wait_for_listener)
    {
    }

    void look_up(const address& where) { await(awaited, name.emplace(where).wait_handle()); }
    void try_at(std::vector<os::native_address> all)
    {
        if (local)
            std::erase_if(all, [&](const auto& a) { return !os::is_same_family(a, *settings.local); });
        if (all.empty()) {
            connected->explain(": no address of the family of " + local->to_string());
            connected->fail(errc::invalid_argument);
        }
        to = alternating(std::move(all));
        failures.assign(to.size(), {});
    }

    io_result read(std::span<std::byte> in)
    {
        std::array<const void*, 2> ready;
        (void)events.ready(ready); // the result is ignored, since each step checks by itself
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

    /// Returns false if there is something to wait for.
    bool go_on()
    {
        if (handshake)
            return shake_hands();
        if (name)
            return take_addresses();
        if (next_start.expired()) {
            if (at == to.size())
                at = 0; // all of them once more
            start();
        }
        for (std::size_t i = 0; i < tries.size(); ++i) {
            error_code ec;
            if (std::optional<descriptor> made = tries[i].made->result(ec))
                return greet(std::move(*made));
            if (!ec)
                continue;
            failures[tries[i].to] = ec;
            drop(i);
            return fail();
        }
        for (try_out& t : tries)
            await(t.awaited, t.made->wait_handle());
        return false;
    }

    /// Makes `what` a target in place of `old`.
    void await(readiness& old, const readiness& what)
    {
        if (what == old)
            return;
        forget(old);
        if (!what.is_now())
            events.add(this, what);
        old = what;
    }
    void forget(readiness& old) noexcept
    {
        if (!old.is_now())
            events.remove(std::exchange(old, readiness::now()));
    }

    bool take_addresses()
    {
        error_code ec;
        auto found = name->result(ec);
        if (!found)
            return false;
        forget(awaited);
        name.reset();
        if (ec)
            throw_error(ec);
        try_at(std::move(*found));
        return true;
    }

    void start()
    {
        tries.push_back({at, os::start_connect(to[at], settings)});
        start_at(++at < to.size() ? deadline(attempt_delay) : deadline::never());
        explain();
    }
    void start_at(deadline d)
    {
        next_start = d;
        events.set_time(d);
    }
    void drop(std::size_t i) noexcept
    {
        forget(tries[i].awaited);
        tries.erase(tries.begin() + static_cast<std::ptrdiff_t>(i));
    }

    /// After a failure: the next address is tried immediately, or all of them later. Throws if a retry is pointless.
    bool fail()
    {
        explain();
        if (at < to.size()) {
            start();
            return true;
        }
        if (!tries.empty())
            return true;
        // A full queue is not a refusal but asks to try again. Python fails on it with unix sockets.
        const bool is_full = std::ranges::any_of(failures, os::is_would_block);
        if (!is_full && (std::ranges::none_of(failures, is_nobody_yet) || last_refusal.expired()))
            throw_error(failures.front());
        delay = std::min(2 * delay, std::chrono::milliseconds(100));
        start_at(delay);
        return true;
    }
    static bool is_nobody_yet(const error_code& ec) noexcept
    {
        return ec == boost::system::errc::connection_refused || ec == boost::system::errc::no_such_file_or_directory;
    }
    /// Says what has become of each address. The caller may give up at any time.
    void explain() const
    {
        if (to.size() == 1)
            return;
        std::string text;
        for (std::size_t i = 0; i < to.size(); ++i)
            text += (i == 0 ? " (" : "; ") + address_of(to[i]).to_string() + ": " +
                    (failures[i] ? failures[i].message()
                     : i < at    ? "no answer yet"
                                 : "not tried yet");
        connected->explain(text + ")");
    }

    /// The connection is made; what is left is the handshake.
    bool greet(descriptor d)
    {
        while (!tries.empty())
            drop(tries.size() - 1);
        start_at(deadline::never());
        connected->explain({}); // what fails from here on is the handshake
        if (same_user && !os::is_this_user(*d.get()))
            throw_error(errc::unauthenticated);
        if (begin)
            handshake = begin(std::move(d));
        else
            finish(std::move(d));
        return true;
    }

    bool shake_hands()
    {
        if (const std::optional<readiness> wants = handshake->advance()) {
            await(awaited, *wants);
            return false;
        }
        forget(awaited);
        finish(handshake->take());
        handshake.reset();
        return true;
    }

    void finish(descriptor d)
    {
        connected->put(std::move(d));
        done = true;
    }

    std::optional<lookup> name; // during the lookup
    std::vector<os::native_address> to;
    std::vector<error_code> failures; // of each address
    os::connect_settings settings;
    std::optional<address> local;
    std::chrono::milliseconds attempt_delay;
    bool same_user;
    begin_handshake begin;
    std::shared_ptr<accept_queue> connected;
    deadline last_refusal;
    deadline next_start = deadline::now();
    std::chrono::milliseconds delay{1};
    std::size_t at = 0; // index of the next address
    std::vector<try_out> tries;
    std::unique_ptr<pending_handshake> handshake;
    readiness awaited = readiness::now(); // by the lookup or the handshake
    os::poll_set events;                  // destroyed before the objects it waits for
    bool done = false;
    bool told = false;
};

template <class Begin>
descriptor stream_of(const connect_settings& o, begin_handshake b, std::shared_ptr<accept_queue>& q, Begin begin)
{
    q = std::make_shared<accept_queue>();
    auto c = std::make_unique<connector>(o, std::move(b), q);
    begin(*c);
    return connection_stream(std::move(c));
}

} // namespace

descriptor start_connecting(const address& to, const connect_settings& o, begin_handshake begin,
                            std::shared_ptr<accept_queue>& q)
{
    check_handshake(to, begin);
    if (o.same_user && is_tcp(to))
        throw_error(errc::unsupported);
    const auto go = [&](connector& c) {
        c.connected->describe("ferrule: connecting to " + to.to_string());
        if (to.kind() == address::family::fd)
            c.greet(own(handle_of(to)));
        else if (std::vector<os::native_address> known = resolve_now(to); !known.empty())
            c.try_at(std::move(known));
        else
            c.look_up(to);
    };
    return stream_of(o, std::move(begin), q, go);
}

descriptor start_connecting(std::vector<os::native_address> to, const connect_settings& o, begin_handshake begin,
                            std::shared_ptr<accept_queue>& q)
{
    return stream_of(o, std::move(begin), q, [&](connector& c) { c.try_at(std::move(to)); });
}

} // namespace ferrule::detail
