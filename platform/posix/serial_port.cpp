// Serial ports of this machine. Terminal settings go by the kernel's own structure (termios2), which <termios.h> lacks.
#include "platform/posix/file_io.hpp"
#include "platform/serial/local_line.hpp"

#include <algorithm>
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <cstdlib>
#include <fcntl.h>
#include <iterator>
#include <linux/serial.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <utility>

namespace ferrule::serial {
namespace {

using what = serial_command::what;

error_code code_of(int error_number) noexcept
{
    return {error_number, boost::system::system_category()};
}

/// For calls that drivers without the feature refuse.
void require(int result)
{
    if (result >= 0)
        return;
    if (errno == EINVAL || errno == ENOTTY)
        throw_error(errc::unsupported);
    throw_error(posix::last_error());
}

/// What no POSIX port does.
void check(const serial_settings& s)
{
    if (s.stop_bits() == stop_bits::one_and_half || s.dsr_dtr())
        throw_error(errc::unsupported);
}

constexpr tcflag_t bits_of[] = {CS5, CS6, CS7, CS8};

/// The name of a speed, by which other programs know it; some drivers keep BOTHER otherwise.
tcflag_t speed_flag(std::uint32_t baud) noexcept
{
    static constexpr std::pair<std::uint32_t, tcflag_t> named[] = {
        {50, B50},           {75, B75},           {110, B110},         {134, B134},         {150, B150},
        {200, B200},         {300, B300},         {600, B600},         {1200, B1200},       {1800, B1800},
        {2400, B2400},       {4800, B4800},       {9600, B9600},       {19200, B19200},     {38400, B38400},
        {57600, B57600},     {115200, B115200},   {230400, B230400},   {460800, B460800},   {500000, B500000},
        {576000, B576000},   {921600, B921600},   {1000000, B1000000}, {1152000, B1152000}, {1500000, B1500000},
        {2000000, B2000000}, {2500000, B2500000}, {3000000, B3000000}, {3500000, B3500000}, {4000000, B4000000}};
    const auto found = std::ranges::find(named, baud, &std::pair<std::uint32_t, tcflag_t>::first);
    return found == std::end(named) ? BOTHER : found->second;
}

/// Raw mode, with these settings.
termios2 with(termios2 t, const serial_settings& s) noexcept
{
    t.c_iflag = IGNBRK; // a break is no NUL
    if (s.xon_xoff())
        t.c_iflag |= IXON | IXOFF;
    t.c_oflag = 0;
    t.c_lflag = 0;
    t.c_cflag = CREAD | CLOCAL | bits_of[s.data_bits() - 5] | speed_flag(s.baud()); // CLOCAL: CD decides nothing
    switch (s.parity()) {
    case parity::none: break;
    case parity::odd: t.c_cflag |= PARENB | PARODD; break;
    case parity::even: t.c_cflag |= PARENB; break;
    case parity::mark: t.c_cflag |= PARENB | CMSPAR | PARODD; break;
    case parity::space: t.c_cflag |= PARENB | CMSPAR; break;
    }
    if (s.stop_bits() == stop_bits::two)
        t.c_cflag |= CSTOPB;
    if (s.rts_cts())
        t.c_cflag |= CRTSCTS;
    if (s.hang_up())
        t.c_cflag |= HUPCL;
    t.c_ispeed = t.c_ospeed = s.baud();
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    t.c_cc[VSTART] = 0x11;
    t.c_cc[VSTOP] = 0x13;
    return t;
}

/// Drivers change what they cannot do, and report no error.
void compare(const serial_settings& asked, const termios2& t, bool has_bits)
{
    check_speed(asked.baud(), t.c_ospeed);
    if (!has_bits)
        return;
    const auto check_flags = [&](const char* name, tcflag_t mask) {
        const tcflag_t wanted = with(t, asked).c_cflag & mask;
        if ((t.c_cflag & mask) != wanted)
            throw rejected_error(name, wanted, t.c_cflag & mask);
    };
    check_flags("bits", CSIZE);
    check_flags("parity", PARENB | PARODD | CMSPAR);
    check_flags("stop", CSTOPB);
    check_flags("rtscts", CRTSCTS);
}

class posix_port final : public local_line {
public:
    posix_port(os::unique_handle fd, const serial_settings& s) : local_line(s), fd_(std::move(fd))
    {
        // The description is this object's own.
        how_[0].way = how_[1].way = posix::no_wait::by_description;
        how_[0].fd = how_[1].fd = fd_.get();
        struct stat st{};
        // A pty has no line, and keeps 8 bits whatever it is told.
        has_bits_ = ::fstat(fd_.get(), &st) != 0 || major(st.st_rdev) < 136 || major(st.st_rdev) > 143;
    }
    ~posix_port() override { close(); }

