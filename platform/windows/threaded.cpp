#include "platform/windows/threaded.hpp"

namespace ferrule::windows {

threaded_call::~threaded_call()
{
    if (!thread_.is_open())
        return;
    if (pending_)
        cancel(nullptr);
    ::AcquireSRWLockExclusive(&lock_);
    ends_ = true;
    ::WakeConditionVariable(&changed_);
    ::ReleaseSRWLockExclusive(&lock_);
    ::WaitForSingleObject(thread_.get(), INFINITE);
}

DWORD threaded_call::probe(HANDLE h) noexcept
{
    return start({h, false});
}

DWORD threaded_call::write(HANDLE h, byte_view data) noexcept
{
    const job j{h, true, data};
    if (room_in(h) >= data.size())
        return run(j).error;
    if (const DWORD e = start(j); e != ERROR_IO_PENDING)
        return e;
    // Where Windows does not say how much room there is, it is mostly enough.
    constexpr DWORD milliseconds = 1;
    if (::WaitForSingleObject(over_.get(), milliseconds) != WAIT_OBJECT_0)
        return 0;
    return result(h).error;
}

// Called only when there is something: so it does not wait.
outcome threaded_call::take(HANDLE h, std::span<std::byte> in) noexcept
{
    outcome o{};
    if (::ReadFile(h, in.data(), static_cast<DWORD>(in.size()), &o.size, nullptr) == 0)
        o.error = ::GetLastError();
    return o;
}

DWORD threaded_call::start(const job& j) noexcept
{
    if (!thread_.is_open()) {
        const auto work = [](void* self) -> DWORD {
            static_cast<threaded_call*>(self)->work();
            return 0;
        };
        thread_ = unique_handle(::CreateThread(nullptr, 0, work, this, 0, nullptr));
        if (!thread_.is_open())
            return ::GetLastError();
    }
    ::ResetEvent(over_.get());
    pending_ = true;
    ::AcquireSRWLockExclusive(&lock_);
    next_ = j;
    ::WakeConditionVariable(&changed_);
    ::ReleaseSRWLockExclusive(&lock_);
    return ERROR_IO_PENDING;
}

outcome threaded_call::result(HANDLE, bool wait) noexcept
{
    if (::WaitForSingleObject(over_.get(), wait ? INFINITE : 0) != WAIT_OBJECT_0)
        return {ERROR_IO_INCOMPLETE, 0};
    pending_ = false;
    return outcome_;
}

outcome threaded_call::cancel(HANDLE h) noexcept
{
    do { // the thread may be just before its call, where there is nothing to cancel
        ::CancelSynchronousIo(thread_.get());
    } while (::WaitForSingleObject(over_.get(), 1) != WAIT_OBJECT_0);
    return result(h);
}

outcome threaded_call::run(const job& j) noexcept
{
    std::byte none;
    outcome o{};
    const BOOL done = j.writes
                          ? ::WriteFile(j.handle, j.data.data(), static_cast<DWORD>(j.data.size()), &o.size, nullptr)
                          : ::ReadFile(j.handle, &none, 0, &o.size, nullptr);
    if (done == 0)
        o.error = ::GetLastError();
    return o;
}

void threaded_call::work() noexcept
{
    ::AcquireSRWLockExclusive(&lock_);
    for (;;) {
        while (next_.handle == nullptr && !ends_)
            ::SleepConditionVariableSRW(&changed_, &lock_, INFINITE, 0);
        if (ends_)
            break;
        const job j = std::exchange(next_, {});
        ::ReleaseSRWLockExclusive(&lock_);
        outcome_ = run(j);
        ::SetEvent(over_.get());
        ::AcquireSRWLockExclusive(&lock_);
    }
    ::ReleaseSRWLockExclusive(&lock_);
}

} // namespace ferrule::windows
