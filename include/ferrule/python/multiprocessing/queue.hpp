// The C++ ends of Python's multiprocessing queues.
#pragma once

#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/message.hpp>
#include <ferrule/platform/named_semaphore.hpp>

#include <string>
#include <utility>

namespace ferrule::python {

/// The names of the locks of a queue, as `queue_ends` in ferrule_peer.py finds them: it must come from a spawn or
/// forkserver context, since those of a fork context have no names.
struct queue_locks {
    queue_locks() = default;
    explicit queue_locks(std::string w) : write(std::move(w)) {}
    queue_locks(std::string w, std::string s) : write(std::move(w)), slots(std::move(s)) {}

    std::string write; // empty: nobody else puts
    std::string slots; // of a Queue with places for a limited number of messages; empty: a SimpleQueue
};

/// Puts objects into a `multiprocessing.SimpleQueue` or `Queue`, as other processes do at the same time. Blocking calls only,
/// by one thread at a time. A process that is killed while it holds the lock leaves it locked, as in Python: use limits.
///
/// Source: Lib/multiprocessing/queues.py.
class FERRULE_EXPORT queue_writer {
public:
    /// Takes over the writing end, whose number is that of `queue._writer.fileno()`.
    explicit queue_writer(descriptor end, const queue_locks& l = {}, const multiprocessing& f = {});
    queue_writer(const queue_writer&) = delete;
    queue_writer& operator=(const queue_writer&) = delete;
    ~queue_writer();

    /// Blocks until the queue has room, the lock is free and the object has left. Throws as `message_writer::send` does. If that
    /// has sent a part of it, the lock stays taken and the next `put` sends the rest first; destroying this blocks until
    /// the rest has left, for a second at most.
    void put(const value& v, const until& limit = {});
    void put(const value& v, const until& limit, error_code& ec);

private:
    void finish(const until& limit);

    message_writer<multiprocessing> end_;
    named_semaphore lock_;
    named_semaphore slots_;
    bool torn_ = false; // a part of a message has left, and the lock is ours
};

/// Gets objects out of a `multiprocessing.SimpleQueue` or `Queue`, as the only process that does: messages are read ahead, so
/// that others would miss them. There is no end: processes that could still put may be this one's parent.
class FERRULE_EXPORT queue_reader {
public:
    /// Takes over the reading end, whose number is that of `queue._reader.fileno()`.
    explicit queue_reader(descriptor end, const queue_locks& l = {}, const multiprocessing& f = {});

    /// Blocks until there is an object; makes room for another one, also if it turns out to be none (`errc::invalid_value`,
    /// `errc::too_large`). Throws as `message_reader::recv` does.
    value get(const until& limit = {});
    /// None on error.
    value get(const until& limit, error_code& ec);

    /// The same end for coroutines, of a SimpleQueue: of a Queue only `get` makes room.
    [[nodiscard]] message_reader<multiprocessing>& messages() noexcept { return end_; }

private:
    message_reader<multiprocessing> end_;
    multiprocessing framing_;
    named_semaphore slots_;
};

} // namespace ferrule::python
