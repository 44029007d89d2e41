#include "platform/windows/overlapped.hpp"

#include <deque>

namespace ferrule::windows {
namespace {

// Uses the system's locks. With those of MinGW's C++ library, a call takes a dozen system calls.
class lasting_thread {
public:
    lasting_thread()
    {
        const unique_handle thread(::CreateThread(
            nullptr, 0, [](void* self) -> DWORD { static_cast<lasting_thread*>(self)->run(); }, this, 0, nullptr));
        if (!thread.is_open())
            throw_error(last_error());
    }

    void call(void (*f)(void*), void* argument)
    {
        job j{f, argument};
        ::AcquireSRWLockExclusive(&lock_);
        try {
            jobs_.push_back(&j);
        } catch (...) {
            ::ReleaseSRWLockExclusive(&lock_);
            throw;
        }
        ::WakeConditionVariable(&arrived_);
        while (!j.done)
            ::SleepConditionVariableSRW(&finished_, &lock_, INFINITE, 0);
        ::ReleaseSRWLockExclusive(&lock_);
    }

private:
    struct job {
        void (*f)(void*);
        void* argument;
        bool done = false;
    };

    [[noreturn]] void run() noexcept
    {
        ::AcquireSRWLockExclusive(&lock_);
        for (;;) {
            while (jobs_.empty())
                ::SleepConditionVariableSRW(&arrived_, &lock_, INFINITE, 0);
            job& j = *jobs_.front();
            jobs_.pop_front();
            j.f(j.argument);
            j.done = true;
            ::WakeAllConditionVariable(&finished_);
        }
    }

    SRWLOCK lock_ = SRWLOCK_INIT;
    CONDITION_VARIABLE arrived_ = CONDITION_VARIABLE_INIT;
    CONDITION_VARIABLE finished_ = CONDITION_VARIABLE_INIT;
    std::deque<job*> jobs_;
};

} // namespace

void do_in_lasting_thread(void (*f)(void*), void* argument)
{
    static lasting_thread& it = *new lasting_thread; // ends with the process, after everything else
    it.call(f, argument);
}

} // namespace ferrule::windows
