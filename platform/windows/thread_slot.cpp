#include "platform/windows/thread_slot.hpp"

#include "platform/windows/handle.hpp"

#include <new>

namespace ferrule::os {

thread_slot::thread_slot(void (*destroy)(void*)) : index_(::FlsAlloc(destroy))
{
    if (index_ == FLS_OUT_OF_INDEXES)
        throw_error(windows::last_error());
}

void* thread_slot::get() const noexcept
{
    return ::FlsGetValue(index_);
}

void thread_slot::set(void* p) const
{
    if (::FlsSetValue(index_, p) == 0) // the index is valid, so memory is lacking
        throw std::bad_alloc();
}

} // namespace ferrule::os
