#include "platform/handle_socket.hpp"

namespace ferrule {

std::size_t detail::handle_arrivals::max_held() noexcept
{
    return 0;
}

namespace os {

descriptor open_handle_socket(native_handle_type, std::shared_ptr<detail::handle_arrivals>)
{
    throw_error(errc::unsupported);
}

std::pair<unique_handle, unique_handle> handle_sockets()
{
    throw_error(errc::unsupported);
}

} // namespace os
} // namespace ferrule
