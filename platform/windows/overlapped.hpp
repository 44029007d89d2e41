// One call that Windows goes on with after it has returned. Private.
#pragma once

#include "platform/windows/handle.hpp"

namespace ferrule::windows {

class overlapped_call {
public:
    overlapped_call() : event_(make_event()) {}
    overlapped_call(const overlapped_call&) = delete;
    overlapped_call& operator=(const overlapped_call&) = delete;

    /// For the next call, which takes back the event's signal.
    OVERLAPPED* begin() noexcept
    {
        call_ = {};
        call_.hEvent = event_.get();
        return &call_;
    }
    /// It was answered with ERROR_IO_PENDING.
    void pends() noexcept { pending_ = true; }
    [[nodiscard]] bool is_pending() const noexcept { return pending_; }
    /// Signalled when it is over.
    [[nodiscard]] HANDLE event() const noexcept { return event_.get(); }

    struct outcome {
        DWORD error;
        DWORD size;
    };
    /// Of a pending call. ERROR_IO_INCOMPLETE: it still is.
    [[nodiscard]] outcome result(HANDLE h, bool wait = false) noexcept
    {
        if (::WaitForSingleObject(event_.get(), wait ? INFINITE : 0) != WAIT_OBJECT_0)
            return {ERROR_IO_INCOMPLETE, 0};
        pending_ = false;
        outcome o{0, 0};
        if (::GetOverlappedResult(h, &call_, &o.size, FALSE) == 0)
            o.error = ::GetLastError();
        return o;
    }
    /// Ends a pending call, which may have been done all the same.
    outcome cancel(HANDLE h) noexcept
    {
        ::CancelIoEx(h, &call_);
        return result(h, true);
    }

private:
    unique_handle event_;
    OVERLAPPED call_{};
    bool pending_ = false;
};

/// Has `f(argument)` called by a thread that lives as long as the process, and returns then. `f` must not wait. Throws
/// `std::bad_alloc`, `error`.
void do_in_lasting_thread(void (*f)(void*), void* argument);

template <class F>
void do_in_lasting_thread(F f)
{
    do_in_lasting_thread([](void* g) { (*static_cast<F*>(g))(); }, &f);
}

} // namespace ferrule::windows
