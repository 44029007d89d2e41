// Connected ends, made by the calls of Windows.
#pragma once

#include "support/system_kinds.hpp"

namespace ferrule::test {

/// Bytes that a pipe buffers. Small, because Wine takes its time to fill large buffers.
constexpr unsigned pipe_room = 4096;

/// Both ways.
ends named_pipe_pair(transfer_kind kind);
ends anonymous_pipe();

} // namespace ferrule::test
