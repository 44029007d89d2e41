#include <ferrule/net/serial_server.hpp>

#include "platform/serial/com_port.hpp"
#include "platform/serial/line.hpp"
#include "platform/serial/telnet.hpp"
#include "src/net/work_stream.hpp"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>

namespace ferrule::detail {
namespace {

using serial::com_code;
using serial::com_control;
using serial::com_message;
using serial::telnet;
using serial::telnet_option;
using what = serial_command::what;

constexpr std::size_t max_queued = 64 * 1024; // bytes in each direction; then nothing more is taken
constexpr std::size_t max_commands = 256;
constexpr std::chrono::seconds max_linger{5};
constexpr std::chrono::milliseconds look_for_close{100};
constexpr std::chrono::milliseconds telnet_break{250}; // BRK has no length

/// A state of the port that the client is told of: what it is at first, and each change.
struct watch {
    bool is_on = false;
    bool is_known = false;
    std::optional<serial::running_operation> look;
};

/// What the client has sent: data, or a request.
struct item {
    std::string data;
    std::optional<com_message> request;
    bool is_break = false;
};

/// Whether the port answers by its state, rather than that the session ends.
bool is_refusal(const error_code& ec)
{
    return ec == errc::unsupported || ec == errc::invalid_argument || ec == serial_errc::rejected ||
           ec == serial_errc::no_answer || ec == boost::system::errc::invalid_argument;
}

serial_command command_of(what w, bool on)
{
    return {w, on};
}

/// One client and the port. Does what is possible without waiting.
class session {
public:
    session(duplex peer, serial_port port)
        : peer_(std::move(peer)),
          port_(std::move(port)),
          line_(open_line(port_)),
          closing_(serial::until_closed(line_))
    {
        for (const bool ours : {true, false}) {
            codec_.request(telnet_option::binary, ours);
            codec_.allow(telnet_option::suppress_go_ahead, ours);
        }
        codec_.request(telnet_option::com_port, false);
        codec_.allow(telnet_option::com_port, true);
        all_.add(reading_.wait_handle());
        all_.add(writing_.wait_handle());
        all_.add(watching_.wait_handle());
        (void)closing_.advance();
        all_.add(closing_.wait_handle());
        if (line_->is_exported.exchange(true)) {
            refused_until_ = std::chrono::seconds(1);
            codec_.send("Port already in use\r\n");
        }
    }
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session()
    {
        drop(command_, all_);
        drop(modem_watch_.look, watching_);
        drop(error_watch_.look, watching_);
        peer_.close();
        if (!refused_until_)
            line_->is_exported = false;
    }

    /// Returns false if there is something to wait for.
    bool advance()
    {
        // Whoever closes an endpoint meanwhile must not release the handle that is about to be waited for.
        const handle_use peer(peer_.channel());
        const handle_use port(port_.channel());
        for (serial::event_set* const set : {&all_, &reading_, &writing_, &watching_})
            set->look();
        (void)closing_.advance();
        for (;;) {
            bool moves = read_peer();
            has_negotiated_ = has_negotiated_ || negotiates_until_.expired();
            if (!refused_until_) {
                for (bool (session::* const part)() :
                     {&session::work, &session::watch_modem, &session::watch_errors, &session::read_port})
                    moves = (this->*part)() || moves;
            }
            moves = write_peer() || moves;
            if (refused_until_)
                turn_away();
            else if (gone_until_ && (is_done() || gone_until_->expired()))
                return true;
            if (!moves && await())
                return false;
        }
    }
    [[nodiscard]] readiness wait_handle() const noexcept { return all_.wait_handle(); }

private:
    [[nodiscard]] bool has_room() const noexcept { return queued_ < max_queued && to_do_.size() < max_commands; }
    [[nodiscard]] bool has_output() const noexcept
    {
        return !gone_until_ && (!codec_.output.empty() || peer_.unsent() != 0);
    }
    [[nodiscard]] bool takes_data() const noexcept
    {
        return has_negotiated_ && !refused_until_ && !gone_until_ && !suspended_ && codec_.output.size() < max_queued;
    }
    /// Whether the port has all that the client has sent.
    [[nodiscard]] bool is_done() const noexcept { return to_do_.empty() && !command_ && port_.unsent() == 0; }

