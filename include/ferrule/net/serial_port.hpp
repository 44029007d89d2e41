// Serial ports: of this machine, and of servers in the network.
#pragma once

#include <ferrule/detail/accepted.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/detail/pending_call.hpp>
#include <ferrule/duplex.hpp>
#include <ferrule/net/address.hpp>
#include <ferrule/platform/serial.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ferrule {

namespace serial {
class line; // see platform/serial/line.hpp
} // namespace serial

namespace detail {

/// What has become of an operation of a line.
class serial_outcome : public work_outcome {
public:
    serial_answer answer;
};

template <class Value>
class serial_result : public serial_outcome {
public:
    Value take() const
    {
        if constexpr (std::is_same_v<Value, modem_lines>)
            return answer.lines;
        else if constexpr (std::is_same_v<Value, line_errors>)
            return answer.errors;
        else if constexpr (!std::is_void_v<Value>)
            return static_cast<Value>(answer.number);
    }
};

/// Begins an operation of the line of a channel. Whatever fails, the result says.
[[nodiscard]] FERRULE_EXPORT channel_ptr begin_serial(const channel_ptr& port, const std::shared_ptr<serial::line>& l,
                                                      const serial_command& c, std::shared_ptr<serial_outcome> o);

} // namespace detail

/// Where a serial port is. Text without a scheme is a port of this machine, such as "/dev/ttyUSB0" or "COM3?baud=115200".
class serial_address : public address {
public:
    serial_address(const address& a) : address(a) {}
    /// Throws as `address::parse`.
    template <std::convertible_to<std::string_view> Text>
    serial_address(const Text& text) : address(parse(text))
    {
    }
    [[nodiscard]] FERRULE_EXPORT static address parse(std::string_view text);
};

/// A serial port, which is a `duplex`: all its calls for bytes, and messages by `message_duplex`, work here, with the same
/// promises. The calls below ask for what only serial lines have. A port is one of these, see `address`:
///
/// * `/dev/ttyUSB0`, `COM3`, `serial:/dev/ttyUSB0?baud=115200`: a port of this machine
/// * `rfc2217://host:4001?baud=115200`: a port of a server that speaks RFC 2217, such as ser2net. It drains nothing, and
///   tells neither what it has not sent nor errors, unless it reports them.
/// * `tcp://host:4002`: a port of a server that passes bytes only. Settings are remembered and have no effect.
///
/// The calls below do not take part in the order of receives and sends, and several may be under way at the same time.
/// What a kind of port cannot do is `errc::unsupported`. A port that has vanished, such as an adaptor that was pulled
/// out, is an error in every call, such as EIO, and never an end of the stream.
///
/// Each has a blocking form, which throws; a twin with an `error_code`, which does not, and returns an empty value on
/// error; and an `async_` twin, which takes an optional timeout and an optional completion token and is defined in
/// <ferrule/asio.hpp>. Those complete with `void(error_code, T)`, or `void(error_code)` where there is no result.
///
/// Throws: `timeout_error`, `cancelled_error`, `closed_error`, `usage_error`, else `error` with the system's code.
/// Thread safety: any thread or coroutine may call any member at any time, except assign to the same object. Copies share
/// the port.
///
///     serial_port meter("/dev/ttyUSB0", serial_settings().baud(115200));
///     meter.send("*IDN?\n");
///     std::cout << meter.recv_line(2s);
class serial_port : public duplex {
    using what = detail::serial_command::what;
    using serial_command = detail::serial_command;

    template <class Value>
    [[nodiscard]] detail::pending_call<detail::serial_result<Value>> begin(const serial_command& c) const
    {
        const auto r = std::make_shared<detail::serial_result<Value>>();
        return {detail::begin_serial(channel(), line_, c, r), r};
    }
    template <class Value, class Make>
    Value attempt(error_code& ec, Make make, const until& timeout) const
    {
        try {
            return begin<Value>(make()).wait(timeout, ec);
        } catch (...) {
            ec = detail::thrown_code();
        }
        return Value();
    }

    static serial_command with(const serial_settings& s)
    {
        serial_command c(what::apply);
        c.settings = s;
        return c;
    }
    static serial_command watching(const modem_lines& known)
    {
        serial_command c(what::modem_change);
        c.known = known;
        return c;
    }
    static serial_command watching(const line_errors& known)
    {
        serial_command c(what::errors_change);
        c.known_errors = known;
        return c;
    }
    static serial_command lasting(std::chrono::milliseconds d)
    {
        serial_command c(what::send_break);
        c.duration = d;
        return c;
    }
    static serial_command of(what w, serial_queue q)
    {
        serial_command c(w);
        c.queue = q;
        return c;
    }

public:
    serial_port() noexcept = default;
    /// Opens the port with the settings of the address. Takes one of this machine immediately. Blocks until a server has
    /// agreed, or `timeout` has passed. What the port has received before is dropped.
    /// Throws also: `error` with the system's error, such as ENOENT, EBUSY or ENOTTY; `serial_errc`; `rejected_error`; what
    /// `connect` throws. The text names the port.
    FERRULE_EXPORT explicit serial_port(const serial_address& at, const until& timeout = {});
    /// Opens the port with these settings, whatever the address says.
    FERRULE_EXPORT serial_port(const serial_address& at, const serial_settings& s, const until& timeout = {});
    /// Shares the serial port that `connect` has opened. Throws `usage_error` (`errc::bad_descriptor`) if it is none.
    FERRULE_EXPORT explicit serial_port(const duplex& shared);

