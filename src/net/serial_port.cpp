#include <ferrule/net/serial_port.hpp>

#include "platform/serial/line.hpp"
#include "platform/serial/raw.hpp"
#include "platform/serial/rfc2217.hpp"
#include "platform/serial/settings_text.hpp"
#include "src/net/accept_queue.hpp"
#include "src/net/connector.hpp"
#include "src/net/serial_opening.hpp"
#include "src/net/work_stream.hpp"

namespace ferrule {
namespace detail {
namespace {

using what = serial_command::what;

/// An operation of a line, with what the endpoint has to do for it.
class command {
public:
    command(channel_ptr port, std::shared_ptr<serial::line> l, const serial_command& c,
            std::shared_ptr<serial_outcome> o)
        : port_(std::move(port)),
          line_(std::move(l)),
          command_(c),
          outcome_(std::move(o))
    {
    }

    bool advance()
    {
        if (!is_open(port_) || line_ == nullptr)
            throw_error(errc::closed);
        if (command_.kind == what::drain && !operation_ && !push_rest()) {
            if (!later_)
                later_ = std::make_unique<serial::event_set>();
            later_->look();
            later_->await({serial::look_again});
            return false;
        }
        if (!operation_)
            start();
        if (!operation_->advance())
            return false;
        outcome_->answer = operation_->result();
        if (command_.kind == what::queued && concerns_input())
            outcome_->answer.number += read_ahead(true);
        return true;
    }
    [[nodiscard]] readiness wait_handle() const noexcept
    {
        return operation_ ? operation_->wait_handle() : later_->wait_handle();
    }

private:
    void start()
    {
        operation_ = std::make_unique<serial::running_operation>(line_->start(command_));
        if (command_.kind == what::purge && concerns_input())
            (void)read_ahead(false); // before the line is purged, since what is read later is new
    }
    [[nodiscard]] bool concerns_input() const noexcept { return command_.queue != serial_queue::output; }

    /// The rest of an interrupted send goes first.
    bool push_rest()
    {
        if (unsent(port_) == 0)
            return true;
        write_request flush(write_request::what::flush);
        transfer_result ignored;
        const error_code ec = run(port_, flush, deadline::now(), ignored);
        if (ec && ec != condition::timeout)
            throw_error(ec);
        return !ec;
    }
    /// Takes what the endpoint has read ahead, or only looks at it. Returns its size. A receive that is under way keeps
    /// what it has.
    std::size_t read_ahead(bool peek)
    {
        read_request r(read_request::what::partial);
        r.peek = peek;
        transfer_result ahead;
        return run(port_, r, deadline::now(), ahead) ? 0 : ahead.data.size();
    }

    channel_ptr port_;
    std::shared_ptr<serial::line> line_;
    const serial_command command_;
    std::shared_ptr<serial_outcome> outcome_;
    std::unique_ptr<serial::running_operation> operation_;
    std::unique_ptr<serial::event_set> later_; // while the rest of an interrupted send does not leave
};

/// One byte, immediately.
class told_stream {
public:
    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (std::exchange(told_, true))
            return io_result::end();
        in[0] = {};
        return io_result::moved(1);
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::failed(errc::wrong_direction); }
    [[nodiscard]] readiness arm(direction) noexcept { return readiness::now(); }
    [[nodiscard]] bool can(direction d) const noexcept { return d == direction::read; }
    void close() noexcept {}

private:
    bool told_ = false;
};

} // namespace

channel_ptr begin_serial(const channel_ptr& port, const std::shared_ptr<serial::line>& l, const serial_command& c,
                         std::shared_ptr<serial_outcome> o)
{
    auto work = std::make_unique<command>(port, l, c, o);
    return open_channel(work_stream(std::move(work), std::move(o)));
}

namespace {

/// The begin of a line of RFC 2217.
class rfc2217_handshake final : public pending_handshake {
public:
    rfc2217_handshake(descriptor connection, const serial_settings& s, const rfc2217_options& o,
                      std::shared_ptr<serial_outcome> outcome)
        : outcome_(std::move(outcome)),
          line_(serial::rfc2217_line(std::move(connection), s, o)),
          operation_(serial::open_rfc2217(line_))
    {
    }

