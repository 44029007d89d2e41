// Serial ports of this machine, which Windows opens for one program at a time.
//
// The port has no timeouts. A read of one byte waits for input, so that nothing waits for bytes that have not come.
// Writing copies the bytes, and the copy exists until Windows has written it.
#include "platform/caught.hpp"
#include "platform/serial/local_line.hpp"
#include "platform/windows/overlapped.hpp"
#include "platform/windows/text.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace ferrule::serial {
namespace {

using what = serial_command::what;

constexpr std::size_t max_pending = 4096; // bytes of a write
constexpr char xon = 0x11;
constexpr char xoff = 0x13;

/// Drivers say in several ways that a port has gone, such as an adaptor that was pulled out.
error_code code_of(DWORD e) noexcept
{
    switch (e) {
    case ERROR_BAD_COMMAND:
    case ERROR_GEN_FAILURE:
    case ERROR_NOT_READY:
    case ERROR_ACCESS_DENIED:
    case ERROR_DEVICE_REMOVED: return boost::system::errc::make_error_code(boost::system::errc::io_error);
    default: return windows::system_error(e);
    }
}

/// For calls that drivers without the feature refuse.
void require(BOOL done)
{
    if (done != 0)
        return;
    const DWORD e = ::GetLastError();
    if (e == ERROR_INVALID_FUNCTION || e == ERROR_NOT_SUPPORTED || e == ERROR_INVALID_PARAMETER)
        throw_error(errc::unsupported);
    throw_error(code_of(e));
}

/// What Windows has no words for.
void check(const serial_settings& s)
{
    if (s.low_latency() || s.rs485() || !s.hang_up())
        throw_error(errc::unsupported);
}

BYTE number_of(stop_bits b) noexcept
{
    switch (b) {
    case stop_bits::one: return ONESTOPBIT;
    case stop_bits::one_and_half: return ONE5STOPBITS;
    case stop_bits::two: break;
    }
    return TWOSTOPBITS;
}

BYTE number_of(parity p) noexcept
{
    switch (p) {
    case parity::none: return NOPARITY;
    case parity::odd: return ODDPARITY;
    case parity::even: return EVENPARITY;
    case parity::mark: return MARKPARITY;
    case parity::space: break;
    }
    return SPACEPARITY;
}

DCB with(DCB d, const serial_settings& s) noexcept
{
    d.BaudRate = s.baud();
    d.ByteSize = static_cast<BYTE>(s.data_bits());
    d.Parity = number_of(s.parity());
    d.StopBits = number_of(s.stop_bits());
    d.fBinary = TRUE;
    d.fParity = s.parity() != parity::none ? TRUE : FALSE;
    d.fOutxCtsFlow = s.rts_cts() ? TRUE : FALSE;
    d.fOutxDsrFlow = s.dsr_dtr() ? TRUE : FALSE;
    d.fRtsControl = s.rts_cts() ? RTS_CONTROL_HANDSHAKE : s.rts() ? RTS_CONTROL_ENABLE : RTS_CONTROL_DISABLE;
    d.fDtrControl = s.dsr_dtr() ? DTR_CONTROL_HANDSHAKE : s.dtr() ? DTR_CONTROL_ENABLE : DTR_CONTROL_DISABLE;
    d.fOutX = d.fInX = s.xon_xoff() ? TRUE : FALSE;
    d.XonChar = xon;
    d.XoffChar = xoff;
    d.fTXContinueOnXoff = TRUE; // a full buffer here stops only the peer
    d.fDsrSensitivity = d.fErrorChar = d.fNull = d.fAbortOnError = FALSE;
    return d;
}

/// Drivers may change what they cannot do, and report no error.
void compare(const serial_settings& asked, const DCB& d)
{
    check_speed(asked.baud(), d.BaudRate);
    const DCB wanted = with(d, asked);
    if (d.ByteSize != wanted.ByteSize)
        throw rejected_error("bits", wanted.ByteSize, d.ByteSize);
    if (d.Parity != wanted.Parity)
        throw rejected_error("parity", wanted.Parity, d.Parity);
    if (d.StopBits != wanted.StopBits)
        throw rejected_error("stop", wanted.StopBits, d.StopBits);
}

class windows_port final : public local_line {
public:
    windows_port(windows::unique_handle port, const serial_settings& s) : local_line(s), port_(std::move(port)) {}
    ~windows_port() override { close(); }

    void open()
    {
        check(settings_);
        COMMTIMEOUTS none{};
        if (::SetCommTimeouts(port_.get(), &none) == 0) // no port
            throw_error(boost::system::errc::make_error_code(boost::system::errc::inappropriate_io_control_operation));
        change(settings_);
        require(::PurgeComm(port_.get(), PURGE_RXCLEAR)); // what came before the settings
        (void)look();
        errors_ = {};
    }

