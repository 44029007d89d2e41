// One connection carries the data and the requests, so whoever waits for either reads both: `pump` keeps the data for
// readers, within bounds, and tells those whose answer has come. Everything happens under the mutex of the line.
#include "platform/serial/rfc2217.hpp"

#include "platform/caught.hpp"
#include "platform/serial/com_port.hpp"
#include "platform/serial/telnet.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <string_view>
#include <utility>

namespace ferrule::serial {
namespace {

using what = serial_command::what;

constexpr std::size_t max_data = 1 << 20; // unread; then the connection is not read any more
constexpr std::size_t max_chunk = 16 * 1024;
constexpr std::size_t max_requests = 256;

/// The states that one request can set, and another can query.
enum class group : unsigned char { none, flow, line_break, dtr, rts, input_flow };

group group_of(com_code code, std::uint32_t value) noexcept
{
    if (code != com_code::set_control)
        return group::none;
    if (value <= 3 || value == 17 || value == 19)
        return group::flow;
    if (value <= 6)
        return group::line_break;
    if (value <= 9)
        return group::dtr;
    return value <= 12 ? group::rts : group::input_flow;
}

com_control query_of(group g) noexcept
{
    switch (g) {
    case group::line_break: return com_control::query_break;
    case group::dtr: return com_control::query_dtr;
    case group::rts: return com_control::query_rts;
    case group::input_flow: return com_control::query_input_flow;
    case group::none:
    case group::flow: break;
    }
    return com_control::query_flow;
}

const char* name_of(com_code code, group g) noexcept
{
    switch (code) {
    case com_code::set_baud: return "baud";
    case com_code::set_data_size: return "bits";
    case com_code::set_parity: return "parity";
    case com_code::set_stop_size: return "stop";
    case com_code::purge: return "purge";
    default: break;
    }
    switch (g) {
    case group::line_break: return "break";
    case group::dtr: return "dtr";
    case group::rts: return "rts";
    default: return "flow control";
    }
}

/// A request that the server has not answered yet, or has.
struct request {
    request(com_code c, std::uint32_t value) noexcept : code(c), asked(value) {}

    com_code code;
    std::uint32_t asked;
    bool answered = false;
    std::optional<std::uint32_t> got; // an answer that differs

    [[nodiscard]] bool concerns(const com_message& m) const noexcept
    {
        return code == m.code && group_of(code, asked) == group_of(m.code, m.value);
    }
    [[nodiscard]] bool is_met_by(const com_message& m) const noexcept
    {
        // ser2net 4.3 says that a break is on when it was told to end it (ser2net#134).
        const bool is_end =
            code == com_code::set_control && asked == static_cast<std::uint32_t>(com_control::break_off);
        return concerns(m) && (m.value == asked || is_end);
    }
};

/// What a client asks for to get these settings.
std::vector<com_message> requests_for(const serial_settings& s)
{
    const auto control = [](com_control c) {
        return com_message{com_code::set_control, static_cast<std::uint32_t>(c)};
    };
    std::vector<com_message> all = {
        {com_code::set_baud, s.baud()},
        {com_code::set_data_size, static_cast<std::uint32_t>(s.data_bits())},
        {com_code::set_parity, com_value(s.parity())},
        {com_code::set_stop_size, com_value(s.stop_bits())},
        control(s.xon_xoff()  ? com_control::xon_xoff
                : s.rts_cts() ? com_control::rts_cts
                : s.dsr_dtr() ? com_control::dsr_output_flow
                              : com_control::no_flow),
    };
    if (s.dsr_dtr())
        all.push_back(control(com_control::dtr_input_flow));
    return all;
}

com_message rts_request(bool on) noexcept
{
    return {com_code::set_control, static_cast<std::uint32_t>(on ? com_control::rts_on : com_control::rts_off)};
}
com_message dtr_request(bool on) noexcept
{
    return {com_code::set_control, static_cast<std::uint32_t>(on ? com_control::dtr_on : com_control::dtr_off)};
}
com_message break_request(bool on) noexcept
{
    return {com_code::set_control, static_cast<std::uint32_t>(on ? com_control::break_on : com_control::break_off)};
}

class client final : public line, public std::enable_shared_from_this<client> {
public:
    client(descriptor connection, const serial_settings& s, const rfc2217_options& o)
        : line(s),
          options(o),
          below_(std::move(connection))
    {
        check_rfc2217(s);
        codec_.allow(telnet_option::suppress_go_ahead, true);
        codec_.allow(telnet_option::suppress_go_ahead, false);
        codec_.allow(telnet_option::com_port, false); // pyserial's server offers it as its own
        codec_.request(telnet_option::com_port, true);
        codec_.request(telnet_option::binary, true);
        codec_.request(telnet_option::binary, false);
    }

