#include "bench/contenders.hpp"

namespace ferrule::bench {

std::span<const contender> contenders(task t)
{
    static constexpr contender messages[] = {{"raw", raw},
                                             {"asio plain", asio_plain},
                                             {"asio buffered", asio_buffered},
                                             {"asio blocking", asio_blocking},
                                             {"ferrule blocking", ferrule_blocking},
                                             {"ferrule coroutine", ferrule_coroutine},
                                             {"ferrule and python", ferrule_and_python, 4},
                                             {"python and ferrule", python_and_ferrule, 4},
                                             {"python multiprocessing", python, 4}};
    static constexpr contender writers[] = {{"mutex and write", mutex_and_write}, {"ferrule writer", one_writer}};
    static constexpr contender locks[] = {{"std::mutex", standard_mutex}, {"cross_lock", our_lock}};
#ifdef FERRULE_BENCH_TLS
    static constexpr contender streams[] = {{"asio::ssl coroutine", ssl_coroutine},
                                            {"asio::ssl blocking", ssl_blocking},
                                            {"ferrule blocking", tls_blocking},
                                            {"ferrule coroutine", tls_coroutine}};
    static constexpr contender handshakes[] = {{"asio::ssl", ssl_handshakes}, {"ferrule::tls", tls_handshakes}};
#endif
    static constexpr contender rings[] = {{"bare ring", bare_ring},
                                          {"Boost message_queue", boost_queue},
                                          {"ferrule blocking", shared_blocking},
                                          {"ferrule coroutine", shared_coroutine}};
    switch (t) {
    case task::shared_round_trip:
    case task::shared_stream: return rings;
#ifdef FERRULE_BENCH_TLS
    case task::tls_round_trip:
    case task::tls_stream: return streams;
    case task::tls_handshake: return handshakes;
#endif
    case task::eight_writers: return writers;
    case task::lock: return locks;
    default: return messages;
    }
}

} // namespace ferrule::bench