    io_result try_read(std::span<std::byte> in) noexcept override
    {
        const std::lock_guard guard(mutex_);
        if (in.empty())
            return io_result::moved(0);
        DWORD e = end_wait();
        if (e == ERROR_IO_INCOMPLETE)
            return io_result::would_block();
        std::size_t n = 0;
        if (std::exchange(has_first_, false))
            in[n++] = first_;
        COMSTAT now{};
        if (e == 0)
            e = look(now);
        if (const std::size_t more = std::min<std::size_t>(in.size() - n, now.cbInQue); e == 0 && more != 0) {
            e = reading_.read(port_.get(), in.subspan(n, more));
            if (e == 0 || e == ERROR_IO_PENDING) {
                const windows::outcome o = reading_.result(port_.get(), true); // nobody else takes these bytes
                n += o.size;
                e = o.error;
            }
        }
        if (n != 0)
            return io_result::moved(n);
        return e == 0 || e == ERROR_OPERATION_ABORTED ? io_result::would_block() : io_result::failed(code_of(e));
    }

    io_result try_write(std::span<const byte_view> out) noexcept override
    {
        const std::lock_guard guard(mutex_);
        if (const io_result r = flush(); r.status() != io_status::moved)
            return r;
        try {
            out_.clear();
            for (const byte_view part : out)
                out_.append(part.first(std::min(part.size(), max_pending - out_.size())));
            const DWORD e = out_.empty() ? 0 : writing_.write(port_.get(), out_);
            return e == 0 ? io_result::moved(out_.size()) : io_result::failed(code_of(e));
        } catch (...) {
            return io_result::failed(os::caught());
        }
    }

    readiness arm(direction d) noexcept override
    {
        const std::lock_guard guard(mutex_);
        if (d == direction::write)
            return writing_.is_pending() ? readiness::readable(writing_.event()) : readiness::now();
        if (has_first_)
            return readiness::now();
        if (!std::exchange(awaits_first_, true)) {
            const DWORD e = reading_.read(port_.get(), {&first_, 1});
            if (e != 0 && e != ERROR_IO_PENDING) {
                awaits_first_ = false;
                failed_ = e;
                return readiness::now();
            }
        }
        return readiness::readable(reading_.event());
    }

    std::size_t unsent() const noexcept override
    {
        const std::lock_guard guard(mutex_);
        return writing_.is_pending() ? out_.size() : 0;
    }
    io_result try_flush() noexcept override
    {
        const std::lock_guard guard(mutex_);
        return flush();
    }
    native_handle_type native_handle() const noexcept override { return port_.get(); }
    bool inheritable() const override { return windows::is_inheritable(port_.get()); }
    error_code set_inheritable(bool on) noexcept override { return windows::make_inheritable(port_.get(), on); }

    // The rest is called under the mutex.

    void run(const serial_command& c, serial_answer& a) override
    {
        const HANDLE port = port_.get();
        switch (c.kind) {
        case what::apply: return apply(c.settings);
        case what::set_rts:
            if (settings_.rts_cts())
                throw_error(errc::invalid_argument); // the driver decides
            require(::EscapeCommFunction(port, c.on ? SETRTS : CLRRTS));
            settings_.rts(c.on);
            return;
        case what::set_dtr:
            if (settings_.dsr_dtr())
                throw_error(errc::invalid_argument);
            require(::EscapeCommFunction(port, c.on ? SETDTR : CLRDTR));
            settings_.dtr(c.on);
            return;
        case what::modem: {
            DWORD lines = 0;
            require(::GetCommModemStatus(port, &lines));
            a.lines = {(lines & MS_CTS_ON) != 0, (lines & MS_DSR_ON) != 0, (lines & MS_RING_ON) != 0,
                       (lines & MS_RLSD_ON) != 0};
            return;
        }
        case what::set_break: return require(c.on ? ::SetCommBreak(port) : ::ClearCommBreak(port));
        case what::purge:
            if (c.queue != serial_queue::output) {
                require(::PurgeComm(port, PURGE_RXCLEAR));
                (void)end_wait();
                has_first_ = false;
            }
            if (c.queue != serial_queue::input)
                require(::PurgeComm(port, PURGE_TXABORT | PURGE_TXCLEAR));
            return;
        case what::queued: {
            const COMSTAT now = look();
            if (c.queue != serial_queue::output)
                a.number += now.cbInQue + (end_wait() == 0 && has_first_ ? 1u : 0u);
            if (c.queue != serial_queue::input) // drivers that count nothing have at most what is pending
                a.number +=
                    now.cbOutQue == 0 && flush().status() == io_status::would_block ? out_.size() : now.cbOutQue;
            return;
        }
        case what::set_output_flow: return require(::EscapeCommFunction(port, c.on ? SETXON : SETXOFF));
        case what::set_input_flow: return require(::TransmitCommChar(port, c.on ? xon : xoff));
        case what::errors:
            (void)look();
            a.errors = errors_;
            return;
        case what::errors_change:
        case what::modem_change:
        case what::send_break:
        case what::drain: break; // take time
        }
        throw_error(errc::unsupported);
    }
    bool is_drained() override
    {
        const io_result r = flush();
        if (r.status() == io_status::failed)
            throw_error(r.error());
        return r.status() == io_status::moved && look().cbOutQue == 0;
    }

private:
    void shut() noexcept override
    {
        for (windows::overlapped_call* const call : {&reading_, &writing_}) {
            if (call->is_pending())
                (void)call->cancel(port_.get());
        }
        port_ = {};
    }

