#include "src/net/listen_at.hpp"

#include "src/net/resolve.hpp"

#include <ferrule/error.hpp>

#include <string>

namespace ferrule::detail {
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
    const std::vector<os::native_address> at = resolve_waiting(a);
    const bool any_port = is_tcp(a) && os::text_of(at.front()).port == 0;
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

std::vector<std::unique_ptr<os::listening>> listen_at(const address& a, const os::listening_settings& s)
{
    try {
        return listen_at_some(a, s);
    } catch (const error& e) {
        throw_in_context(e.code(), "ferrule: listening at " + a.to_string());
    }
}

} // namespace ferrule::detail