    void open()
    {
        check(settings_);
        termios2 t{};
        if (::ioctl(fd_.get(), TCGETS2, &t) != 0)
            throw_error(posix::last_error()); // no terminal
        take();
        change(settings_);
        ::ioctl(fd_.get(), TCFLSH, TCIFLUSH); // what came before the settings
        // Ptys have no such lines, and refuse.
        if (!settings_.rts_cts())
            tolerate(set_output(TIOCM_RTS, settings_.rts()));
        tolerate(set_output(TIOCM_DTR, settings_.dtr()));
        (void)read_errors(errors_before_);
    }

    io_result try_read(std::span<std::byte> in) noexcept override
    {
        const io_result r = posix::read_file(how_[0], in);
        // In raw mode only a port that has gone yields nothing.
        return r.status() == io_status::end ? io_result::failed(code_of(EIO)) : r;
    }
    io_result try_write(std::span<const byte_view> out) noexcept override { return posix::write_file(how_[1], out); }
    readiness arm(direction d) noexcept override
    {
        return d == direction::read ? readiness::readable(fd_.get()) : readiness::writable(fd_.get());
    }
    native_handle_type native_handle() const noexcept override { return fd_.get(); }
    native_handle_type release() noexcept override
    {
        free_port();
        return fd_.release();
    }
    bool inheritable() const override { return (::fcntl(fd_.get(), F_GETFD) & FD_CLOEXEC) == 0; }
    error_code set_inheritable(bool on) noexcept override
    {
        return ::fcntl(fd_.get(), F_SETFD, on ? 0 : FD_CLOEXEC) == 0 ? error_code() : posix::last_error();
    }

    // The rest is called under the mutex.

    void apply(const serial_settings& s)
    {
        check(s);
        const serial_settings before = settings_;
        try {
            if (s.exclusive() != before.exclusive()) {
                settings_.exclusive(s.exclusive());
                take();
            }
            change(s);
            if (s.rts() != before.rts() && !s.rts_cts())
                require(set_output(TIOCM_RTS, s.rts()));
            if (s.dtr() != before.dtr())
                require(set_output(TIOCM_DTR, s.dtr()));
        } catch (...) {
            restore(before);
            throw;
        }
        settings_ = s;
    }

    [[nodiscard]] int set_output(int output, bool on) noexcept
    {
        return ::ioctl(fd_.get(), on ? TIOCMBIS : TIOCMBIC, &output);
    }
    [[nodiscard]] modem_lines modem() const
    {
        int lines = 0;
        require(::ioctl(fd_.get(), TIOCMGET, &lines));
        return {(lines & TIOCM_CTS) != 0, (lines & TIOCM_DSR) != 0, (lines & TIOCM_RI) != 0, (lines & TIOCM_CD) != 0};
    }
    [[nodiscard]] std::vector<int> modem_changes() const override
    {
        serial_icounter_struct c{};
        (void)::ioctl(fd_.get(), TIOCGICOUNT, &c);
        return {c.cts, c.dsr, c.rng, c.dcd};
    }
    /// Since the port was opened.
    [[nodiscard]] line_errors errors() const
    {
        line_errors now;
        require(read_errors(now));
        return line_errors(now.parity() - errors_before_.parity(), now.framing() - errors_before_.framing(),
                           now.overrun() - errors_before_.overrun(), now.breaks() - errors_before_.breaks());
    }
    [[nodiscard]] bool is_drained() override
    {
        int waiting = 0;
        if (::ioctl(fd_.get(), TIOCOUTQ, &waiting) < 0)
            throw_error(posix::last_error());
        unsigned status = 0; // of the hardware, where the driver knows it
        const bool is_sending = ::ioctl(fd_.get(), TIOCSERGETLSR, &status) == 0 && (status & TIOCSER_TEMT) == 0;
        return waiting == 0 && !is_sending;
    }

    void run(const serial_command& c, serial_answer& a) override
    {
        const int fd = fd_.get();
        switch (c.kind) {
        case what::apply: return apply(c.settings);
        case what::set_rts:
            if (settings_.rts_cts())
                throw_error(errc::invalid_argument); // the driver decides
            require(set_output(TIOCM_RTS, c.on));
            settings_.rts(c.on);
            return;
        case what::set_dtr:
            require(set_output(TIOCM_DTR, c.on));
            settings_.dtr(c.on);
            return;
        case what::modem: a.lines = modem(); return;
        case what::set_break:
            if (!has_bits_) // it would take the break for done
                throw_error(errc::unsupported);
            return require(::ioctl(fd, c.on ? TIOCSBRK : TIOCCBRK, 0));
        case what::purge:
            return require(::ioctl(fd, TCFLSH,
                                   c.queue == serial_queue::input    ? TCIFLUSH
                                   : c.queue == serial_queue::output ? TCOFLUSH
                                                                     : TCIOFLUSH));
        case what::queued: {
            const auto add = [&](serial_queue queue, unsigned long request) {
                int n = 0;
                if ((static_cast<int>(c.queue) & static_cast<int>(queue)) == 0)
                    return;
                require(::ioctl(fd, request, &n));
                a.number += static_cast<std::uint64_t>(n);
            };
            add(serial_queue::input, TIOCINQ);
            add(serial_queue::output, TIOCOUTQ);
            return;
        }
        case what::set_output_flow: return require(::ioctl(fd, TCXONC, c.on ? TCOON : TCOOFF));
        case what::set_input_flow: return require(::ioctl(fd, TCXONC, c.on ? TCION : TCIOFF));
        case what::errors: a.errors = errors(); return;
        case what::errors_change:
        case what::modem_change:
        case what::send_break:
        case what::drain: break; // take time
        }
        throw_error(errc::unsupported);
    }

private:
    static void tolerate(int result)
    {
        if (result < 0 && errno != EINVAL && errno != ENOTTY)
            throw_error(posix::last_error());
    }