    static std::shared_ptr<serial::line> open_line(const serial_port& port)
    {
        auto l = serial::line_of(handle_use(port.channel()).descriptor());
        if (l == nullptr)
            throw_error(errc::closed);
        return l;
    }

    /// A client that goes ends the session, once the port has what it has sent.
    template <class F>
    bool with_peer(F f)
    {
        if (gone_until_)
            return false;
        try {
            return f();
        } catch (const error& e) {
            if (e.code() != condition::end && e.code() != condition::broken)
                throw;
            gone_until_ = max_linger;
            codec_.output.clear();
            return true;
        }
    }
    /// Of a client that comes too late. What it sends is read, since closing would reset the connection otherwise, and
    /// discard what it is told.
    void turn_away()
    {
        if (!has_output() && !std::exchange(is_told_, true) && !gone_until_) {
            error_code ignored;
            peer_.shutdown_send(deadline::now(), ignored);
        }
        if (gone_until_ || refused_until_->expired())
            throw_error(serial_errc::port_in_use);
    }

    bool read_peer()
    {
        if (!has_room() && !refused_until_)
            return false;
        return with_peer([&] {
            const std::optional<bytes> some = peer_.try_recv();
            if (!some)
                return false;
            for (byte_view left = *some; !left.empty();) {
                item i;
                const auto e = codec_.receive(left, i.data);
                if (!i.data.empty() && !refused_until_) {
                    queued_ += i.data.size();
                    to_do_.push_back(std::move(i));
                }
                if (e && !refused_until_)
                    take(*e);
            }
            return true;
        });
    }
    void take(const telnet::event& e)
    {
        const bool is_option = e.kind == telnet::event::what::agreed || e.kind == telnet::event::what::refused;
        has_negotiated_ = has_negotiated_ || (is_option && e.option == telnet_option::binary && e.ours);
        // pyserial takes our request for an agreement that it need not answer, so its messages count as well.
        if (e.option == telnet_option::com_port && e.kind != telnet::event::what::refused &&
            !std::exchange(has_com_port_, true))
            modem_watch_.is_on = true;
        item i;
        switch (e.kind) {
        case telnet::event::what::line_break: i.is_break = true; break;
        case telnet::event::what::agreed:
        case telnet::event::what::refused: break;
        case telnet::event::what::sub_negotiation:
            i.request = e.option == telnet_option::com_port ? serial::decode(e.text, 0) : std::nullopt;
            break;
        }
        if (!i.request && !i.is_break)
            return;
        if (i.request && i.request->code == com_code::suspend)
            suspended_ = true;
        else if (i.request && i.request->code == com_code::resume)
            suspended_ = false;
        else {
            // Output that waits here is purged, too, and does not hold the purge up.
            if (i.request && i.request->code == com_code::purge && (i.request->value & 2) != 0)
                drop_data();
            to_do_.push_back(std::move(i));
        }
    }
    void drop_data()
    {
        std::erase_if(to_do_, [](const item& i) { return !i.request && !i.is_break; });
        queued_ = 0;
    }

    /// Data and requests, one after the other.
    bool work()
    {
        if (command_)
            return proceed();
        if (port_.unsent() != 0)
            return port_.try_flush();
        if (to_do_.empty())
            return false;
        item& i = to_do_.front();
        if (i.is_break) {
            serial_command c(what::send_break);
            c.duration = telnet_break;
            to_do_.pop_front();
            begin(c);
            return true;
        }
        if (!i.request) {
            if (!port_.try_send(i.data)) // a part counts: the port owns the rest
                return false;
            queued_ -= std::min(queued_, i.data.size());
            to_do_.pop_front();
            return true;
        }
        const com_message m = *i.request;
        to_do_.pop_front();
        execute(m);
        return true;
    }
    void begin(const serial_command& c)
    {
        try {
            command_.emplace(line_->start(c));
            (void)proceed();
        } catch (const error& e) {
            finish(e.code());
        }
    }
    bool proceed()
    {
        try {
            if (!command_->advance())
                return false;
            finish({});
        } catch (const error& e) {
            finish(e.code());
        }
        return true;
    }
    /// Answers with the state, whatever has come of the request.
    void finish(const error_code& ec)
    {
        drop(command_, all_);
        if (ec && !is_refusal(ec))
            throw_error(ec);
        if (!ec && asked_ && is_break(*asked_))
            break_is_on_ = asked_->value == static_cast<std::uint32_t>(com_control::break_on);
        if (asked_)
            answer(*std::exchange(asked_, std::nullopt));
    }

