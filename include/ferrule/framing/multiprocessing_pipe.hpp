// The messages of Python's multiprocessing pipes, whatever the system.
#pragma once

#include <ferrule/framing/multiprocessing.hpp>

namespace ferrule {

/// What `send_bytes` and `recv_bytes` of the ends of a Python `multiprocessing.Pipe` exchange. On Windows that is a message pipe,
/// and each message is one of the pipe's, without a header; elsewhere a stream, with the header of `multiprocessing_bytes`. So it
/// is the same framing: the descriptor decides, since what preserves the boundaries of messages needs no header.
///
/// Source: CPython's Lib/multiprocessing/connection.py, `PipeConnection`.
using multiprocessing_pipe_bytes = multiprocessing_bytes;

/// The same for `send` and `recv`: pickles, as `python::value`.
using multiprocessing_pipe = multiprocessing;

} // namespace ferrule
