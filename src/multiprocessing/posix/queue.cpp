#include <ferrule/python/queue.hpp>

#include <chrono>
#include <utility>

namespace ferrule::python {
namespace {

class hold {
public:
    hold(named_semaphore& s, const until& limit) : semaphore_(&s) { s.acquire(limit); }
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
    } catch (...) { // then the lock stays taken, as when a process is killed
    }
}

void queue_writer::finish(const until& limit)
{
    if (!torn_)
        return;
    try {
        end_.flush(limit);
    } catch (...) {
        torn_ = end_.unsent() != 0;
        if (!torn_)
            lock_.release();
        throw;
    }
    torn_ = false;
    lock_.release();
}

void queue_writer::put(const value& v, const until& limit)
{
    finish(limit);
    hold slot(slots_, limit);
    hold lock(lock_, limit);
    try {
        end_.send(v, limit);
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

void queue_writer::put(const value& v, const until& limit, error_code& ec)
{
    try {
        put(v, limit);
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

value queue_reader::get(const until& limit)
{
    bytes pickle = end_.with(multiprocessing_bytes()).recv(limit);
    slots_.release(); // whatever it turns out to be, its place is free
    return framing_.load(std::move(pickle));
}

value queue_reader::get(const until& limit, error_code& ec)
{
    try {
        ec = {};
        return get(limit);
    } catch (...) {
        ec = ferrule::detail::thrown_code();
        return {};
    }
}

} // namespace ferrule::python
