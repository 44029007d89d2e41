// A port of this machine: what its operations have in common on all systems. Private.
#pragma once

#include "platform/serial/line.hpp"

#include <memory>
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

} // namespace ferrule::serial
