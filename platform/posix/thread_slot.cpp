#include "platform/posix/thread_slot.hpp"

#include "platform/posix/last_error.hpp"

#include <new>

namespace ferrule::os {

thread_slot::thread_slot(void (*destroy)(void*))
{
    const int e = ::pthread_key_create(&key_, destroy);
    if (e == ENOMEM)
        throw std::bad_alloc();
    posix::check(e);
}

void thread_slot::set(void* p) const
{
    if (::pthread_setspecific(key_, p) != 0) // it wants memory
        throw std::bad_alloc();
}

} // namespace ferrule::os
