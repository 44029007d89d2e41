#include "support/doorbell.hpp"

#include "support/posix/descriptors.hpp"

#include <cstdint>
#include <sys/eventfd.h>

namespace ferrule::test {

doorbell::doorbell() : handle_(must(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {}

void doorbell::signal(bool on) noexcept
{
    std::uint64_t n = 1;
    if (on)
        (void)!::write(handle(), &n, sizeof n);
    else
        (void)!::read(handle(), &n, sizeof n); // back to zero
}

} // namespace ferrule::test
