// A port of this machine: what its operations have in common on all systems. Private.
#pragma once

#include "platform/serial/line.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ferrule::serial {

/// Systems tell nobody of a change on a line, so an operation that waits for one looks again and again.
class local_line : public line, public std::enable_shared_from_this<local_line> {
public:
    using line::line;

    std::unique_ptr<operation> start(const serial_command& c) final;

    // Called under the mutex.

    /// Does what takes no time. Throws `error`, with `errc::unsupported` for what the port cannot do.
    virtual void run(const serial_command& c, serial_answer& a) = 0;
    /// Whether the last bit has left.
    [[nodiscard]] virtual bool is_drained() = 0;
    /// Changes of each modem input, which tell of pulses that nobody has seen. Constant where the driver does not count.
    [[nodiscard]] virtual std::vector<int> modem_changes() const { return {}; }
};

/// Throws `rejected_error` for a speed that no receiver of `asked` follows.
void check_speed(std::uint32_t asked, std::uint64_t got);

/// As `open_port`, whose text it does not add.
[[nodiscard]] std::shared_ptr<line> open_local(const std::string& path, const serial_settings& s);

} // namespace ferrule::serial
