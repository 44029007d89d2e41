#include <ferrule/net/serial_port.hpp>

#include "platform/caught.hpp"
#include "platform/poll_set.hpp"
#include "platform/serial/line.hpp"
#include "platform/serial/settings_text.hpp"
#include "src/net/accept_queue.hpp"

#include <array>

namespace ferrule {
namespace detail {
namespace {

using what = serial_command::what;

/// Drives an operation of a line. Its one byte comes when the operation is done.
class command_stream {
public:
    command_stream(channel_ptr port, std::shared_ptr<serial::line> l, const serial_command& c,
                   std::shared_ptr<serial_outcome> o)
        : port_(std::move(port)),
          line_(std::move(l)),
          command_(std::make_unique<serial_command>(c)),
          outcome_(std::move(o))
    {
    }
    command_stream(command_stream&&) noexcept = default;
    command_stream& operator=(command_stream&&) = delete;
    ~command_stream() = default;

    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (told_)
            return io_result::end();
        try {
            if (!go_on())
                return io_result::would_block();
        } catch (...) {
            outcome_->thrown = std::current_exception();
            return io_result::failed(os::caught());
        }
        told_ = true;
        in[0] = {};
        return io_result::moved(1);
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::failed(errc::wrong_direction); }
    [[nodiscard]] readiness arm(direction) noexcept { return told_ ? readiness::now() : events_->wait_handle(); }
    [[nodiscard]] bool can(direction d) const noexcept { return d == direction::read; }
    void close() noexcept
    {
        events_.reset();
        operation_.reset();
    }

private:
    /// Returns false if there is something to wait for.
    bool go_on()
    {
        if (!is_open(port_) || line_ == nullptr)
            throw_error(errc::closed);
        if (command_->kind == what::drain && !operation_ && !push_rest())
            return await({serial::look_again}, std::nullopt);
        if (!operation_)
            operation_ = line_->start(*command_);
        if (const std::optional<serial::waiting> w = operation_->advance())
            return await(*w, operation_->bell());
        outcome_->answer = operation_->result();
        if ((static_cast<int>(command_->queue) & static_cast<int>(serial_queue::input)) == 0)
            return true;
        if (command_->kind == what::purge)
            (void)read_ahead(false);
        else if (command_->kind == what::queued)
            outcome_->answer.number += read_ahead(true);
        return true;
    }

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

    bool await(const serial::waiting& w, const std::optional<readiness>& bell)
    {
        if (!events_)
            events_ = std::make_unique<os::poll_set>();
        if (bell && !bell_awaited_) {
            events_->add(this_key(), *bell);
            bell_awaited_ = true;
        }
        if (w.target != target_) {
            if (!target_.is_now())
                events_->remove(std::exchange(target_, readiness::now()));
            if (!w.target.is_now())
                events_->add(this_key(), w.target);
            target_ = w.target;
        }
        events_->set_time(w.until);
        return false;
    }
    [[nodiscard]] const void* this_key() const noexcept { return outcome_.get(); }

    channel_ptr port_;
    std::shared_ptr<serial::line> line_;
    std::unique_ptr<const serial_command> command_;
    std::shared_ptr<serial_outcome> outcome_;
    std::unique_ptr<serial::operation> operation_;
    std::unique_ptr<os::poll_set> events_; // destroyed before what it waits for
    readiness target_ = readiness::now();  // in `events_`, unless it is `now()`
    bool bell_awaited_ = false;
    bool told_ = false;
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

void serial_outcome::raise(const error_code& ec) const
{
    if (thrown) {
        try {
            std::rethrow_exception(thrown);
        } catch (const error& e) {
            if (e.code() == ec)
                throw;
        } catch (...) {
        }
    }
    throw_error(ec);
}

channel_ptr begin_serial(const channel_ptr& port, const std::shared_ptr<serial::line>& l, const serial_command& c,
                         std::shared_ptr<serial_outcome> o)
{
    return open_channel(command_stream(port, l, c, std::move(o)));
}

address serial_address(std::string_view text)
{
    // COM3 has no colon before its options, and a path begins with a slash.
    const std::string_view name = text.substr(0, text.find('?'));
    const bool is_name = !name.empty() && (name.front() == '/' || name.find(':') == name.npos);
    return address::parse(is_name ? "serial:" + std::string(text) : std::string(text));
}

descriptor start_opening(const address& at, const std::optional<serial_settings>& given,
                         std::shared_ptr<accept_queue>& q)
{
    serial_settings s;
    rfc2217_options o;
    (void)serial::read_options(at.options(), s, &o); // they were checked when the address was made
    if (given)
        s = *given;
    if (at.kind() != address::family::serial)
        throw usage_error(errc::unsupported, "ferrule: " + at.to_string() + ": no serial line");
    q = std::make_shared<accept_queue>();
    q->describe("ferrule: opening " + at.to_string());
    q->put(serial::descriptor_of(serial::open_port(at.name(), s)));
    return told_stream();
}

message_reader<opened_port> opening(const address& at, const std::optional<serial_settings>& s)
{
    std::shared_ptr<accept_queue> q;
    descriptor d = start_opening(at, s, q);
    return message_reader<opened_port>(std::move(d), opened_port(std::move(q)));
}

} // namespace detail

serial_port::serial_port(const ferrule::address& at, const until& timeout)
    : serial_port(detail::opening(at, std::nullopt).recv(timeout))
{
}

serial_port::serial_port(const ferrule::address& at, const serial_settings& s, const until& timeout)
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
