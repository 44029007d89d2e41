// The values of Python's multiprocessing connections.
#pragma once

#include <ferrule/framing/framed.hpp>
#include <ferrule/framing/multiprocessing_bytes.hpp>
#include <ferrule/python/pickle.hpp>

namespace ferrule {

/// The values that `send` and `recv` of a Python `multiprocessing.connection.Connection` exchange: pickles, as
/// `python::value`.
using multiprocessing = framed<multiprocessing_bytes, python::pickle_codec>;

} // namespace ferrule
