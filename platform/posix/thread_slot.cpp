#include "platform/posix/thread_slot.hpp"

#include <ferrule/error.hpp>

#include <cerrno>
#include <new>

namespace ferrule::os {
namespace {

void check(int error_number)
{
    if (error_number == ENOMEM)
        throw std::bad_alloc();
    if (error_number != 0)
        throw_error({error_number, boost::system::system_category()});
}

} // namespace

thread_slot::thread_slot(void (*destroy)(void*))
{
    check(::pthread_key_create(&key_, destroy));
}

void thread_slot::set(void* p) const
{
    check(::pthread_setspecific(key_, p));
}

} // namespace ferrule::os
