// Two connected ends in memory: a user's own type, with doorbells to wait for.
#pragma once

#include <ferrule/socket_like.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace ferrule::test {

class memory_stream;

/// One end; models `socket_like`.
class memory_end {
public:
    memory_end(std::shared_ptr<memory_stream> in, std::shared_ptr<memory_stream> out) noexcept;

    io_result try_read(std::span<std::byte> in) noexcept;
    io_result try_write(std::span<const byte_view> out) noexcept;
    readiness arm(direction d) noexcept;
    error_code shutdown_write() noexcept;
    void close() noexcept;

private:
    std::shared_ptr<memory_stream> in_;
    std::shared_ptr<memory_stream> out_;
};

/// `capacity`: bytes that a direction holds before writing would block.
std::pair<descriptor, descriptor> memory_pair(std::size_t capacity = 64 * 1024);

} // namespace ferrule::test