    void execute(const com_message& m)
    {
        const auto control = static_cast<com_control>(m.value);
        serial_settings s = port_.settings();
        switch (m.code) {
        case com_code::signature:
            if (m.text.empty())
                send({com_code::signature, 0, "ferrule"});
            return;
        case com_code::set_baud:
            if (m.value != 0)
                s.baud(m.value);
            return change(s, m);
        case com_code::set_data_size:
            if (m.value >= 5 && m.value <= 8)
                s.data_bits(static_cast<int>(m.value));
            return change(s, m);
        case com_code::set_parity:
            if (m.value >= 1 && m.value <= 5)
                s.parity(static_cast<parity>(m.value - 1));
            return change(s, m);
        case com_code::set_stop_size:
            for (const stop_bits b : {stop_bits::one, stop_bits::one_and_half, stop_bits::two}) {
                if (serial::com_value(b) == m.value)
                    s.stop_bits(b);
            }
            return change(s, m);
        case com_code::set_control:
            switch (control) {
            case com_control::no_flow:
            case com_control::xon_xoff:
            case com_control::rts_cts:
            case com_control::dsr_output_flow:
                s.xon_xoff(control == com_control::xon_xoff);
                s.rts_cts(control == com_control::rts_cts);
                s.dsr_dtr(control == com_control::dsr_output_flow);
                return change(s, m);
            case com_control::break_on:
            case com_control::break_off: return ask(command_of(what::set_break, control == com_control::break_on), m);
            case com_control::dtr_on:
            case com_control::dtr_off: return ask(command_of(what::set_dtr, control == com_control::dtr_on), m);
            case com_control::rts_on:
            case com_control::rts_off: return ask(command_of(what::set_rts, control == com_control::rts_on), m);
            default: return answer(m); // queries, and what follows from the flow control
            }
        case com_code::notify_line_state: return send({com_code::notify_line_state, 0});
        case com_code::notify_modem_state: return send({com_code::notify_modem_state, serial::modem_state_of(modem_)});
        case com_code::set_line_state_mask:
            line_mask_ = m.value & serial::error_bits;
            error_watch_.is_on = line_mask_ != 0;
            if (!error_watch_.is_on)
                forget(error_watch_);
            return send(m);
        case com_code::set_modem_state_mask:
            modem_mask_ = m.value;
            send(m);
            return send({com_code::notify_modem_state, serial::modem_state_of(modem_) & modem_mask_});
        case com_code::purge: {
            if (m.value < 1 || m.value > 3)
                return answer(m);
            serial_command c(what::purge);
            c.queue = static_cast<serial_queue>(m.value);
            return ask(c, m);
        }
        case com_code::suspend:
        case com_code::resume: return; // done already
        }
    }
    void ask(const serial_command& c, const com_message& m)
    {
        asked_ = m;
        begin(c);
    }
    /// A query changes nothing.
    void change(const serial_settings& s, const com_message& m)
    {
        if (s == port_.settings())
            return answer(m);
        serial_command c(what::apply);
        c.settings = s;
        ask(c, m);
    }

