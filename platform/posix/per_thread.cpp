#include "platform/posix/per_thread.hpp"

#include <ferrule/error.hpp>

namespace ferrule::os {
namespace {

void check(int error_number)
{
    if (error_number != 0)
        throw_error({error_number, boost::system::system_category()});
}

} // namespace

late_slot::late_slot(void (*destroy)(void*))
{
    check(::pthread_key_create(&key_, destroy));
}

void late_slot::set(void* p) const
{
    check(::pthread_setspecific(key_, p));
}

} // namespace ferrule::os
