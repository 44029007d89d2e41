// The messages of Python's multiprocessing pipes, on all systems.
#pragma once

#include <ferrule/framing/multiprocessing.hpp>

namespace ferrule {

/// The messages that `send_bytes` and `recv_bytes` of a Python `multiprocessing.Pipe` exchange. The descriptor decides
/// about the header, because a transport that preserves message boundaries needs none.
/// Platform: on Windows the pipe is a message pipe, and each of its messages is one message without a header. Elsewhere
/// it is a stream, with the header of `multiprocessing_bytes`.
///
/// Source: CPython's Lib/multiprocessing/connection.py, `PipeConnection`.
using multiprocessing_pipe_bytes = multiprocessing_bytes;

/// The values that `send` and `recv` of such a pipe exchange: pickles, as `python::value`.
using multiprocessing_pipe = multiprocessing;

} // namespace ferrule