    io_result try_read(std::span<std::byte> in) noexcept override
    {
        const std::lock_guard guard(mutex_);
        if (reading_)
            reading_->look();
        if (data_.empty())
            pump();
        const std::size_t n = std::min(in.size(), data_.size());
        std::copy_n(std::as_bytes(std::span(data_)).data(), n, in.data());
        const bool was_full = data_.size() >= max_data;
        data_.erase(0, n);
        if (was_full) { // others may read on
            news_ = true;
            tell();
        }
        if (n == 0 && failure_)
            return io_result::failed(failure_);
        if (data_.empty() && reading_)
            reading_->bell.silence();
        return n == 0 && !in.empty() ? io_result::would_block() : io_result::moved(n);
    }

    io_result try_write(std::span<const byte_view> out) noexcept override
    {
        const std::lock_guard guard(mutex_);
        look_for_writing();
        pump(); // the server may have suspended this end
        if (failure())
            return io_result::failed(failure());
        if (suspended_ || !codec_.output.empty())
            return io_result::would_block();
        try {
            for (const byte_view part : out)
                chunk_ += part.text().substr(0, max_chunk - chunk_.size());
            codec_.send(chunk_);
        } catch (const std::bad_alloc&) {
            chunk_.clear();
            codec_.output.clear();
            return io_result::failed(detail::no_memory());
        }
        chunk_sent_ = 0;
        const std::size_t n = chunk_.size();
        flush();
        if (!send_failure_)
            return io_result::moved(n);
        chunk_.clear(); // the sender still has it
        codec_.output.clear();
        return io_result::failed(send_failure_);
    }

    readiness arm(direction d) noexcept override
    {
        const std::lock_guard guard(mutex_);
        const bool reads_now = !data_.empty() || failure_;
        const bool writes_now = (!suspended_ && codec_.output.empty()) || failure();
        if (d == direction::read ? reads_now : writes_now)
            return readiness::now();
        try {
            auto& set = d == direction::read ? reading_ : writing_;
            if (!set)
                set = std::make_unique<rung_set>();
            const bool reads = d == direction::read || (suspended_ && data_.size() < max_data);
            const bool writes = d == direction::write && !codec_.output.empty();
            set->await({{}, {reads ? input() : readiness::now(), writes ? output() : readiness::now()}});
            return set->wait_handle();
        } catch (...) { // no descriptor left
            return below_->get()->arm(d);
        }
    }

    std::size_t unsent() const noexcept override
    {
        const std::lock_guard guard(mutex_);
        std::size_t sent = 0; // with their escapes
        std::size_t i = 0;
        for (; i < chunk_.size(); ++i) {
            sent += codec_.size_of(chunk_, i);
            if (sent > chunk_sent_)
                break;
        }
        return chunk_.size() - i;
    }
    io_result try_flush() noexcept override
    {
        const std::lock_guard guard(mutex_);
        look_for_writing();
        flush();
        if (failure())
            return io_result::failed(failure());
        return codec_.output.empty() ? io_result::moved(0) : io_result::would_block();
    }
    native_handle_type socket() const noexcept override { return below_ ? below_->get()->socket() : invalid_handle; }

    std::unique_ptr<operation> start(const serial_command& c) override;

    // The rest is called under the mutex.

