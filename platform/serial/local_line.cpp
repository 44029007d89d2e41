#include "platform/serial/local_line.hpp"

#include <optional>

namespace ferrule::serial {
namespace {

using what = serial_command::what;

/// What is done at the first step.
class immediate final : public operation {
public:
    immediate(const std::shared_ptr<local_line>& l, const serial_command& c) : operation(l), port_(*l), command_(c) {}

private:
    std::optional<waiting> step() override
    {
        port_.run(command_, result_);
        return std::nullopt;
    }

    local_line& port_;
    serial_command command_;
};

/// Ends with the last bit.
class draining final : public operation {
public:
    explicit draining(const std::shared_ptr<local_line>& l) : operation(l), port_(*l) {}

private:
    std::optional<waiting> step() override
    {
        return port_.is_drained() ? std::nullopt : std::optional(waiting{look_again});
    }

    local_line& port_;
};

/// The break ends with the operation, even if that is given up.
class break_for final : public operation {
public:
    break_for(const std::shared_ptr<local_line>& l, std::chrono::milliseconds d) : operation(l), port_(*l), duration_(d)
    {
    }
    ~break_for() override
    {
        if (end_)
            if_open([&] {
                try {
                    set(false);
                } catch (const error&) { // the port has gone
                }
            });
    }

private:
    std::optional<waiting> step() override
    {
        if (!end_) {
            set(true);
            end_ = deadline(duration_);
        }
        if (!end_->expired())
            return waiting{*end_};
        end_.reset();
        set(false);
        return std::nullopt;
    }
    void set(bool on) { port_.run(serial_command(what::set_break, on), result_); }

    local_line& port_;
    std::chrono::milliseconds duration_;
    std::optional<deadline> end_;
};

class modem_watch final : public operation {
public:
    modem_watch(const std::shared_ptr<local_line>& l, const modem_lines& known) : operation(l), port_(*l), known_(known)
    {
    }

private:
    std::optional<waiting> step() override
    {
        port_.run(serial_command(what::modem), result_);
        const std::vector<int> changes = port_.modem_changes();
        if (result_.lines != known_ || (before_ && *before_ != changes))
            return std::nullopt;
        before_ = changes;
        return waiting{look_again};
    }

    local_line& port_;
    modem_lines known_;
    std::optional<std::vector<int>> before_;
};

class error_watch final : public operation {
public:
    error_watch(const std::shared_ptr<local_line>& l, const line_errors& known) : operation(l), port_(*l), known_(known)
    {
    }

private:
    std::optional<waiting> step() override
    {
        port_.run(serial_command(what::errors), result_);
        return result_.errors != known_ ? std::nullopt : std::optional(waiting{look_again});
    }

    local_line& port_;
    line_errors known_;
};

} // namespace

std::unique_ptr<operation> local_line::start(const serial_command& c)
{
    const auto me = shared_from_this();
    switch (c.kind) {
    case what::drain: return std::make_unique<draining>(me);
    case what::send_break: return std::make_unique<break_for>(me, c.duration);
    case what::modem_change: return std::make_unique<modem_watch>(me, c.known);
    case what::errors_change: return std::make_unique<error_watch>(me, c.known_errors);
    default: return std::make_unique<immediate>(me, c);
    }
}

void check_speed(std::uint32_t asked, std::uint64_t got)
{
    const std::uint64_t tolerance = asked / 33; // 3 %
    if (got + tolerance < asked || got > asked + tolerance)
        throw rejected_error("baud", asked, got);
}

std::shared_ptr<line> open_port(const std::string& path, const serial_settings& s)
{
    try {
        return open_local(path, s);
    } catch (const rejected_error&) {
        throw;
    } catch (const error& e) {
        detail::throw_in_context(e.code(), "ferrule: serial port " + path);
    }
}

} // namespace ferrule::serial
