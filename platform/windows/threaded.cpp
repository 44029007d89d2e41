#include "platform/windows/threaded.hpp"

namespace ferrule::windows {

calling_thread::~calling_thread()
{
    if (!thread_.is_open())
        return;
    if (pending_)
        cancel();
    ::AcquireSRWLockExclusive(&lock_);
    ends_ = true;
    ::WakeConditionVariable(&changed_);
    ::ReleaseSRWLockExclusive(&lock_);
    ::WaitForSingleObject(thread_.get(), INFINITE);
}

DWORD calling_thread::start(void (*f)(void*) noexcept, void* argument) noexcept
{
    if (!thread_.is_open()) {
        const auto work = [](void* self) -> DWORD {
            static_cast<calling_thread*>(self)->work();
            return 0;
        };
        thread_ = unique_handle(::CreateThread(nullptr, 0, work, this, 0, nullptr));
        if (!thread_.is_open())
            return ::GetLastError();
    }
    ::ResetEvent(over_.get());
    pending_ = true;
    ::AcquireSRWLockExclusive(&lock_);
    next_ = f;
    argument_ = argument;
    ::WakeConditionVariable(&changed_);
    ::ReleaseSRWLockExclusive(&lock_);
    return ERROR_IO_PENDING;
}

bool calling_thread::finish(DWORD milliseconds) noexcept
{
    if (::WaitForSingleObject(over_.get(), milliseconds) != WAIT_OBJECT_0)
        return false;
    pending_ = false;
    return true;
}

void calling_thread::cancel() noexcept
{
    do // the thread may be just before its call, where there is nothing to cancel
        ::CancelSynchronousIo(thread_.get());
    while (!finish(1));
}

void calling_thread::work() noexcept
{
    ::AcquireSRWLockExclusive(&lock_);
    for (;;) {
        while (next_ == nullptr && !ends_)
            ::SleepConditionVariableSRW(&changed_, &lock_, INFINITE, 0);
        if (ends_)
            break;
        const auto f = std::exchange(next_, nullptr);
        void* const argument = argument_;
        ::ReleaseSRWLockExclusive(&lock_);
        f(argument);
        ::SetEvent(over_.get());
        ::AcquireSRWLockExclusive(&lock_);
    }
    ::ReleaseSRWLockExclusive(&lock_);
}

DWORD threaded_call::start() noexcept
{
    return thread_.start(
        [](void* self) noexcept {
            auto& c = *static_cast<threaded_call*>(self);
            c.outcome_ = c.run();
        },
        this);
}

DWORD threaded_call::probe(HANDLE h) noexcept
{
    handle_ = h;
    writes_ = false;
    return start();
}

DWORD threaded_call::write(HANDLE h, byte_view data) noexcept
{
    handle_ = h;
    writes_ = true;
    data_ = data;
    if (room_in(h) >= data.size())
        return run().error;
    if (const DWORD e = start(); e != ERROR_IO_PENDING)
        return e;
    // Where the room in the pipe is unknown, it usually suffices.
    constexpr DWORD milliseconds = 1;
    return thread_.finish(milliseconds) ? outcome_.error : 0;
}

// Called only when input is available, so it does not block.
outcome threaded_call::take(HANDLE h, std::span<std::byte> in) noexcept
{
    outcome o{};
    if (::ReadFile(h, in.data(), static_cast<DWORD>(in.size()), &o.size, nullptr) == 0)
        o.error = ::GetLastError();
    return o;
}

outcome threaded_call::result(HANDLE, bool wait) noexcept
{
    return thread_.finish(wait ? INFINITE : 0) ? outcome_ : outcome{ERROR_IO_INCOMPLETE, 0};
}

outcome threaded_call::cancel(HANDLE) noexcept
{
    thread_.cancel();
    return outcome_;
}

outcome threaded_call::run() const noexcept
{
    std::byte none;
    outcome o{};
    const BOOL done = writes_ ? ::WriteFile(handle_, data_.data(), static_cast<DWORD>(data_.size()), &o.size, nullptr)
                              : ::ReadFile(handle_, &none, 0, &o.size, nullptr);
    if (done == 0)
        o.error = ::GetLastError();
    return o;
}

} // namespace ferrule::windows