    /// Reads what has come, and sends what must be sent.
    void pump() noexcept
    {
        try {
            if (input_)
                input_->look();
            std::array<std::byte, 4096> some;
            while (!failure_ && data_.size() < max_data) {
                const io_result r = below_->get()->try_read(some);
                if (r.status() == io_status::would_block)
                    break;
                if (r.status() == io_status::moved)
                    decode({some.data(), r.size()});
                else
                    fail(failure_, r);
            }
        } catch (const std::bad_alloc&) {
            fail(failure_, io_result::failed(detail::no_memory()));
        }
        flush();
        tell();
    }

    [[nodiscard]] std::shared_ptr<request> ask(const com_message& m)
    {
        if (outstanding_.size() >= max_requests)
            throw_error(errc::busy);
        auto r = std::make_shared<request>(m.code, m.value);
        outstanding_.push_back(r);
        tell_server(m);
        return r;
    }
    /// Later answers concern nobody.
    void forget(const std::vector<std::shared_ptr<request>>& given_up) noexcept
    {
        std::erase_if(outstanding_, [&](const auto& r) { return std::ranges::find(given_up, r) != given_up.end(); });
    }
    /// For what the server need not answer.
    void tell_server(const com_message& m)
    {
        if (!suspended_)
            codec_.send_sub(telnet_option::com_port, encode(m, 0));
        else if (held_.size() < max_requests)
            held_.push_back(m);
        else
            throw_error(errc::busy);
    }

    /// What to wait for until `pump` finds more, or has sent more.
    [[nodiscard]] waiting wait_until(const deadline& d)
    {
        return {d,
                {data_.size() < max_data ? input() : readiness::now(),
                 codec_.output.empty() ? readiness::now() : output()}};
    }

    [[nodiscard]] const error_code& failure() const noexcept { return failure_ ? failure_ : send_failure_; }
    [[nodiscard]] bool is_sent() const noexcept { return codec_.output.empty() && held_.empty(); }
    [[nodiscard]] bool is_agreed() const noexcept { return codec_.is_on(telnet_option::com_port, true); }
    [[nodiscard]] bool is_refused() const noexcept { return refused_; }
    [[nodiscard]] std::string& data() noexcept { return data_; }
    [[nodiscard]] serial_settings& known_settings() noexcept { return settings_; }
    [[nodiscard]] const std::optional<modem_lines>& modem() const noexcept { return modem_; }
    [[nodiscard]] const std::optional<line_errors>& errors() const noexcept { return errors_; }

    const rfc2217_options options;

private:
    /// An event set with a bell, for one direction.
    class rung_set : public event_set {
    public:
        rung_set() { add(bell.wait_handle()); }

        os::doorbell bell;
    };

    static error_code gone() noexcept
    {
        return boost::system::errc::make_error_code(boost::system::errc::connection_reset);
    }

    void shut() noexcept override
    {
        for (const auto& set : {input_.get(), output_.get()}) {
            if (set != nullptr)
                set->await_nothing();
        }
        below_.reset();
    }

    [[nodiscard]] readiness input() { return target(input_, direction::read); }
    [[nodiscard]] readiness output() { return target(output_, direction::write); }
    /// A handle of this direction alone. The connection itself may be in one set for one direction only.
    [[nodiscard]] readiness target(std::unique_ptr<event_set>& set, direction d)
    {
        if (!set)
            set = std::make_unique<event_set>();
        const readiness r = below_->get()->arm(d);
        set->await({r.is_now() ? deadline::now() : deadline(), {r, readiness::now()}});
        return set->wait_handle();
    }

    void look_for_writing() noexcept
    {
        if (output_)
            output_->look();
        if (!writing_)
            return;
        writing_->look();
        writing_->bell.silence();
    }

    void flush() noexcept
    {
        while (!send_failure_ && !codec_.output.empty()) {
            const byte_view all = codec_.output;
            const io_result r = below_->get()->try_write({&all, 1});
            if (r.status() == io_status::would_block)
                return;
            if (r.status() == io_status::moved) {
                codec_.output.erase(0, r.size());
                chunk_sent_ += r.size();
                if (codec_.output.empty())
                    chunk_.clear();
            } else
                fail(send_failure_, r);
        }
    }

