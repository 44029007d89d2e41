// Overlapped calls, which Windows may complete after they have returned. Private.
#pragma once

#include "platform/windows/handle.hpp"

#include <ferrule/bytes.hpp>

#include <span>

namespace ferrule::windows {

/// The result of a call.
struct outcome {
    DWORD error;
    DWORD size;
};

/// Returns how many bytes can be written to a pipe without blocking, 0 if that is unknown, as with Wine.
[[nodiscard]] std::size_t room_in(HANDLE h) noexcept;

/// Makes one call at a time on a handle that was opened with FILE_FLAG_OVERLAPPED.
class overlapped_call {
public:
    overlapped_call() : event_(make_event()) {}
    overlapped_call(const overlapped_call&) = delete;
    overlapped_call& operator=(const overlapped_call&) = delete;

    /// Begins a read of 0 bytes, which ends when input is available. Returns 0 if it has, else ERROR_IO_PENDING or an
    /// error.
    DWORD probe(HANDLE h) noexcept;
    /// Begins a read, which ends with as many bytes. They must exist until it is over. Returns as `probe`.
    DWORD read(HANDLE h, std::span<std::byte> in) noexcept;
    /// Begins a write, which may stay pending. The data must exist until it is over. Returns 0 or an error. Throws
    /// `std::bad_alloc`, `error`.
    DWORD write(HANDLE h, byte_view data);
    /// Begins to wait for a client of this pipe. Returns the result, or ERROR_IO_PENDING. Throws `std::bad_alloc`,
    /// `error`.
    DWORD connect(HANDLE h);
    /// Reads the available input. The error is ERROR_OPERATION_ABORTED if there is none.
    outcome take(HANDLE h, std::span<std::byte> in) noexcept;

    [[nodiscard]] bool is_pending() const noexcept { return pending_; }
    /// Signalled when the call is over.
    [[nodiscard]] HANDLE event() const noexcept { return event_.get(); }

    /// The result of a pending call. The error is ERROR_IO_INCOMPLETE until it ends. `wait` blocks until then.
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
    /// Ends a pending call, which may nevertheless have succeeded.
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

/// Runs `f(argument)` in a thread that lives as long as the process, and waits for it. `f` must not block. Throws
/// `std::bad_alloc`, `error`.
void do_in_lasting_thread(void (*f)(void*), void* argument);

template <class F>
void do_in_lasting_thread(F f)
{
    do_in_lasting_thread([](void* g) { (*static_cast<F*>(g))(); }, &f);
}

} // namespace ferrule::windows
