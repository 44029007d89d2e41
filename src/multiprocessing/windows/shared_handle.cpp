#include <ferrule/python/convert.hpp>
#include <ferrule/python/multiprocessing/shared_handle.hpp>

#include "platform/foreign_handle.hpp"

namespace ferrule::python {

passed_handle fetch_handle(const value& sent, const std::string&, const until&)
{
    // rebuild_pipe_connection(DupHandle, readable, writable)
    const bool is_object = sent.type() == type::object && sent.args().size() == 3;
    const value source = is_object ? sent.args()[0] : value();
    if (!source.is("multiprocessing.reduction", "DupHandle") || source.state().type() != type::dict)
        detail::mismatch(sent, "a Connection of a pipe that was sent");
    const value h = source.state();
    return passed_handle(os::take_over({h.at("_handle").as<std::uint64_t>(), h.at("_pid").as<std::uint32_t>(),
                                        h.at("_access").as<std::uint32_t>()})
                             .release());
}

class offered_handle::state {
public:
    explicit state(const endpoint& e) : handle(e) {}

    passed_handle handle;
};

offered_handle::offered_handle(const endpoint& e, const std::string&) : state_(std::make_unique<state>(e)) {}
offered_handle::offered_handle(offered_handle&&) noexcept = default;
offered_handle& offered_handle::operator=(offered_handle&&) noexcept = default;
offered_handle::~offered_handle() = default;

value offered_handle::as_connection(bool readable, bool writable) const
{
    const os::foreign_handle h = os::name_of(state_->handle.native_handle(), readable, writable);
    const value source = value::instance("multiprocessing.reduction", "DupHandle",
                                         dict{{"_handle", h.number}, {"_access", h.access}, {"_pid", h.process}});
    return value::object("multiprocessing.connection", "rebuild_pipe_connection", {source, readable, writable});
}

void offered_handle::hand_over(const until&)
{
    (void)state_->handle.release(); // the receiver closes it here
}

globals offered_handle::allow(globals g)
{
    return g.allow("multiprocessing.connection", "rebuild_pipe_connection")
        .allow("multiprocessing.reduction", "DupHandle");
}

} // namespace ferrule::python
