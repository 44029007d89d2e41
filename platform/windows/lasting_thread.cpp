#include "platform/windows/overlapped.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

namespace ferrule::windows {
namespace {

class lasting_thread {
public:
    lasting_thread()
    {
        std::thread([this] { run(); }).detach();
    }

    void call(void (*f)(void*), void* argument)
    {
        job j{f, argument};
        std::unique_lock guard(mutex_);
        jobs_.push_back(&j);
        changed_.notify_all();
        changed_.wait(guard, [&] { return j.done; });
    }

private:
    struct job {
        void (*f)(void*);
        void* argument;
        bool done = false;
    };

    void run() noexcept
    {
        std::unique_lock guard(mutex_);
        for (;;) {
            changed_.wait(guard, [this] { return !jobs_.empty(); });
            job& j = *jobs_.front();
            jobs_.pop_front();
            j.f(j.argument);
            j.done = true;
            changed_.notify_all();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<job*> jobs_;
};

} // namespace

void do_in_lasting_thread(void (*f)(void*), void* argument)
{
    try {
        static lasting_thread& it = *new lasting_thread; // it ends with the process, after everything else
        it.call(f, argument);
    } catch (const std::system_error& e) {
        throw_error(system_error(static_cast<DWORD>(e.code().value())));
    }
}

} // namespace ferrule::windows