    std::optional<readiness> advance() override
    {
        try {
            if (!operation_.advance())
                return operation_.wait_handle();
            made_.emplace(serial::descriptor_of(line_));
            return std::nullopt;
        } catch (...) {
            outcome_->thrown = std::current_exception();
            throw;
        }
    }
    descriptor take() noexcept override { return std::move(*made_); }

private:
    std::shared_ptr<serial_outcome> outcome_;
    std::shared_ptr<serial::line> line_;
    serial::running_operation operation_;
    std::optional<descriptor> made_;
};

class raw_handshake final : public pending_handshake {
public:
    raw_handshake(descriptor connection, const serial_settings& s)
        : made_(serial::descriptor_of(serial::raw_line(std::move(connection), s)))
    {
    }

    std::optional<readiness> advance() override { return std::nullopt; }
    descriptor take() noexcept override { return std::move(made_); }

private:
    descriptor made_;
};

} // namespace

descriptor start_opening(const address& at, const std::optional<serial_settings>& given, const connect_settings& c,
                         std::shared_ptr<accept_queue>& q)
{
    serial_settings s;
    rfc2217_options o;
    (void)serial::read_options(at.options(), s, &o); // they were checked when the address was made
    if (given)
        s = *given;
    if (at.kind() == address::family::serial) {
        if (c.same_user || c.local)
            throw usage_error(errc::unsupported,
                              "ferrule: " + at.to_string() + ": a serial port has neither user nor address");
        q = std::make_shared<accept_queue>();
        q->describe("ferrule: opening " + at.to_string());
        q->put(serial::descriptor_of(serial::open_port(at.name(), s)));
        return told_stream();
    }
    if (at.kind() != address::family::rfc2217 && at.kind() != address::family::tcp)
        throw usage_error(errc::unsupported, "ferrule: " + at.to_string() + ": no serial line");
    const auto outcome = std::make_shared<serial_outcome>();
    const bool is_raw = at.kind() == address::family::tcp;
    const auto begin = [s, o, outcome, is_raw](descriptor connection) -> std::unique_ptr<pending_handshake> {
        if (is_raw)
            return std::make_unique<raw_handshake>(std::move(connection), s);
        return std::make_unique<rfc2217_handshake>(std::move(connection), s, o, outcome);
    };
    if (!is_raw)
        serial::check_rfc2217(s); // rather than when the connection is there
    descriptor d = start_connecting(address::tcp(at.name(), at.service()), c, begin, q);
    q->describe("ferrule: connecting to " + at.to_string());
    q->fail_by([outcome](const error_code& ec) {
        if (outcome->thrown)
            outcome->raise(ec);
    });
    return d;
}

message_reader<opened_port> opening(const address& at, const std::optional<serial_settings>& s)
{
    std::shared_ptr<accept_queue> q;
    descriptor d = start_opening(at, s, {}, q);
    return message_reader<opened_port>(std::move(d), opened_port(std::move(q)));
}

} // namespace detail

address serial_address::parse(std::string_view text)
{
    // COM3 has no colon before its options, and a path begins with a slash.
    const std::string_view name = text.substr(0, text.find('?'));
    const bool is_name = !name.empty() && (name.front() == '/' || name.find(':') == name.npos);
    return address::parse(is_name ? "serial:" + std::string(text) : std::string(text));
}

serial_port::serial_port(const serial_address& at, const until& timeout)
    : serial_port(detail::opening(at, std::nullopt).recv(timeout))
{
}

serial_port::serial_port(const serial_address& at, const serial_settings& s, const until& timeout)
    : serial_port(detail::opening(at, s).recv(timeout))
{
}

serial_port::serial_port(const duplex& shared)
    : duplex(shared),
      line_(serial::line_of(detail::handle_use(shared.channel()).descriptor()))
{
    if (line_ == nullptr)
        throw_error(errc::bad_descriptor);
}

serial_settings serial_port::settings() const
{
    return line_ ? line_->settings() : serial_settings();
}

} // namespace ferrule
