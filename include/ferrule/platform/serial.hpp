// The settings of a serial line, its signals, and what can go wrong with it.
#pragma once

#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ferrule {

/// The parity bit of a character.
enum class parity : unsigned char { none, odd, even, mark, space };

/// The stop bits of a character.
enum class stop_bits : unsigned char {
    one,
    /// Only with 5 data bits on most hardware.
    /// Platform: POSIX systems cannot express it; a local port reports `errc::unsupported`.
    one_and_half,
    two
};

/// How a local port drives an RS-485 transceiver (TIOCSRS485). Written in place: `rs485_options().delay_after(1ms)`.
class rs485_options {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    rs485_options() = default;

    /// Whether RTS is on while sending. Default: true.
    rs485_options& rts_on_send(bool on) noexcept { return set(rts_on_send_, on); }
    /// Whether RTS is on after sending. Default: false.
    rs485_options& rts_after_send(bool on) noexcept { return set(rts_after_send_, on); }
    /// Whether the port also receives while it sends. Default: false.
    rs485_options& receive_own(bool on) noexcept { return set(receive_own_, on); }
    /// How long RTS precedes the first bit, in whole milliseconds. Default: 0.
    rs485_options& delay_before(std::chrono::milliseconds d) noexcept { return set(delay_before_, d); }
    /// How long RTS stays after the last bit, in whole milliseconds. Default: 0.
    rs485_options& delay_after(std::chrono::milliseconds d) noexcept { return set(delay_after_, d); }

    [[nodiscard]] bool rts_on_send() const noexcept { return rts_on_send_; }
    [[nodiscard]] bool rts_after_send() const noexcept { return rts_after_send_; }
    [[nodiscard]] bool receive_own() const noexcept { return receive_own_; }
    [[nodiscard]] std::chrono::milliseconds delay_before() const noexcept { return delay_before_; }
    [[nodiscard]] std::chrono::milliseconds delay_after() const noexcept { return delay_after_; }

    friend bool operator==(const rs485_options&, const rs485_options&) = default;

private:
    template <class T>
    rs485_options& set(T& member, T value) noexcept
    {
        member = value;
        return *this;
    }

    bool rts_on_send_ = true;
    bool rts_after_send_ = false;
    bool receive_own_ = false;
    std::chrono::milliseconds delay_before_{0};
    std::chrono::milliseconds delay_after_{0};
};

/// The settings of a serial line, written in place: `serial_settings().baud(115200).parity(parity::even)`.
///
/// Text has the form of the options of an address, such as "baud=115200&bits=7&parity=E&stop=2&rtscts=on":
///
///     baud=N          bits=5…8        parity=N|O|E|M|S     stop=1|1.5|2
///     xonxoff, rtscts, dsrdtr, rts, dtr, exclusive, low_latency, hang_up, rs485: on or off
///     rs485_rts_on_send, rs485_rts_after_send, rs485_receive_own: on or off; they also switch rs485 on
///     rs485_delay_before, rs485_delay_after: milliseconds; they also switch rs485 on
///
/// What a port cannot do, it refuses when it is opened or the settings are applied; nothing is ignored. Thread safety:
/// any thread may call any const member at any time.
class serial_settings {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    serial_settings() = default;

    /// Reads what `to_string` writes. An empty text means the defaults. Throws: `usage_error` with
    /// `errc::invalid_argument`. Its text names the option that is wrong.
    [[nodiscard]] FERRULE_EXPORT static serial_settings parse(std::string_view text);
    /// Baud, bits, parity and stop bits, and what else differs from the defaults.
    [[nodiscard]] FERRULE_EXPORT std::string to_string() const;

    /// Bits per second, any number but 0. A port that cannot come close refuses it. Default: 9600. Throws `usage_error`
    /// (`errc::invalid_argument`).
    FERRULE_EXPORT serial_settings& baud(std::uint32_t bits_per_second);
    /// Bits per character, 5 to 8. Default: 8. Throws `usage_error` (`errc::invalid_argument`).
    FERRULE_EXPORT serial_settings& data_bits(int n);
    /// Default: none.
    serial_settings& parity(ferrule::parity p) noexcept { return set(parity_, p); }
    /// Default: one.
    serial_settings& stop_bits(ferrule::stop_bits s) noexcept { return set(stop_bits_, s); }
    /// Whether XON and XOFF control the flow in both directions, and are no data. Default: false.
    serial_settings& xon_xoff(bool on) noexcept { return set(xon_xoff_, on); }
    /// Whether RTS and CTS control the flow. The port then drives RTS by itself. Default: false.
    serial_settings& rts_cts(bool on) noexcept { return set(rts_cts_, on); }
    /// Whether DTR and DSR control the flow. The port then drives DTR by itself. Default: false.
    /// Platform: POSIX systems have no such setting, and nothing emulates it. A local port reports `errc::unsupported`.
    serial_settings& dsr_dtr(bool on) noexcept { return set(dsr_dtr_, on); }
    /// The state of RTS after opening, unless `rts_cts` drives it. Default: true.
    serial_settings& rts(bool on) noexcept { return set(rts_, on); }
    /// The state of DTR after opening, unless `dsr_dtr` drives it. Default: true.
    serial_settings& dtr(bool on) noexcept { return set(dtr_, on); }
    /// Whether nobody else may open the port meanwhile (flock and TIOCEXCL). Then opening a port that is in use fails with
    /// EBUSY. Local ports only; Windows opens each port for one program. Default: false.
    serial_settings& exclusive(bool on) noexcept { return set(exclusive_, on); }
    /// Whether the driver hands over each byte immediately. Local ports only (TIOCSSERIAL); `errc::unsupported` where the
    /// driver has no such setting. Default: false.
    serial_settings& low_latency(bool on) noexcept { return set(low_latency_, on); }
    /// Whether the system lowers DTR when the last user closes the port. Local ports only. Default: true.
    serial_settings& hang_up(bool on) noexcept { return set(hang_up_, on); }
    /// Whether and how RTS drives an RS-485 transceiver. Local ports only; `errc::unsupported` where the driver has no
    /// such setting. Default: not.
    serial_settings& rs485(std::optional<rs485_options> o) noexcept { return set(rs485_, o); }