    /// What the port was last told, by opening, `apply`, `set_rts` and `set_dtr`. Keep it and `apply` it later to restore
    /// the port. Never waits.
    [[nodiscard]] FERRULE_EXPORT serial_settings settings() const;

    /// Changes the settings, all or none of them. What was sent before and is still on its way may be damaged; `drain`
    /// first. Blocks until the port has taken them over, or `timeout` has passed. A cancel leaves a local port unchanged, and
    /// a server of RFC 2217 in an unknown state, which the next `apply` ends.
    /// Throws also: `rejected_error`, `usage_error` (`errc::unsupported`).
    void apply(const serial_settings& s, const until& timeout = {}) { return begin<void>(with(s)).wait(timeout); }
    void apply(const serial_settings& s, const until& timeout, error_code& ec)
    {
        return attempt<void>(ec, [&] { return with(s); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_apply(const serial_settings& s, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<void>(with(s)).async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Switches RTS. `errc::invalid_argument` while `rts_cts` drives it.
    void set_rts(bool on, const until& timeout = {})
    {
        return begin<void>(serial_command(what::set_rts, on)).wait(timeout);
    }
    void set_rts(bool on, const until& timeout, error_code& ec)
    {
        return attempt<void>(ec, [&] { return serial_command(what::set_rts, on); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_set_rts(bool on, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<void>(serial_command(what::set_rts, on))
            .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Switches DTR. `errc::invalid_argument` while `dsr_dtr` drives it.
    void set_dtr(bool on, const until& timeout = {})
    {
        return begin<void>(serial_command(what::set_dtr, on)).wait(timeout);
    }
    void set_dtr(bool on, const until& timeout, error_code& ec)
    {
        return attempt<void>(ec, [&] { return serial_command(what::set_dtr, on); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_set_dtr(bool on, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<void>(serial_command(what::set_dtr, on))
            .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// The modem inputs now. RFC 2217: as the server has last reported them; waits for its first report.
    modem_lines modem(const until& timeout = {})
    {
        return begin<modem_lines>(serial_command(what::modem)).wait(timeout);
    }
    modem_lines modem(const until& timeout, error_code& ec)
    {
        return attempt<modem_lines>(ec, [&] { return serial_command(what::modem); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_modem(TimeoutAndToken&&... timeout_and_token)
    {
        return begin<modem_lines>(serial_command(what::modem))
            .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Blocks until the modem inputs differ from `known`, or one has changed and changed back meanwhile where the driver
    /// counts that. Local ports are asked every 5 ms, since the system tells nobody. Returns the inputs then.
    modem_lines modem_change(const modem_lines& known, const until& timeout = {})
    {
        return begin<modem_lines>(watching(known)).wait(timeout);
    }
    modem_lines modem_change(const modem_lines& known, const until& timeout, error_code& ec)
    {
        return attempt<modem_lines>(ec, [&] { return watching(known); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_modem_change(const modem_lines& known, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<modem_lines>(watching(known)).async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Begins or ends a break.
    void set_break(bool on, const until& timeout = {})
    {
        return begin<void>(serial_command(what::set_break, on)).wait(timeout);
    }
    void set_break(bool on, const until& timeout, error_code& ec)
    {
        return attempt<void>(ec, [&] { return serial_command(what::set_break, on); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_set_break(bool on, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<void>(serial_command(what::set_break, on))
            .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Sends a break of this length, and blocks meanwhile. It also ends when the call is given up.
    void send_break(std::chrono::milliseconds d, const until& timeout = {})
    {
        return begin<void>(lasting(d)).wait(timeout);
    }
    void send_break(std::chrono::milliseconds d, const until& timeout, error_code& ec)
    {
        return attempt<void>(ec, [&] { return lasting(d); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_send_break(std::chrono::milliseconds d, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<void>(lasting(d)).async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Drops what is received and not read, or written and not sent. Input includes what this endpoint has read ahead,
    /// except by a receive that is under way. Output excludes the rest of an interrupted send, which this endpoint owns.
    void purge(serial_queue q = serial_queue::both, const until& timeout = {})
    {
        return begin<void>(of(what::purge, q)).wait(timeout);
    }
    void purge(serial_queue q, const until& timeout, error_code& ec)
    {
        return attempt<void>(ec, [&] { return of(what::purge, q); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_purge(serial_queue q, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<void>(of(what::purge, q)).async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Blocks until all that was sent has left the port, including the rest of an interrupted send. Local ports are asked
    /// every 5 ms.
    void drain(const until& timeout = {}) { return begin<void>(serial_command(what::drain)).wait(timeout); }
    void drain(const until& timeout, error_code& ec)
    {
        return attempt<void>(ec, [&] { return serial_command(what::drain); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_drain(TimeoutAndToken&&... timeout_and_token)
    {
        return begin<void>(serial_command(what::drain)).async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// The number of bytes that are received and not read.
    std::size_t queued_input(const until& timeout = {})
    {
        return begin<std::size_t>(of(what::queued, serial_queue::input)).wait(timeout);
    }
    std::size_t queued_input(const until& timeout, error_code& ec)
    {
        return attempt<std::size_t>(ec, [&] { return of(what::queued, serial_queue::input); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_queued_input(TimeoutAndToken&&... timeout_and_token)
    {
        return begin<std::size_t>(of(what::queued, serial_queue::input))
            .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// The number of bytes that are written and not sent.
    std::size_t queued_output(const until& timeout = {})
    {
        return begin<std::size_t>(of(what::queued, serial_queue::output)).wait(timeout);
    }
    std::size_t queued_output(const until& timeout, error_code& ec)
    {
        return attempt<std::size_t>(ec, [&] { return of(what::queued, serial_queue::output); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_queued_output(TimeoutAndToken&&... timeout_and_token)
    {
        return begin<std::size_t>(of(what::queued, serial_queue::output))
            .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Stops sending, as if XOFF had come, or goes on.
    void set_output_flow(bool on, const until& timeout = {})
    {
        return begin<void>(serial_command(what::set_output_flow, on)).wait(timeout);
    }
    void set_output_flow(bool on, const until& timeout, error_code& ec)
    {
        return attempt<void>(ec, [&] { return serial_command(what::set_output_flow, on); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_set_output_flow(bool on, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<void>(serial_command(what::set_output_flow, on))
            .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Asks the peer to stop sending, by XOFF, or to go on, by XON.
    void set_input_flow(bool on, const until& timeout = {})
    {
        return begin<void>(serial_command(what::set_input_flow, on)).wait(timeout);
    }
    void set_input_flow(bool on, const until& timeout, error_code& ec)
    {
        return attempt<void>(ec, [&] { return serial_command(what::set_input_flow, on); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_set_input_flow(bool on, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<void>(serial_command(what::set_input_flow, on))
            .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// The errors of the line since this port was opened.
    line_errors errors(const until& timeout = {})
    {
        return begin<line_errors>(serial_command(what::errors)).wait(timeout);
    }
    line_errors errors(const until& timeout, error_code& ec)
    {
        return attempt<line_errors>(ec, [&] { return serial_command(what::errors); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_errors(TimeoutAndToken&&... timeout_and_token)
    {
        return begin<line_errors>(serial_command(what::errors))
            .async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

    /// Blocks until the errors of the line differ from `known`, so at the first error if that is empty. Local ports are
    /// asked every 5 ms, since the system tells nobody. Returns the errors then.
    line_errors errors_change(const line_errors& known, const until& timeout = {})
    {
        return begin<line_errors>(watching(known)).wait(timeout);
    }
    line_errors errors_change(const line_errors& known, const until& timeout, error_code& ec)
    {
        return attempt<line_errors>(ec, [&] { return watching(known); }, timeout);
    }
    template <detail::timeout_or_token... TimeoutAndToken>
    auto async_errors_change(const line_errors& known, TimeoutAndToken&&... timeout_and_token)
    {
        return begin<line_errors>(watching(known)).async_wait(std::forward<TimeoutAndToken>(timeout_and_token)...);
    }

private:
    std::shared_ptr<serial::line> line_;
};

namespace detail {

/// The framing of a stream of one byte, which stands for a port that is open.
class opened_port : public accepted_stream {
public:
    using message_type = serial_port;
    using accepted_stream::accepted_stream;

    error_code encode(const serial_port&, const limits&, encoded&) const noexcept { return errc::unencodable; }
    serial_port load(const bytes&) const { return serial_port(duplex(next())); }
};
/// Begins to open a port. Settings take the place of the address's. Throws `usage_error` for an impossible address.
[[nodiscard]] FERRULE_EXPORT message_reader<opened_port> opening(const address& at,
                                                                 const std::optional<serial_settings>& s);

} // namespace detail

/// `async_open_serial_port(address [, settings] [, timeout] [, token])` completes with the `serial_port`. Otherwise as its
/// constructor. Defined in <ferrule/asio.hpp>. Cancellation: the port is closed again.
template <detail::timeout_or_token... TimeoutAndToken>
auto async_open_serial_port(const serial_address& at, const serial_settings& s, TimeoutAndToken&&... timeout_and_token)
{
    return detail::opening(at, s).async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}
template <detail::timeout_or_token... TimeoutAndToken>
    requires(!std::convertible_to<TimeoutAndToken, serial_settings> && ...)
auto async_open_serial_port(const serial_address& at, TimeoutAndToken&&... timeout_and_token)
{
    return detail::opening(at, std::nullopt).async_recv(std::forward<TimeoutAndToken>(timeout_and_token)...);
}

} // namespace ferrule