    void apply(const serial_settings& s)
    {
        check(s);
        try {
            change(s);
        } catch (...) { // all or none
            try {
                change(settings_);
            } catch (...) { // what fails now has failed before
            }
            throw;
        }
        settings_ = s;
    }
    void change(const serial_settings& s)
    {
        DCB d{};
        d.DCBlength = sizeof d;
        require(::GetCommState(port_.get(), &d));
        d = with(d, s);
        require(::SetCommState(port_.get(), &d));
        require(::GetCommState(port_.get(), &d));
        compare(s, d);
    }

    /// Fills `now` and counts the errors since the last look, of which Windows tells once. Returns 0 or an error.
    DWORD look(COMSTAT& now) noexcept
    {
        DWORD e = 0;
        if (::ClearCommError(port_.get(), &e, &now) == 0)
            return ::GetLastError();
        const auto bit = [&](DWORD b) { return (e & b) != 0 ? 1u : 0u; };
        errors_ = line_errors(errors_.parity() + bit(CE_RXPARITY), errors_.framing() + bit(CE_FRAME),
                              errors_.overrun() + bit(CE_OVERRUN | CE_RXOVER), errors_.breaks() + bit(CE_BREAK));
        return 0;
    }
    COMSTAT look()
    {
        COMSTAT now{};
        if (const DWORD e = look(now); e != 0)
            throw_error(code_of(e));
        return now;
    }

    /// Takes the byte that was waited for, if it has come. Returns 0, ERROR_IO_INCOMPLETE, or an error.
    DWORD end_wait() noexcept
    {
        if (failed_ != 0)
            return std::exchange(failed_, 0);
        if (!awaits_first_)
            return 0;
        const windows::outcome o = reading_.result(port_.get());
        if (o.error == ERROR_IO_INCOMPLETE)
            return o.error;
        awaits_first_ = false;
        has_first_ = o.size != 0;
        return o.error == ERROR_OPERATION_ABORTED ? 0 : o.error; // the thread that waited has ended
    }
    io_result flush() noexcept
    {
        if (!writing_.is_pending())
            return io_result::moved(0);
        const DWORD e = writing_.result(port_.get()).error;
        if (e == ERROR_IO_INCOMPLETE)
            return io_result::would_block();
        const bool is_over = e == 0 || e == ERROR_OPERATION_ABORTED; // written, or purged
        return is_over ? io_result::moved(0) : io_result::failed(code_of(e));
    }

    windows::unique_handle port_;
    // Kept to the end, since somebody may still wait for their events.
    windows::overlapped_call reading_;
    windows::overlapped_call writing_;
    bytes out_; // being written
    std::byte first_{};
    bool awaits_first_ = false; // a read of `first_` has begun
    bool has_first_ = false;    // it has come, and is not delivered
    DWORD failed_ = 0;          // of a read that did not begin
    line_errors errors_;
};

std::wstring file_name(std::string_view port)
{
    constexpr std::string_view devices = R"(\\.\)";
    return windows::wide(port.starts_with(devices) ? std::string(port) : std::string(devices).append(port));
}

} // namespace

std::shared_ptr<line> open_local(const std::string& path, const serial_settings& s)
{
    windows::unique_handle h(::CreateFileW(file_name(path).c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr,
                                           OPEN_EXISTING, FILE_FLAG_OVERLAPPED, nullptr));
    if (!h.is_open()) {
        const DWORD e = ::GetLastError(); // a port in use is denied to others
        throw_error(e == ERROR_ACCESS_DENIED ? make_error_code(boost::system::errc::device_or_resource_busy)
                                             : windows::system_error(e));
    }
    const auto port = std::make_shared<windows_port>(std::move(h), s);
    port->open();
    return port;
}

} // namespace ferrule::serial