    [[nodiscard]] std::uint32_t baud() const noexcept { return baud_; }
    [[nodiscard]] int data_bits() const noexcept { return data_bits_; }
    [[nodiscard]] ferrule::parity parity() const noexcept { return parity_; }
    [[nodiscard]] ferrule::stop_bits stop_bits() const noexcept { return stop_bits_; }
    [[nodiscard]] bool xon_xoff() const noexcept { return xon_xoff_; }
    [[nodiscard]] bool rts_cts() const noexcept { return rts_cts_; }
    [[nodiscard]] bool dsr_dtr() const noexcept { return dsr_dtr_; }
    [[nodiscard]] bool rts() const noexcept { return rts_; }
    [[nodiscard]] bool dtr() const noexcept { return dtr_; }
    [[nodiscard]] bool exclusive() const noexcept { return exclusive_; }
    [[nodiscard]] bool low_latency() const noexcept { return low_latency_; }
    [[nodiscard]] bool hang_up() const noexcept { return hang_up_; }
    [[nodiscard]] const std::optional<rs485_options>& rs485() const noexcept { return rs485_; }

    friend bool operator==(const serial_settings&, const serial_settings&) = default;

private:
    template <class T>
    serial_settings& set(T& member, T value) noexcept
    {
        member = value;
        return *this;
    }

    std::uint32_t baud_ = 9600;
    int data_bits_ = 8;
    ferrule::parity parity_ = ferrule::parity::none;
    ferrule::stop_bits stop_bits_ = ferrule::stop_bits::one;
    bool xon_xoff_ = false;
    bool rts_cts_ = false;
    bool dsr_dtr_ = false;
    bool rts_ = true;
    bool dtr_ = true;
    bool exclusive_ = false;
    bool low_latency_ = false;
    bool hang_up_ = true;
    std::optional<rs485_options> rs485_;
};

/// What a client does about the answers of an RFC 2217 server to one group of requests.
enum class acknowledgement : unsigned char {
    required, // no answer in time is `serial_errc::no_answer`
    optional, // no answer in time is success, a different answer is `serial_errc::rejected`
    ignored   // a request has succeeded when it was sent
};

/// How a client speaks to an RFC 2217 server, written in place: `rfc2217_options().request_timeout(1s)`.
///
/// As options of an address: request_timeout (milliseconds), control_answers and purge_answers (required, optional or
/// ignored).
class rfc2217_options {
public:
    // Declared, so that this class is no aggregate; see <ferrule/asio.hpp>.
    rfc2217_options() = default;

    /// How long a request waits for its answer, and the negotiation for the server, in whole milliseconds from 1 to
    /// 60,000. The timeout of the call may end it earlier. Default: 3 s. Throws `usage_error` (`errc::invalid_argument`).
    FERRULE_EXPORT rfc2217_options& request_timeout(std::chrono::milliseconds d);
    /// Answers to changes of RTS, DTR, break and flow control. ser2net sends none if the device refuses. Default:
    /// required. The initial states of RTS and DTR are always optional.
    rfc2217_options& control_answers(acknowledgement a) noexcept
    {
        control_answers_ = a;
        return *this;
    }
    /// Answers to purges. Some versions of ser2net send none. Default: optional.
    rfc2217_options& purge_answers(acknowledgement a) noexcept
    {
        purge_answers_ = a;
        return *this;
    }

    [[nodiscard]] std::chrono::milliseconds request_timeout() const noexcept { return request_timeout_; }
    [[nodiscard]] acknowledgement control_answers() const noexcept { return control_answers_; }
    [[nodiscard]] acknowledgement purge_answers() const noexcept { return purge_answers_; }
    /// What differs from the defaults, as options of an address.
    [[nodiscard]] FERRULE_EXPORT std::string to_string() const;

