#include <ferrule/process/passed_handle.hpp>

#include "platform/unique_handle.hpp"

namespace ferrule {

passed_handle::passed_handle(const endpoint& e, std::string framing) : framing_(std::move(framing))
{
    detail::require_nothing_held(e.channel());
    const detail::handle_use use(e.channel()); // keeps the handle open
    if (use.get() == invalid_handle)
        throw_error(errc::closed);
    error_code ec;
    handle_ = os::duplicate_handle(use.get(), ec);
    if (ec)
        throw_error(ec);
}

passed_handle::~passed_handle()
{
    if (handle_ != invalid_handle)
        os::close_handle(handle_);
}

} // namespace ferrule