    void fail(error_code& which, const io_result& r) noexcept
    {
        which = r.status() == io_status::failed ? r.error() : gone();
        news_ = true;
    }

    void decode(byte_view in)
    {
        while (!in.empty()) {
            const std::size_t before = data_.size();
            const auto e = codec_.receive(in, data_);
            news_ = news_ || e || data_.size() != before;
            if (!e)
                continue;
            if (e->kind == telnet::event::what::refused && e->option == telnet_option::com_port && e->ours)
                refused_ = true;
            if (e->kind != telnet::event::what::sub_negotiation || e->option != telnet_option::com_port)
                continue;
            if (const auto m = serial::decode(e->text, of_server))
                take(*m);
        }
    }

    void take(const com_message& m)
    {
        switch (m.code) {
        case com_code::notify_line_state: {
            const line_errors before = errors_.value_or(line_errors());
            const auto bit = [&](std::uint32_t b) { return (m.value & b) != 0 ? 1u : 0u; };
            errors_ = line_errors(before.parity() + bit(parity_bit), before.framing() + bit(framing_bit),
                                  before.overrun() + bit(overrun_bit), before.breaks() + bit(break_bit));
            break;
        }
        case com_code::notify_modem_state: modem_ = lines_of(m.value); break;
        case com_code::suspend: suspended_ = true; break;
        case com_code::resume:
            suspended_ = false;
            while (!held_.empty()) {
                codec_.send_sub(telnet_option::com_port, encode(held_.front(), 0));
                held_.pop_front();
            }
            break;
        default: answer(m);
        }
    }

    /// An answer that differs from what was asked is a refusal, or the change of another client, which a shared port tells
    /// everybody. So the state is queried, and the request is refused if that gives the same. The server answers in order:
    /// its answer to the request precedes that to the query.
    void answer(const com_message& m)
    {
        auto found = std::ranges::find_if(outstanding_, [&](const auto& r) { return r->is_met_by(m); });
        if (found == outstanding_.end()) {
            found = std::ranges::find_if(outstanding_, [&](const auto& r) { return r->concerns(m); });
            if (found == outstanding_.end() || m.code == com_code::purge)
                return; // a change of a shared port, or a late answer
            request& r = **found;
            if (std::exchange(r.got, m.value) != m.value) {
                const group g = group_of(r.code, r.asked);
                tell_server({r.code, g == group::none ? 0 : static_cast<std::uint32_t>(query_of(g))});
                return;
            }
        } else
            (*found)->got.reset();
        (*found)->answered = true;
        outstanding_.erase(found);
        if (m.code == com_code::purge && (m.value & 1) != 0)
            data_.clear(); // all of it came before the purge
    }

    /// Wakes whoever may continue.
    void tell() noexcept
    {
        if (!std::exchange(news_, false))
            return;
        wake_operations();
        if (reading_ && (!data_.empty() || failure_))
            reading_->bell.ring();
        if (writing_)
            writing_->bell.ring();
    }

    std::optional<descriptor> below_;
    telnet codec_;
    std::string data_;           // received and not read
    std::string chunk_;          // the data at the front of the output, until all of that has left
    std::size_t chunk_sent_ = 0; // bytes of the output since then
    std::deque<std::shared_ptr<request>> outstanding_;
    std::deque<com_message> held_; // while the server has suspended this end
    bool suspended_ = false;
    bool refused_ = false;
    bool news_ = false; // since `tell`
    std::optional<modem_lines> modem_;
    std::optional<line_errors> errors_;
    error_code failure_;      // of the connection
    error_code send_failure_; // what the server has sent before it went can still be read
    // Made when first needed, and kept to the end, since somebody may still wait for them.
    std::unique_ptr<event_set> input_;
    std::unique_ptr<event_set> output_;
    std::unique_ptr<rung_set> reading_;
    std::unique_ptr<rung_set> writing_;
};

/// What sends requests. Giving it up leaves the server with what it was already told.
class requesting : public operation {
public:
    explicit requesting(const std::shared_ptr<client>& c) : operation(c), client_(*c) {}
    ~requesting() override
    {
        if_open([&] { client_.forget(requests_); });
    }

protected:
    void ask(const com_message& m) { requests_.push_back(client_.ask(m)); }
    void ask(const std::vector<com_message>& all)
    {
        for (const com_message& m : all)
            ask(m);
    }
    /// Begins the time in which the answers must come. What has come before is none.
    void begin()
    {
        look();
        answers_until_ = client_.options.request_timeout();
    }

