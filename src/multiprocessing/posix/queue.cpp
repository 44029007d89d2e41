#include <ferrule/python/multiprocessing/queue.hpp>

#include <chrono>
#include <utility>

namespace ferrule::python {
namespace {

class hold {
public:
    hold(named_semaphore& s, const until& timeout) : semaphore_(&s) { s.acquire(timeout); }
    hold(const hold&) = delete;
    hold& operator=(const hold&) = delete;
    ~hold()
    {
        if (semaphore_ != nullptr)
            semaphore_->release();
    }
    void keep() noexcept { semaphore_ = nullptr; }

private:
    named_semaphore* semaphore_;
};

} // namespace

queue_writer::queue_writer(descriptor end, const queue_locks& l, const multiprocessing& f)
    : end_(std::move(end), f),
      lock_(l.write),
      slots_(l.slots)
{
}

queue_writer::~queue_writer()
{
    try {
        finish(std::chrono::seconds(1));
    } catch (...) { // the lock then stays taken, as after the death of a process
    }
}

void queue_writer::finish(const until& timeout)
{
    if (!torn_)
        return;
    try {
        end_.flush(timeout);
    } catch (...) {
        torn_ = end_.unsent() != 0;
        if (!torn_)
            lock_.release();
        throw;
    }
    torn_ = false;
    lock_.release();
}

void queue_writer::put(const value& v, const until& timeout)
{
    finish(timeout);
    hold slot(slots_, timeout);
    hold lock(lock_, timeout);
    try {
        end_.send(v, timeout);
    } catch (...) {
        torn_ = end_.unsent() != 0;
        if (torn_) {
            slot.keep();
            lock.keep();
        }
        throw;
    }
    slot.keep(); // until the message has been received
}

void queue_writer::put(const value& v, const until& timeout, error_code& ec)
{
    try {
        put(v, timeout);
        ec = {};
    } catch (...) {
        ec = ferrule::detail::thrown_code();
    }
}

queue_reader::queue_reader(descriptor end, const queue_locks& l, const multiprocessing& f)
    : end_(std::move(end), f),
      framing_(f),
      slots_(l.slots)
{
}

value queue_reader::get(const until& timeout)
{
    bytes pickle = end_.with(multiprocessing_bytes()).recv(timeout);
    slots_.release(); // even if the message holds no valid value
    return framing_.load(std::move(pickle));
}

value queue_reader::get(const until& timeout, error_code& ec)
{
    try {
        ec = {};
        return get(timeout);
    } catch (...) {
        ec = ferrule::detail::thrown_code();
        return {};
    }
}

} // namespace ferrule::python