    static bool is_break(const com_message& m) noexcept
    {
        return m.code == com_code::set_control && m.value >= 4 && m.value <= 6;
    }
    void answer(com_message m)
    {
        const serial_settings s = port_.settings();
        const auto one_of = [](bool on, com_control yes, com_control no) {
            return static_cast<std::uint32_t>(on ? yes : no);
        };
        switch (m.code) {
        case com_code::set_baud: m.value = s.baud(); break;
        case com_code::set_data_size: m.value = static_cast<std::uint32_t>(s.data_bits()); break;
        case com_code::set_parity: m.value = serial::com_value(s.parity()); break;
        case com_code::set_stop_size: m.value = serial::com_value(s.stop_bits()); break;
        case com_code::set_control: {
            const com_control output = s.xon_xoff()  ? com_control::xon_xoff
                                       : s.rts_cts() ? com_control::rts_cts
                                       : s.dsr_dtr() ? com_control::dsr_output_flow
                                                     : com_control::no_flow;
            const com_control input = s.xon_xoff()  ? com_control::input_xon_xoff
                                      : s.rts_cts() ? com_control::input_rts_cts
                                      : s.dsr_dtr() ? com_control::dtr_input_flow
                                                    : com_control::no_input_flow;
            if (m.value <= 3 || m.value == 17 || m.value == 19)
                m.value = static_cast<std::uint32_t>(output);
            else if (is_break(m))
                m.value = one_of(break_is_on_, com_control::break_on, com_control::break_off);
            else if (m.value <= 9)
                m.value = one_of(s.dtr(), com_control::dtr_on, com_control::dtr_off);
            else if (m.value <= 12)
                m.value = one_of(s.rts(), com_control::rts_on, com_control::rts_off);
            else
                m.value = static_cast<std::uint32_t>(input);
            break;
        }
        default: break;
        }
        send(m);
    }
    void send(const com_message& m) { codec_.send_sub(telnet_option::com_port, serial::encode(m, serial::of_server)); }

    /// Ends an operation. Its set no longer waits for its handle, whose number may come back with the next one.
    static void drop(std::optional<serial::running_operation>& o, serial::event_set& awaits) noexcept
    {
        if (!o)
            return;
        awaits.await_nothing();
        o.reset();
    }
    void forget(watch& w) noexcept
    {
        drop(w.look, watching_);
        w = {};
    }
    /// Calls `tell` with what there is to know, once. Calls `lack` instead if the port knows nothing of it.
    template <class Tell, class Lack>
    bool look(watch& w, serial_command c, Tell tell, Lack lack)
    {
        if (!w.is_on)
            return false;
        try {
            c.known = modem_;
            c.known_errors = errors_;
            if (!w.look)
                w.look.emplace(line_->start(c));
            if (!w.look->advance())
                return false;
            tell(w.look->result());
            drop(w.look, watching_);
            w.is_known = true;
        } catch (const error& e) {
            drop(w.look, watching_);
            if (!is_refusal(e.code()))
                throw;
            lack();
        }
        return true;
    }
    bool watch_modem()
    {
        watch& w = modem_watch_;
        return look(
            w, serial_command(w.is_known ? what::modem_change : what::modem),
            [&](const serial_answer& a) {
                const std::uint32_t now = serial::modem_state_of(a.lines);
                const std::uint32_t changed = now ^ serial::modem_state_of(std::exchange(modem_, a.lines));
                if (!w.is_known || (changed & modem_mask_) != 0)
                    send({com_code::notify_modem_state, (now | changed >> 4) & (modem_mask_ | modem_mask_ >> 4)});
            },
            [&] {
                forget(w);
                send({com_code::notify_modem_state, 0});
            });
    }
    bool watch_errors()
    {
        watch& w = error_watch_;
        return look(
            w, serial_command(w.is_known ? what::errors_change : what::errors),
            [&](const serial_answer& a) {
                const line_errors before = std::exchange(errors_, a.errors);
                const auto bit = [](std::uint64_t was, std::uint64_t is, std::uint32_t b) { return was != is ? b : 0; };
                const std::uint32_t news = bit(before.overrun(), errors_.overrun(), serial::overrun_bit) |
                                           bit(before.parity(), errors_.parity(), serial::parity_bit) |
                                           bit(before.framing(), errors_.framing(), serial::framing_bit) |
                                           bit(before.breaks(), errors_.breaks(), serial::break_bit);
                if (w.is_known && (news & line_mask_) != 0)
                    send({com_code::notify_line_state, news & line_mask_});
            },
            [&] {
                // A port of a server has no number before the first error, but tells of that one.
                w.is_on = !std::exchange(w.is_known, true);
            });
    }

