#include <ferrule/net/resolve.hpp>

#include "platform/background.hpp"
#include "platform/caught.hpp"
#include "src/net/resolve.hpp"

#include <mutex>

namespace ferrule::detail {
namespace {

os::native_address with_packets(os::native_address a)
{
    a.packets = true;
    return a;
}

} // namespace

void check_handshake(const address& a, const begin_handshake& begin)
{
    const auto refuse = [&](const char* why) {
        throw usage_error(errc::unsupported, "ferrule: " + a.to_string() + ": " + why);
    };
    if (a.kind() == address::family::tls && !begin.encrypts)
        refuse("nothing is encrypted here; use ferrule::tls::connect or ferrule::tls::listener");
    if (begin && (a.kind() == address::family::unix_seqpacket || a.kind() == address::family::unix_seqpacket_abstract))
        refuse("packets cannot carry a handshake, which needs a stream");
}

std::vector<os::native_address> resolve_now(const address& a)
{
    error_code ec;
    switch (a.kind()) {
    case address::family::unix_path: return {os::unix_address(a.name())};
    case address::family::unix_abstract: return {os::abstract_address(a.name())};
    case address::family::pipe: return {os::pipe_address(a.name())};
    case address::family::unix_seqpacket: return {with_packets(os::unix_address(a.name()))};
    case address::family::unix_seqpacket_abstract: return {with_packets(os::abstract_address(a.name()))};
    case address::family::fd:
    case address::family::systemd:
        throw usage_error(errc::invalid_argument, "ferrule: nobody can connect to " + a.to_string());
    case address::family::tcp:
    case address::family::tls: break;
    case address::family::udp:
    case address::family::unix_datagram:
    case address::family::unix_datagram_abstract:
    case address::family::serial:
    case address::family::rfc2217:
        throw usage_error(errc::unsupported, "ferrule: " + a.to_string() + ": not an address of connections");
    }
    return os::look_up(a.name(), a.service(), true, ec);
}

std::vector<os::native_address> resolve_waiting(const address& a)
{
    std::vector<os::native_address> all = resolve_now(a);
    error_code ec;
    if (all.empty())
        all = os::look_up(a.name(), a.service(), false, ec);
    if (ec)
        throw error(ec, "ferrule: " + a.to_string());
    return all;
}

address address_of(const os::native_address& a)
{
    os::address_text t = os::text_of(a);
    switch (a.type) {
    case os::native_address::kind::unix_path:
        return a.packets ? address::unix_seqpacket(std::move(t.name)) : address::unix_path(std::move(t.name));
    case os::native_address::kind::unix_abstract:
        return a.packets ? address::unix_seqpacket_abstract(std::move(t.name))
                         : address::unix_abstract(std::move(t.name));
    case os::native_address::kind::pipe: return address::pipe(std::move(t.name));
    case os::native_address::kind::ip: break;
    }
    return address::tcp(std::move(t.name), t.port);
}

class lookup::state {
public:
    void run(const address& a) noexcept
    {
        error_code ec;
        std::vector<os::native_address> found;
        try {
            found = os::look_up(a.name(), a.service(), false, ec, a.kind() == address::family::udp);
        } catch (...) {
            ec = os::caught();
        }
        {
            const std::lock_guard guard(mutex_);
            found_ = std::move(found);
            error_ = ec;
            done_ = true;
        }
        bell_.ring();
    }
    [[nodiscard]] std::optional<std::vector<os::native_address>> take(error_code& ec)
    {
        const std::lock_guard guard(mutex_);
        if (!done_)
            return std::nullopt;
        ec = error_;
        return std::move(found_);
    }
    [[nodiscard]] readiness wait_handle() const noexcept { return bell_.wait_handle(); }

private:
    os::doorbell bell_;
    std::mutex mutex_;
    bool done_ = false;
    std::vector<os::native_address> found_;
    error_code error_;
};

lookup::lookup(const address& a) : state_(std::make_shared<state>())
{
    // The thread is never joined, since a lookup of the system cannot be cancelled.
    os::start_thread([s = state_, a] { s->run(a); });
}

readiness lookup::wait_handle() const noexcept
{
    return state_->wait_handle();
}

std::optional<std::vector<os::native_address>> lookup::result(error_code& ec)
{
    return state_->take(ec);
}

class resolved::state {
public:
    explicit state(const address& a) : asked_(a)
    {
        error_code ec;
        const bool is_udp = a.kind() == address::family::udp;
        if (!is_udp && !is_tcp(a))
            found_.push_back(a);
        else if (const auto known = os::look_up(a.name(), a.service(), true, ec, is_udp); !known.empty())
            put(known);
        else
            lookup_.emplace(a);
    }