    /// Returns nothing once everything that was asked is answered. Throws if something is refused, or `required` and not
    /// answered in time.
    [[nodiscard]] std::optional<waiting> settle(acknowledgement required)
    {
        look();
        const bool is_late = answers_until_.expired();
        bool is_waiting = false;
        for (const auto& r : requests_) {
            if (r->got && (r->answered || is_late))
                throw rejected_error(name_of(r->code, group_of(r->code, r->asked)), r->asked, *r->got);
            if (r->answered)
                continue;
            if (is_late && required == acknowledgement::required)
                throw_error(serial_errc::no_answer);
            is_waiting = is_waiting || required != acknowledgement::ignored || !client_.is_sent();
        }
        if (is_waiting && !is_late)
            return client_.wait_until(answers_until_);
        client_.forget(requests_);
        requests_.clear();
        return std::nullopt;
    }
    void look()
    {
        client_.pump();
        if (client_.failure())
            throw_error(client_.failure());
    }

    client& client_;

private:
    std::vector<std::shared_ptr<request>> requests_;
    deadline answers_until_;
};

/// Asks once, and is done with the answers.
class single_request final : public requesting {
public:
    single_request(const std::shared_ptr<client>& c, std::vector<com_message> all, acknowledgement a,
                   std::function<void()> done)
        : requesting(c),
          all_(std::move(all)),
          answers_(a),
          done_(std::move(done))
    {
    }

private:
    std::optional<waiting> step() override
    {
        if (!std::exchange(has_begun_, true)) {
            begin();
            ask(all_);
        }
        if (const auto w = settle(answers_))
            return w;
        done_();
        return std::nullopt;
    }

    std::vector<com_message> all_;
    acknowledgement answers_;
    std::function<void()> done_;
    bool has_begun_ = false;
};

class applying final : public requesting {
public:
    applying(const std::shared_ptr<client>& c, const serial_settings& s) : requesting(c), wanted_(s) {}

private:
    std::optional<waiting> step() override
    {
        if (!std::exchange(has_begun_, true)) {
            begin();
            ask(requests_for(wanted_));
        }
        try {
            return settle();
        } catch (const rejected_error&) { // all or none
            for (const com_message& m : requests_for(client_.known_settings()))
                client_.tell_server(m);
            client_.pump();
            throw;
        }
    }
    [[nodiscard]] std::optional<waiting> settle()
    {
        if (const auto w = requesting::settle(acknowledgement::required))
            return w;
        serial_settings& known = client_.known_settings();
        if (!std::exchange(has_switched_, true)) {
            const bool rts = wanted_.rts() != known.rts() && !wanted_.rts_cts();
            const bool dtr = wanted_.dtr() != known.dtr() && !wanted_.dsr_dtr();
            begin();
            if (rts)
                ask(rts_request(wanted_.rts()));
            if (dtr)
                ask(dtr_request(wanted_.dtr()));
        }
        if (const auto w = requesting::settle(client_.options.control_answers()))
            return w;
        known = wanted_;
        return std::nullopt;
    }

    serial_settings wanted_;
    bool has_begun_ = false;
    bool has_switched_ = false; // RTS and DTR, after the rest
};

class remote_break final : public requesting {
public:
    remote_break(const std::shared_ptr<client>& c, std::chrono::milliseconds d) : requesting(c), duration_(d) {}
    ~remote_break() override
    {
        if (phase_ != phase::begin && phase_ != phase::ended)
            if_open([&] {
                try {
                    client_.tell_server(break_request(false));
                    client_.pump();
                } catch (...) { // no memory: the connection will tell
                }
            });
    }

private:
    enum class phase : unsigned char { begin, beginning, lasting, ending, ended };

