#include "platform/shared_memory/memory.hpp"

namespace ferrule::shared_memory {

std::unique_ptr<ring_memory> make_memory(std::uint64_t, os::unique_handle&)
{
    throw_error(errc::unsupported);
}

std::unique_ptr<ring_memory> map_memory(const os::unique_handle&, std::uint64_t)
{
    throw_error(errc::unsupported);
}

std::pair<descriptor, os::unique_handle> make_bell()
{
    throw_error(errc::unsupported);
}

descriptor open_bell(os::unique_handle)
{
    throw_error(errc::unsupported);
}

} // namespace ferrule::shared_memory
