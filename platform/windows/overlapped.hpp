// Calls that Windows goes on with after they have returned. Private.
#pragma once

#include "platform/windows/handle.hpp"

#include <ferrule/bytes.hpp>

#include <span>

namespace ferrule::windows {

/// What a call came to.
struct outcome {
    DWORD error;
    DWORD size;
};

/// Bytes that can be written to a pipe without waiting; 0 where that is not known, as with Wine.
[[nodiscard]] std::size_t room_in(HANDLE h) noexcept;

/// One call at a time, of a handle that was opened for it (FILE_FLAG_OVERLAPPED).
class overlapped_call {
public:
    overlapped_call() : event_(make_event()) {}
    overlapped_call(const overlapped_call&) = delete;
    overlapped_call& operator=(const overlapped_call&) = delete;

    /// Begins a read of no bytes, which ends when there are some. 0: it has; ERROR_IO_PENDING.
    DWORD probe(HANDLE h) noexcept;
    /// Begins a write, which may pend. Keep the data until it is over. 0 or why not. Throws `std::bad_alloc`, `error`.
    DWORD write(HANDLE h, byte_view data);
    /// Begins to wait for somebody who connects to this end of a pipe. What it has come to, or ERROR_IO_PENDING. Throws
    /// `std::bad_alloc`, `error`.
    DWORD connect(HANDLE h);
    /// Reads what is there; ERROR_OPERATION_ABORTED if nothing is.
    outcome take(HANDLE h, std::span<std::byte> in) noexcept;

    [[nodiscard]] bool is_pending() const noexcept { return pending_; }
    /// Signalled when it is over.
    [[nodiscard]] HANDLE event() const noexcept { return event_.get(); }

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
    OVERLAPPED* begin() noexcept
    {
        call_ = {};
        call_.hEvent = event_.get();
        return &call_;
    }
    DWORD begun(BOOL done) noexcept;

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
