#include "src/net/resolve.hpp"

#include "platform/background.hpp"
#include "platform/caught.hpp"

#include <mutex>

namespace ferrule::detail {

std::vector<os::native_address> resolve_now(const address& a)
{
    error_code ec;
    switch (a.kind()) {
    case address::family::unix_path: return {os::unix_address(a.name())};
    case address::family::unix_abstract: return {os::abstract_address(a.name())};
    case address::family::pipe: return {os::pipe_address(a.name())};
    case address::family::fd:
    case address::family::systemd:
        throw usage_error(errc::invalid_argument, "ferrule: nobody can connect to " + a.to_string());
    case address::family::tcp: break;
    case address::family::udp:
    case address::family::unix_datagram:
    case address::family::unix_datagram_abstract:
    case address::family::unix_seqpacket:
    case address::family::unix_seqpacket_abstract:
        throw usage_error(errc::unsupported, "ferrule: " + a.to_string() + ": not an address of stream connections");
    }
    return os::look_up(a.name(), a.service(), true, ec);
}

std::vector<os::native_address> resolve(const address& a)
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
    case os::native_address::kind::unix_path: return address::unix_path(std::move(t.name));
    case os::native_address::kind::unix_abstract: return address::unix_abstract(std::move(t.name));
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
            found = os::look_up(a.name(), a.service(), false, ec);
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

namespace {

std::vector<std::unique_ptr<os::listening>> take_passed(const std::string& name)
{
    std::vector<std::unique_ptr<os::listening>> all;
    for (const os::passed_socket& s : os::passed_sockets())
        if (name.empty() || s.name == name)
            all.push_back(os::adopt_listening(s.handle));
    if (all.empty())
        throw_error(make_error_code(boost::system::errc::address_not_available));
    return all;
}

/// Whether a host has this address, but the machine does not, as where IPv6 is switched off.
bool is_elsewhere(const error_code& ec)
{
    return ec == boost::system::errc::address_not_available || ec == boost::system::errc::address_family_not_supported;
}

/// Listens at every address of a host. If the system is to choose the port, it is the same for all.
std::vector<std::unique_ptr<os::listening>> listen_at_host(const std::vector<os::native_address>& at, bool any_port,
                                                           const os::listening_settings& s)
{
    std::vector<std::unique_ptr<os::listening>> all;
    error_code why;
    for (os::native_address a : at) {
        if (any_port && !all.empty())
            os::set_port(a, os::text_of(all.front()->where()).port);
        try {
            all.push_back(os::listen_at(a, s));
        } catch (const error& e) {
            why = e.code();
            if (!is_elsewhere(why))
                throw;
        }
    }
    if (all.empty())
        throw_error(why);
    return all;
}

std::vector<std::unique_ptr<os::listening>> listen_at_some(const address& a, const os::listening_settings& s)
{
    if (a.kind() == address::family::systemd)
        return take_passed(a.name());
    std::vector<std::unique_ptr<os::listening>> all;
    if (a.kind() == address::family::fd) {
        all.push_back(os::adopt_listening(handle_of(a)));
        return all;
    }
    const std::vector<os::native_address> at = resolve(a);
    const bool any_port = a.kind() == address::family::tcp && os::text_of(at.front()).port == 0;
    // A port that is free at the first address may be taken at another.
    for (int tries = any_port && at.size() > 1 ? 10 : 1;; --tries) {
        try {
            return listen_at_host(at, any_port, s);
        } catch (const error& e) {
            if (tries == 1 || e.code() != boost::system::errc::address_in_use)
                throw;
        }
    }
}

} // namespace

native_handle_type handle_of(const address& a)
{
    return os::handle_of(std::stoi(a.name()));
}

std::vector<std::unique_ptr<os::listening>> listen_at(const address& a, const os::listening_settings& s)
{
    try {
        return listen_at_some(a, s);
    } catch (const error& e) {
        throw_in_context(e.code(), "ferrule: listening at " + a.to_string());
    }
}

} // namespace ferrule::detail
