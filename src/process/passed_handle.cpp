#include <ferrule/process/passed_handle.hpp>

#include "platform/unique_handle.hpp"
#include "src/core/idle_handle.hpp"

namespace ferrule {

passed_handle::passed_handle(const endpoint& e, std::string framing) : framing_(std::move(framing))
{
    handle_ = detail::duplicate_idle_handle(e.channel()).release();
    if (handle_ == invalid_handle)
        throw_error(errc::closed);
}

passed_handle::~passed_handle()
{
    if (handle_ != invalid_handle)
        os::close_handle(handle_);
}

} // namespace ferrule
