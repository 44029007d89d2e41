// What tests ask of every operating system.
#pragma once

#include "support/unique_fd.hpp"

#include <cstddef>
#include <string>
#include <utility>

namespace ferrule::test {

/// A stream both ways, made by the system's calls. The first end is for the library; the second is for the functions below.
std::pair<unique_fd, unique_fd> raw_stream_pair();

void write_all(native_handle_type h, const std::string& data);
/// Up to the end of the stream.
std::string read_to_end(native_handle_type h);
/// Exactly n bytes; fewer if the stream ends before.
std::string read_n(native_handle_type h, std::size_t n);
/// Writes until the handle takes no more, and returns how much that was. On POSIX its O_NONBLOCK is as before afterwards.
std::size_t fill(native_handle_type h);
/// How many handles this process has, about.
std::size_t open_handles();
/// Lets a TCP connection be reset when it is closed, instead of ended.
void reset_when_closed(native_handle_type tcp_socket);

} // namespace ferrule::test
