// Who takes part in a cell.
#pragma once

#include "bench/job.hpp"

#include <span>
#include <string>

namespace ferrule::bench {

struct contender {
    const char* name;
    void (*run)(const job&);
    std::size_t share = 1; // it does one n-th of the others' work, because it is slow
};

/// The first is the one that the others are compared to.
[[nodiscard]] std::span<const contender> contenders(task t);

void raw(const job& j);
void asio_plain(const job& j);
void asio_buffered(const job& j);
void asio_blocking(const job& j);
void ferrule_blocking(const job& j);
void ferrule_coroutine(const job& j);
void python(const job& j);
/// Who is named first is the one that measures.
void ferrule_and_python(const job& j);
void python_and_ferrule(const job& j);

void mutex_and_write(const job& j);
void one_writer(const job& j);

void standard_mutex(const job& j);
void our_lock(const job& j);

// Of shared memory.
void bare_ring(const job& j);
void boost_queue(const job& j);
void shared_blocking(const job& j);
void shared_coroutine(const job& j);

// Of TLS; only with ferrule::tls.
void ssl_coroutine(const job& j);
void ssl_blocking(const job& j);
void tls_coroutine(const job& j);
void tls_blocking(const job& j);
void ssl_handshakes(const job& j);
void tls_handshakes(const job& j);
/// For these, before processes are forked.
void make_certificates();

/// Why no contender with Python can run; empty if it can.
[[nodiscard]] const std::string& no_python();
[[nodiscard]] inline bool needs_python(const contender& c)
{
    return c.run == python || c.run == ferrule_and_python || c.run == python_and_ferrule;
}
/// The newest Python.
[[nodiscard]] const std::string& python_program();

} // namespace ferrule::bench