    std::optional<waiting> step() override
    {
        const acknowledgement a = client_.options.control_answers();
        if (phase_ == phase::begin) {
            begin();
            ask(break_request(true));
            phase_ = phase::beginning;
        }
        if (phase_ == phase::beginning) {
            if (const auto w = settle(a))
                return w;
            end_ = deadline(duration_);
            phase_ = phase::lasting;
        }
        if (phase_ == phase::lasting) {
            look();
            if (!end_.expired())
                return client_.wait_until(end_);
            begin();
            ask(break_request(false));
            phase_ = phase::ending;
        }
        if (const auto w = settle(a))
            return w;
        phase_ = phase::ended;
        return std::nullopt;
    }

    std::chrono::milliseconds duration_;
    deadline end_;
    phase phase_ = phase::begin;
};

class purging final : public requesting {
public:
    purging(const std::shared_ptr<client>& c, serial_queue q) : requesting(c), queue_(q) {}

private:
    std::optional<waiting> step() override
    {
        if (!std::exchange(has_begun_, true)) {
            begin();
            ask({com_code::purge, static_cast<std::uint32_t>(queue_)});
            if (queue_ != serial_queue::output)
                client_.data().clear(); // what comes before the answer follows; see `client::answer`
        }
        return settle(client_.options.purge_answers());
    }

    serial_queue queue_;
    bool has_begun_ = false;
};

/// Waits for what the server tells unasked: other lines than `known`, or the first at all.
class modem_report final : public requesting {
public:
    modem_report(const std::shared_ptr<client>& c, std::optional<modem_lines> known)
        : requesting(c),
          known_(known),
          first_until_(known ? deadline() : deadline(c->options.request_timeout()))
    {
    }

private:
    std::optional<waiting> step() override
    {
        look();
        if (client_.modem() && client_.modem() != known_) {
            result_.lines = *client_.modem();
            return std::nullopt;
        }
        if (first_until_.expired())
            throw_error(serial_errc::no_answer);
        return client_.wait_until(first_until_);
    }

    std::optional<modem_lines> known_;
    deadline first_until_;
};

/// Waits until the server has told errors that `known` lacks.
class error_report final : public requesting {
public:
    error_report(const std::shared_ptr<client>& c, const line_errors& known) : requesting(c), known_(known) {}

private:
    std::optional<waiting> step() override
    {
        look();
        result_.errors = client_.errors().value_or(line_errors());
        return result_.errors != known_ ? std::nullopt : std::optional(client_.wait_until({}));
    }

    line_errors known_;
};

/// What needs no answer.
class one_step final : public requesting {
public:
    one_step(const std::shared_ptr<client>& c, std::function<void(client&, serial_answer&)> f)
        : requesting(c),
          do_it_(std::move(f))
    {
    }

private:
    std::optional<waiting> step() override
    {
        look();
        if (!std::exchange(is_done_, true)) {
            do_it_(client_, result_);
            look();
        }
        return client_.is_sent() ? std::nullopt : std::optional(client_.wait_until({}));
    }

    std::function<void(client&, serial_answer&)> do_it_;
    bool is_done_ = false;
};

class opening final : public requesting {
public:
    explicit opening(const std::shared_ptr<client>& c) : requesting(c) { begin_negotiation(); }

private:
    void begin_negotiation() { negotiated_until_ = client_.options.request_timeout(); }

    std::optional<waiting> step() override
    {
        client_.pump();
        if (client_.failure() && !client_.is_refused())
            fail(client_.failure());
        if (!has_asked_) {
            if (client_.is_refused() || (!client_.is_agreed() && negotiated_until_.expired()))
                fail(serial_errc::no_rfc2217);
            if (!client_.is_agreed())
                return client_.wait_until(negotiated_until_);
        }
        std::optional<waiting> w;
        try {
            if (!std::exchange(has_asked_, true))
                ask_for_everything();
            w = settle(acknowledgement::required);
        } catch (const rejected_error&) {
            throw;
        } catch (const error& e) {
            fail(e.code());
        }
        if (!w)
            client_.data().clear(); // of before, or a banner
        return w;
    }