    /// Whether there is a result. If not, `ec` may be the error.
    [[nodiscard]] bool look(error_code& ec)
    {
        if (!lookup_ || is_known_)
            return true;
        const std::optional<std::vector<os::native_address>> result = lookup_->result(ec);
        if (!result || ec)
            return false;
        put(*result);
        is_known_ = true;
        return true;
    }
    [[nodiscard]] readiness wait_handle() const noexcept
    {
        return lookup_ && !is_known_ ? lookup_->wait_handle() : readiness::now();
    }
    [[nodiscard]] const std::vector<address>& found() const noexcept { return found_; }
    [[nodiscard]] const address& asked() const noexcept { return asked_; }

private:
    void put(const std::vector<os::native_address>& all)
    {
        for (const os::native_address& n : all) {
            const address a = address_of(n);
            found_.push_back(asked_.kind() == address::family::udp   ? address::udp(a.name(), a.port())
                             : asked_.kind() == address::family::tls ? address::tls(a.name(), a.port())
                                                                     : a);
        }
    }

    std::optional<lookup> lookup_; // to the end, since somebody may still wait for its handle
    bool is_known_ = false;
    std::vector<address> found_;
    address asked_;
};

namespace {

/// A stream of one byte, which stands for the result.
class answer_stream {
public:
    explicit answer_stream(std::shared_ptr<resolved::state> s) noexcept : state_(std::move(s)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (told_)
            return io_result::end();
        error_code ec;
        bool known = false;
        try {
            known = state_->look(ec);
        } catch (...) {
            ec = os::caught();
        }
        if (ec)
            return io_result::failed(ec);
        if (!known)
            return io_result::would_block();
        told_ = true;
        in[0] = {};
        return io_result::moved(1);
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::failed(errc::wrong_direction); }
    [[nodiscard]] readiness arm(direction) noexcept { return told_ ? readiness::now() : state_->wait_handle(); }
    [[nodiscard]] bool can(direction d) const noexcept { return d == direction::read; }
    void close() noexcept { state_.reset(); }

private:
    std::shared_ptr<resolved::state> state_;
    bool told_ = false;
};

} // namespace

std::vector<address> resolved::load(const bytes&) const
{
    return state_->found();
}

void resolved::throw_in_detail(const error_code& ec) const
{
    throw_in_context(ec, "ferrule: looking up " + state_->asked().to_string());
}

message_reader<resolved> start_resolving(const address& a)
{
    const auto s = std::make_shared<resolved::state>(a);
    return message_reader<resolved>(answer_stream(s), resolved(s));
}

native_handle_type handle_of(const address& a)
{
    return os::handle_of(std::stoi(a.name()));
}

} // namespace ferrule::detail

namespace ferrule {

std::vector<address> resolve(const address& a, const until& timeout)
{
    return detail::start_resolving(a).recv(timeout);
}

std::vector<address> resolve(const address& a, const until& timeout, error_code& ec) noexcept
{
    try {
        return detail::start_resolving(a).recv(timeout, ec);
    } catch (...) {
        ec = detail::thrown_code();
        return {};
    }
}

} // namespace ferrule