    friend bool operator==(const rfc2217_options&, const rfc2217_options&) = default;

private:
    std::chrono::milliseconds request_timeout_{3000};
    acknowledgement control_answers_ = acknowledgement::required;
    acknowledgement purge_answers_ = acknowledgement::optional;
};

/// The modem inputs of a line.
class modem_lines {
public:
    modem_lines() = default;
    modem_lines(bool cts, bool dsr, bool ri, bool cd) noexcept : cts_(cts), dsr_(dsr), ri_(ri), cd_(cd) {}

    /// Clear to send.
    [[nodiscard]] bool cts() const noexcept { return cts_; }
    /// Data set ready.
    [[nodiscard]] bool dsr() const noexcept { return dsr_; }
    /// Ring indicator.
    [[nodiscard]] bool ri() const noexcept { return ri_; }
    /// Carrier detect.
    [[nodiscard]] bool cd() const noexcept { return cd_; }

    friend bool operator==(const modem_lines&, const modem_lines&) = default;

private:
    bool cts_ = false;
    bool dsr_ = false;
    bool ri_ = false;
    bool cd_ = false;
};

/// What has gone wrong on a line since it was opened, as numbers of characters.
class line_errors {
public:
    line_errors() = default;
    line_errors(std::uint64_t parity, std::uint64_t framing, std::uint64_t overrun, std::uint64_t breaks) noexcept
        : parity_(parity),
          framing_(framing),
          overrun_(overrun),
          breaks_(breaks)
    {
    }

    /// With a wrong parity bit.
    [[nodiscard]] std::uint64_t parity() const noexcept { return parity_; }
    /// Without the stop bit.
    [[nodiscard]] std::uint64_t framing() const noexcept { return framing_; }
    /// That came when the hardware or the driver had no room, and are lost.
    [[nodiscard]] std::uint64_t overrun() const noexcept { return overrun_; }
    /// Breaks. They are no data.
    [[nodiscard]] std::uint64_t breaks() const noexcept { return breaks_; }

    friend bool operator==(const line_errors&, const line_errors&) = default;

private:
    std::uint64_t parity_ = 0;
    std::uint64_t framing_ = 0;
    std::uint64_t overrun_ = 0;
    std::uint64_t breaks_ = 0;
};

/// Bytes that are received and not read, or written and not sent.
enum class serial_queue : unsigned char { input = 1, output = 2, both = 3 };

/// Errors that only serial lines have.
enum class serial_errc {
    /// The port or the server has answered with another value than it was asked for. The exception is a `rejected_error`.
    rejected = 1,
    /// The server has not answered a request in time. Cure: `rfc2217_options`, if the server never does.
    no_answer,
    /// The peer does not speak RFC 2217.
    no_rfc2217,
    /// Another client of the server uses the port. Equivalent to EBUSY.
    port_in_use,
    /// The server could not open its device.
    device_failed,
};

FERRULE_EXPORT const boost::system::error_category& serial_category() noexcept;
inline error_code make_error_code(serial_errc e) noexcept
{
    return {static_cast<int>(e), serial_category()};
}

/// A port or server refuses a value. Thrown for `serial_errc::rejected`.
class FERRULE_EXPORT rejected_error : public error {
public:
    /// `setting` is the name of the option, such as "baud".
    rejected_error(const std::string& setting, std::uint64_t asked, std::uint64_t got);
    ~rejected_error() override;

    /// Numbers as they go to the server (RFC 2217), or to the system.
    [[nodiscard]] std::uint64_t asked() const noexcept { return asked_; }
    [[nodiscard]] std::uint64_t got() const noexcept { return got_; }

private:
    std::uint64_t asked_;
    std::uint64_t got_;
};

namespace detail {

/// What a line is asked to do.
class serial_command {
public:
    enum class what : unsigned char {
        apply,        // `settings`
        set_rts,      // `on`
        set_dtr,      // `on`
        modem,        // → lines
        modem_change, // → lines, once they differ from `known`
        set_break,    // `on`
        send_break,   // for `duration`
        purge,        // `queue`
        drain,
        queued,          // `queue` → number
        set_output_flow, // `on`
        set_input_flow,  // `on`
        errors,          // → errors
        errors_change    // → errors, once they differ from `known_errors`
    };

    explicit serial_command(what w) noexcept : kind(w) {}
    serial_command(what w, bool value) noexcept : kind(w), on(value) {}

    what kind;
    bool on = false;
    serial_queue queue = serial_queue::both;
    std::chrono::milliseconds duration{0};
    modem_lines known;
    line_errors known_errors;
    serial_settings settings;
};

/// What a line answers.
class serial_answer {
public:
    std::uint64_t number = 0;
    modem_lines lines;
    line_errors errors;
};

} // namespace detail

} // namespace ferrule

template <>
struct boost::system::is_error_code_enum<ferrule::serial_errc> : std::true_type {};
