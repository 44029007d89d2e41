#include <ferrule/python/multiprocessing/shared_handle.hpp>

#include <ferrule/process/handle_link.hpp>
#include <ferrule/python/convert.hpp>
#include <ferrule/python/multiprocessing/address.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

namespace ferrule::python {
namespace {

constexpr int number = 1; // of the only handle in an offer

// Only the handshake has used the connection so far, and it reads nothing ahead.
handle_link as_link(message_duplex<multiprocessing> c)
{
    passed_handle socket(c.release().first);
    handle_link link = open_handle_link(socket.native_handle());
    (void)socket.release();
    return link;
}

value argument(const value& v, std::size_t i)
{
    return v.type() == type::object && v.args().size() > i ? v.args()[i] : value();
}

} // namespace

passed_handle fetch_handle(const value& sent, const std::string& authkey, const until& timeout)
{
    // rebuild_connection(DupFd, readable, writable), _rebuild_socket(DupFd, family, type, protocol)
    const value source = argument(sent, 0);
    if (!source.is("multiprocessing.resource_sharer", "DupFd") || source.state().type() != type::dict)
        detail::mismatch(sent, "a Connection or a socket that was sent");
    const value id = source.state().at("_id");
    if (id.type() != type::tuple || id.size() != 2)
        detail::mismatch(sent, "a Connection or a socket that was sent");
    const handle_link link = as_link(connect(to_address(id[0]), connect_options().authkey(authkey), timeout));
    message_duplex<multiprocessing> messages(link.socket);
    messages.send({id[1], 0}, timeout); // and the process id, which is used only on Windows
    return messages.with(link.handles).recv(timeout);
}

class offered_handle::state {
public:
    state(const endpoint& e, const std::string& authkey) : handle(e), waiting(listener_options().authkey(authkey)) {}

    passed_handle handle;
    listener<multiprocessing> waiting;
};

offered_handle::offered_handle(const endpoint& e, const std::string& authkey)
    : state_(std::make_unique<state>(e, authkey))
{
}
offered_handle::offered_handle(offered_handle&&) noexcept = default;
offered_handle& offered_handle::operator=(offered_handle&&) noexcept = default;
offered_handle::~offered_handle() = default;

value offered_handle::as_connection(bool readable, bool writable) const
{
    const value source = value::instance("multiprocessing.resource_sharer", "DupFd",
                                         dict{{"_id", {from_address(state_->waiting.address()), number}}});
    return value::object("multiprocessing.connection", "rebuild_connection", {source, readable, writable});
}

void offered_handle::hand_over(const until& timeout)
{
    for (;;) {
        const handle_link link = as_link(state_->waiting.accept(timeout));
        message_duplex<multiprocessing> messages(link.socket);
        const value asked = messages.recv(timeout);
        if (asked.type() != type::tuple || asked.size() != 2 || !(asked[0] == value(number)))
            continue;
        messages.with(link.handles).send(state_->handle, timeout);
        state_->waiting.close();
        return;
    }
}

globals offered_handle::allow(globals g)
{
    return g.allow("multiprocessing.connection", "rebuild_connection")
        .allow("multiprocessing.resource_sharer", "DupFd");
}

} // namespace ferrule::python
