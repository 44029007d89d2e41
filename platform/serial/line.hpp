// A serial line of any kind: what lies behind a serial port. Private.
#pragma once

#include "platform/background.hpp"
#include "platform/poll_set.hpp"

#include <ferrule/deadline.hpp>
#include <ferrule/platform/serial.hpp>
#include <ferrule/socket_like.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ferrule::serial {

using detail::serial_answer;
using detail::serial_command;

class operation;

/// A line and its data. At most one read call and one write call are under way at a time, besides any number of
/// operations. `close` is called once, when no read or write call is under way; later operations report `errc::closed`.
class line {
public:
    explicit line(const serial_settings& s) : settings_(s) {}
    line(const line&) = delete;
    line& operator=(const line&) = delete;
    virtual ~line() = default;

    virtual io_result try_read(std::span<std::byte> in) noexcept = 0;
    virtual io_result try_write(std::span<const byte_view> out) noexcept = 0;
    [[nodiscard]] virtual readiness arm(direction d) noexcept = 0;
    [[nodiscard]] virtual std::size_t unsent() const noexcept { return 0; }
    virtual io_result try_flush() noexcept { return io_result::moved(0); }
    [[nodiscard]] virtual bool stale(direction) const noexcept { return false; }
    [[nodiscard]] virtual native_handle_type native_handle() const noexcept { return invalid_handle; }
    [[nodiscard]] virtual native_handle_type socket() const noexcept { return native_handle(); }
    /// Gives the handle away, if that alone is worth something.
    [[nodiscard]] virtual native_handle_type release() noexcept { return invalid_handle; }
    [[nodiscard]] virtual bool inheritable() const { return false; }
    virtual error_code set_inheritable(bool) noexcept { return errc::unsupported; }
    void close() noexcept;

    /// Begins an operation. Throws `error`: `errc::unsupported` for what this kind of line never does.
    [[nodiscard]] virtual std::unique_ptr<operation> start(const serial_command& c) = 0;

    /// Set by whoever exports the line, which one can at a time.
    std::atomic<bool> is_exported{false};

    /// What the line was last told.
    [[nodiscard]] serial_settings settings() const
    {
        const std::lock_guard guard(mutex_);
        return settings_;
    }

protected:
    friend class operation;

    /// Called under the mutex, once.
    virtual void shut() noexcept = 0;
    /// Lets all operations that wait look again. Called under the mutex.
    void wake_operations() noexcept;

    mutable std::mutex mutex_;
    bool closed_ = false;
    serial_settings settings_;

private:
    std::vector<os::doorbell*> waiting_; // of operations
};

/// What an operation waits for: a time, and perhaps handles.
struct waiting {
    deadline until;
    std::array<readiness, 2> targets{readiness::now(), readiness::now()}; // which means none
};

/// Waits for a time and targets that change, by one handle.
class event_set {
public:
    /// For good. Throws as `os::poll_set::add`.
    void add(const readiness& bell) { events_.add(this, bell); }
    /// Waits for these from now on, besides what was added. Throws as `os::poll_set::add`.
    void await(const waiting& w);
    void await_nothing() noexcept;
    /// Must precede each look at the targets.
    void look() noexcept
    {
        std::array<const void*, 4> ready;
        (void)events_.ready(ready); // each target is looked at anyway
    }
    [[nodiscard]] readiness wait_handle() const noexcept { return events_.wait_handle(); }

private:
    os::poll_set events_;
    std::array<readiness, 2> targets_{readiness::now(), readiness::now()};
};

/// Something that a line does, which may take time. Destroying it ends it; each kind says what that leaves behind.
class operation {
public:
    explicit operation(std::shared_ptr<line> l) noexcept : line_(std::move(l)) {}
    operation(const operation&) = delete;
    operation& operator=(const operation&) = delete;
    virtual ~operation();

    /// Goes as far as possible immediately. Returns what to wait for besides `bell`, or nothing once the operation is
    /// done. Throws `error` if it fails.
    [[nodiscard]] std::optional<waiting> advance();
    /// Rings when it is worth while to call `advance` again, before its time. Valid after `advance` has returned
    /// something.
    [[nodiscard]] readiness bell() const noexcept { return bell_->wait_handle(); }
    [[nodiscard]] const serial_answer& result() const noexcept { return result_; }

protected:
    /// Called under the mutex of the line, which is open.
    [[nodiscard]] virtual std::optional<waiting> step() = 0;
    /// Calls `f` under the mutex, unless the line is closed. For destructors.
    template <class F>
    void if_open(F f) noexcept
    {
        const std::lock_guard guard(line_->mutex_);
        if (!line_->closed_)
            f();
    }

    const std::shared_ptr<line> line_;
    serial_answer result_;

private:
    std::optional<os::doorbell> bell_; // made at the first wait
};

/// An operation and all that it waits for, by one handle.
class running_operation {
public:
    explicit running_operation(std::unique_ptr<operation> o) noexcept : operation_(std::move(o)) {}

    /// Goes as far as possible immediately. Returns whether the operation is done. Throws as it does.
    [[nodiscard]] bool advance();
    /// Valid after `advance` has returned false.
    [[nodiscard]] readiness wait_handle() const noexcept { return events_->wait_handle(); }
    [[nodiscard]] const serial_answer& result() const noexcept { return operation_->result(); }

private:
    std::unique_ptr<operation> operation_;
    std::unique_ptr<event_set> events_; // made at the first wait; destroyed before what it waits for
};

/// Fails with `errc::closed` when the line is closed, and is never done.
[[nodiscard]] std::unique_ptr<operation> until_closed(std::shared_ptr<line> l);

/// How often an operation looks at what the system does not report.
inline constexpr std::chrono::milliseconds look_again{5};

/// Makes a descriptor of a line.
[[nodiscard]] descriptor descriptor_of(std::shared_ptr<line> l);
/// The line behind a descriptor. Null if it is none of `descriptor_of`.
[[nodiscard]] std::shared_ptr<line> line_of(detail::any_descriptor* d) noexcept;

/// Opens a port of this machine. Throws `error`, whose text names the port.
[[nodiscard]] std::shared_ptr<line> open_port(const std::string& path, const serial_settings& s);

} // namespace ferrule::serial
