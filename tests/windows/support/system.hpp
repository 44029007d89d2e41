// See tests/support/system.hpp: what tests of all systems ask of it.
#pragma once

#include "support/unique_fd.hpp"

#include <string>
#include <utility>

namespace ferrule::test {

// Ends of a named pipe in byte mode. The first is overlapped, for the library; the second is for the functions below.
std::pair<unique_fd, unique_fd> raw_stream_pair();

void write_all(native_handle_type h, const std::string& data);
// Up to the end of the stream.
std::string read_to_end(native_handle_type h);
// Exactly n bytes; fewer if the stream ends before.
std::string read_n(native_handle_type h, std::size_t n);
void reset_when_closed(native_handle_type tcp_socket); // instead of ended
// Writes to an overlapped handle until it takes no more.
void fill(native_handle_type h);

} // namespace ferrule::test