    void ask_for_everything()
    {
        const serial_settings& s = client_.known_settings();
        client_.tell_server({com_code::set_line_state_mask, error_bits});
        client_.tell_server({com_code::set_modem_state_mask, 0xff});
        begin();
        ask(requests_for(s));
        // Servers without such lines do not answer.
        if (!s.rts_cts())
            client_.tell_server(rts_request(s.rts()));
        if (!s.dsr_dtr())
            client_.tell_server(dtr_request(s.dtr()));
        client_.tell_server({com_code::purge, 3});
    }

    /// Servers tell in words what is wrong, and close.
    [[noreturn]] void fail(error_code ec)
    {
        std::string text = client_.data().substr(0, 200);
        std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
        if (text.find("ort already in use") != text.npos)
            ec = serial_errc::port_in_use;
        else if (text.find("evice open failure") != text.npos)
            ec = serial_errc::device_failed;
        if (text.empty())
            throw_error(ec);
        detail::throw_in_context(ec, "ferrule: the serial server says '" + text + "'");
    }

    deadline negotiated_until_;
    bool has_asked_ = false;
};

std::unique_ptr<operation> client::start(const serial_command& c)
{
    const auto me = shared_from_this();
    const auto control = [&](const com_message& m, std::function<void()> done) {
        return std::make_unique<single_request>(me, std::vector<com_message>{m}, options.control_answers(),
                                                std::move(done));
    };
    const serial_settings now = settings();
    switch (c.kind) {
    case what::apply: check_rfc2217(c.settings); return std::make_unique<applying>(me, c.settings);
    case what::set_rts:
        if (now.rts_cts())
            throw_error(errc::invalid_argument); // the port decides
        return control(rts_request(c.on), [this, on = c.on] { settings_.rts(on); });
    case what::set_dtr:
        if (now.dsr_dtr())
            throw_error(errc::invalid_argument);
        return control(dtr_request(c.on), [this, on = c.on] { settings_.dtr(on); });
    case what::modem: return std::make_unique<modem_report>(me, std::nullopt);
    case what::modem_change: return std::make_unique<modem_report>(me, c.known);
    case what::errors_change: return std::make_unique<error_report>(me, c.known_errors);
    case what::set_break: return control(break_request(c.on), [] {});
    case what::send_break: return std::make_unique<remote_break>(me, c.duration);
    case what::purge: return std::make_unique<purging>(me, c.queue);
    case what::queued:
        if (c.queue != serial_queue::input)
            break; // nobody tells what the server has not sent
        return std::make_unique<one_step>(me, [](client& l, serial_answer& a) { a.number = l.data().size(); });
    case what::set_input_flow:
        return std::make_unique<one_step>(
            me, [on = c.on](client& l, serial_answer&) { l.tell_server({on ? com_code::resume : com_code::suspend}); });
    case what::errors:
        return std::make_unique<one_step>(me, [](client& l, serial_answer& a) {
            if (!l.errors())
                throw_error(errc::unsupported); // the server has never told
            a.errors = *l.errors();
        });
    case what::drain:
    case what::set_output_flow: break;
    }
    throw_error(errc::unsupported);
}

} // namespace

void check_rfc2217(const serial_settings& s)
{
    // There is one flow control at a time, and only a local port has the rest.
    const int flows = (s.xon_xoff() ? 1 : 0) + (s.rts_cts() ? 1 : 0) + (s.dsr_dtr() ? 1 : 0);
    if (flows > 1 || s.exclusive() || s.low_latency() || s.rs485() || !s.hang_up())
        throw_error(errc::unsupported);
}

std::shared_ptr<line> rfc2217_line(descriptor connection, const serial_settings& s, const rfc2217_options& o)
{
    return std::make_shared<client>(std::move(connection), s, o);
}

std::unique_ptr<operation> open_rfc2217(const std::shared_ptr<line>& l)
{
    return std::make_unique<opening>(std::static_pointer_cast<client>(l));
}

} // namespace ferrule::serial