    /// Takes the port alone or with others. A lock is advisory, but holds for root as well.
    void take()
    {
        const bool alone = settings_.exclusive();
        if (::flock(fd_.get(), (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0 && errno == EWOULDBLOCK)
            throw_error(code_of(EBUSY));
        if (alone)
            require(::ioctl(fd_.get(), TIOCEXCL));
        else
            (void)::ioctl(fd_.get(), TIOCNXCL);
    }
    void free_port() noexcept
    {
        if (!fd_.is_open())
            return;
        if (settings_.exclusive())
            (void)::ioctl(fd_.get(), TIOCNXCL); // it would outlast this description where others have the port open
        (void)::flock(fd_.get(), LOCK_UN);
    }
    void shut() noexcept override
    {
        free_port();
        fd_ = {};
    }

    void change(const serial_settings& s)
    {
        const int fd = fd_.get();
        termios2 t{};
        if (::ioctl(fd, TCGETS2, &t) != 0)
            throw_error(posix::last_error());
        termios2 changed = with(t, s);
        if (::ioctl(fd, TCSETS2, &changed) != 0)
            throw_error(posix::last_error());
        if (::ioctl(fd, TCGETS2, &changed) != 0)
            throw_error(posix::last_error());
        compare(s, changed, has_bits_);
        set_low_latency(s.low_latency());
        set_rs485(s.rs485());
    }
    void set_low_latency(bool on)
    {
        if (on == low_latency_)
            return;
        serial_struct s{};
        require(::ioctl(fd_.get(), TIOCGSERIAL, &s));
        constexpr int flag = static_cast<int>(ASYNC_LOW_LATENCY);
        s.flags = on ? s.flags | flag : s.flags & ~flag;
        require(::ioctl(fd_.get(), TIOCSSERIAL, &s));
        low_latency_ = on;
    }
    void set_rs485(const std::optional<rs485_options>& o)
    {
        if (o == rs485_)
            return;
        serial_rs485 r{};
        if (o) {
            r.flags = SER_RS485_ENABLED;
            r.flags |= o->rts_on_send() ? SER_RS485_RTS_ON_SEND : 0u;
            r.flags |= o->rts_after_send() ? SER_RS485_RTS_AFTER_SEND : 0u;
            r.flags |= o->receive_own() ? SER_RS485_RX_DURING_TX : 0u;
            r.delay_rts_before_send = static_cast<__u32>(o->delay_before().count());
            r.delay_rts_after_send = static_cast<__u32>(o->delay_after().count());
        }
        require(::ioctl(fd_.get(), TIOCSRS485, &r));
        rs485_ = o;
    }
    /// After a failure. What fails now has failed before.
    void restore(const serial_settings& before) noexcept
    {
        try {
            settings_ = before;
            take();
            change(before);
            (void)set_output(TIOCM_RTS, before.rts());
            (void)set_output(TIOCM_DTR, before.dtr());
        } catch (...) {
        }
    }
    [[nodiscard]] int read_errors(line_errors& e) const noexcept
    {
        serial_icounter_struct c{};
        const int result = ::ioctl(fd_.get(), TIOCGICOUNT, &c);
        const auto n = [](int count) { return static_cast<std::uint64_t>(static_cast<unsigned>(count)); };
        e = line_errors(n(c.parity), n(c.frame), n(c.overrun) + n(c.buf_overrun), n(c.brk));
        return result;
    }

    os::unique_handle fd_;
    posix::file_access how_[2]; // by direction
    bool has_bits_;
    bool low_latency_ = false;
    std::optional<rs485_options> rs485_;
    line_errors errors_before_; // of whoever had the port open
};

} // namespace

std::shared_ptr<line> open_local(const std::string& path, const serial_settings& s)
{
    int fd;
    do // O_NONBLOCK: for ports that wait for CD
        fd = ::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    const auto port = std::make_shared<posix_port>(posix::checked(fd), s);
    port->open();
    return port;
}

} // namespace ferrule::serial
