// The C++ ends of Python's multiprocessing queues.
#pragma once

#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/message.hpp>
#include <ferrule/platform/named_semaphore.hpp>

#include <string>
#include <utility>

namespace ferrule::python {

/// The names of the locks of a queue, as `queue_ends` in ferrule_peer.py finds them. The queue must come from a spawn
/// or forkserver context, because the locks of a fork context have no names.
struct queue_locks {
    queue_locks() = default;
    explicit queue_locks(std::string w) : write(std::move(w)) {}
    queue_locks(std::string w, std::string s) : write(std::move(w)), slots(std::move(s)) {}

    std::string write; // empty: there is no other writer
    std::string slots; // of a Queue with a limited number of places; empty: a SimpleQueue
};

/// Puts objects into a `multiprocessing.SimpleQueue` or `Queue`, together with other processes. There are only blocking
/// calls. A process that is killed while it holds the lock leaves it locked, as in Python, so use timeouts.
/// Thread safety: one thread at a time.
///
/// Source: Lib/multiprocessing/queues.py.
class FERRULE_MULTIPROCESSING_EXPORT queue_writer {
public:
    /// Takes ownership of the writing end, a descriptor that `queue._writer.fileno()` names.
    explicit queue_writer(descriptor end, const queue_locks& l = {}, const multiprocessing& f = {});
    queue_writer(const queue_writer&) = delete;
    queue_writer& operator=(const queue_writer&) = delete;
    ~queue_writer();

    /// Blocks until the queue has room, the lock is free and the object has left, or until `timeout`. Throws as
    /// `message_writer::send` does.
    /// Cancellation: if part of the object has left, the lock stays taken, and the next `put` sends the rest first. So
    /// does the destructor, which blocks for at most a second.
    void put(const value& v, const until& timeout = {});
    void put(const value& v, const until& timeout, error_code& ec);

private:
    void finish(const until& timeout);

    message_writer<multiprocessing> end_;
    named_semaphore lock_;
    named_semaphore slots_;
    bool torn_ = false; // part of a message has left, and we hold the lock
};

/// Gets objects from a `multiprocessing.SimpleQueue` or `Queue`. It must be the only reader, because it reads messages
/// ahead. There is no end of the queue, since a writer may be the parent of this process.
class FERRULE_MULTIPROCESSING_EXPORT queue_reader {
public:
    /// Takes ownership of the reading end, a descriptor that `queue._reader.fileno()` names.
    explicit queue_reader(descriptor end, const queue_locks& l = {}, const multiprocessing& f = {});

    /// Blocks until there is an object, or until `timeout`. Throws as `message_reader::recv` does. A message frees its
    /// place in the queue even if it holds no valid value (`errc::invalid_value`, `errc::too_large`).
    value get(const until& timeout = {});
    /// Returns None on error.
    value get(const until& timeout, error_code& ec);

    /// The reading end for coroutines, for a SimpleQueue only: in a Queue, only `get` frees places.
    [[nodiscard]] message_reader<multiprocessing>& messages() noexcept { return end_; }

private:
    message_reader<multiprocessing> end_;
    multiprocessing framing_;
    named_semaphore slots_;
};

} // namespace ferrule::python