    bool read_port()
    {
        if (!takes_data())
            return false;
        const std::optional<bytes> some = port_.try_recv();
        if (some)
            codec_.send(*some);
        return some.has_value();
    }
    bool write_peer()
    {
        return with_peer([&] {
            if (peer_.unsent() != 0 && !peer_.try_flush())
                return false;
            if (codec_.output.empty() || !peer_.try_send(codec_.output))
                return false;
            codec_.output.clear();
            return true;
        });
    }

    /// Returns false if there is something to do immediately.
    bool await()
    {
        serial::waiting in{{}, {readiness::now(), readiness::now()}};
        serial::waiting out = in;
        // Nobody tells the session when another handle closes the client's endpoint, so it looks.
        const deadline usual =
            std::min(has_negotiated_ ? deadline::never() : negotiates_until_, deadline(look_for_close));
        serial::waiting rest{refused_until_ ? *refused_until_ : gone_until_.value_or(usual), in.targets};
        bool is_now = false;
        const auto arm = [&](duplex& d, direction way, bool wanted) {
            const readiness r = wanted ? d.arm(way) : readiness::now();
            is_now = is_now || (wanted && r.is_now());
            return r;
        };
        in.targets = {arm(peer_, direction::read, has_room() && !gone_until_),
                      arm(port_, direction::read, takes_data())};
        const bool port_is_full = !command_ && (port_.unsent() != 0 || !to_do_.empty());
        out.targets = {arm(peer_, direction::write, has_output()), arm(port_, direction::write, port_is_full)};
        if (is_now)
            return false;
        reading_.await(in);
        writing_.await(out);
        const auto handle_of = [](const auto& running) { return running ? running->wait_handle() : readiness::now(); };
        watching_.await({{}, {handle_of(modem_watch_.look), handle_of(error_watch_.look)}});
        rest.targets[0] = handle_of(command_);
        all_.await(rest);
        return true;
    }

    duplex peer_;
    serial_port port_;
    std::shared_ptr<serial::line> line_;
    serial::running_operation closing_;
    telnet codec_;
    std::deque<item> to_do_;
    std::size_t queued_ = 0;           // bytes in `to_do_`
    std::optional<com_message> asked_; // what `command_` does, unless that is a BRK
    std::optional<serial::running_operation> command_;
    watch modem_watch_;
    watch error_watch_;
    modem_lines modem_;
    line_errors errors_;
    std::uint32_t modem_mask_ = 0xff;
    std::uint32_t line_mask_ = 0;
    // Data that is on its way while binary transmission is agreed could be read in either way. A client that never answers is
    // no telnet.
    bool has_negotiated_ = false;
    deadline negotiates_until_{std::chrono::seconds(1)};
    bool has_com_port_ = false;
    bool suspended_ = false;
    bool break_is_on_ = false;
    bool is_told_ = false;
    std::optional<deadline> gone_until_;    // the client has gone, and the port must have taken everything by then
    std::optional<deadline> refused_until_; // another client has the port
    // The same handle may be awaited for reading and for writing, so each has a set of its own.
    serial::event_set reading_;
    serial::event_set writing_;
    serial::event_set watching_;
    serial::event_set all_; // destroyed before what it waits for
};

/// A session, which begins when it is first waited for.
class late_session {
public:
    late_session(duplex peer, serial_port port) noexcept : peer_(std::move(peer)), port_(std::move(port)) {}
    late_session(const late_session&) = delete;
    late_session& operator=(const late_session&) = delete;
    ~late_session()
    {
        session_.reset();
        peer_.close();
    }

    bool advance()
    {
        if (!session_)
            session_ = std::make_unique<session>(std::move(peer_), std::move(port_));
        return session_->advance();
    }
    [[nodiscard]] readiness wait_handle() const noexcept { return session_->wait_handle(); }

private:
    duplex peer_;
    serial_port port_;
    std::unique_ptr<session> session_;
};

} // namespace

channel_ptr begin_serving(duplex peer, serial_port port, std::shared_ptr<serial_outcome> o)
{
    auto work = std::make_unique<late_session>(std::move(peer), std::move(port));
    return open_channel(work_stream(std::move(work), std::move(o)));
}

} // namespace ferrule::detail
