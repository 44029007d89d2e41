#include "platform/serial/raw.hpp"

#include <array>
#include <functional>
#include <optional>
#include <utility>

namespace ferrule::serial {
namespace {

using what = serial_command::what;

class raw final : public line, public std::enable_shared_from_this<raw> {
public:
    raw(descriptor connection, const serial_settings& s) : line(s), below_(std::move(connection)) {}

    io_result try_read(std::span<std::byte> in) noexcept override
    {
        const std::lock_guard guard(reading_); // a purge reads as well
        const io_result r = below_->get()->try_read(in);
        if (r.status() == io_status::end) // the port has gone
            return io_result::failed(boost::system::errc::make_error_code(boost::system::errc::connection_reset));
        return r;
    }
    io_result try_write(std::span<const byte_view> out) noexcept override { return below_->get()->try_write(out); }
    readiness arm(direction d) noexcept override { return below_->get()->arm(d); }
    native_handle_type socket() const noexcept override { return below_ ? below_->get()->socket() : invalid_handle; }

    std::unique_ptr<operation> start(const serial_command& c) override;

    // Called under the mutex.

    void remember(const serial_settings& s) { settings_ = s; }
    void drop_input() noexcept
    {
        std::array<std::byte, 4096> some;
        for (int i = 0; i < 1024; ++i) { // a peer may send faster than this
            if (try_read(some).status() != io_status::moved)
                return;
        }
    }

private:
    void shut() noexcept override { below_.reset(); }

    std::optional<descriptor> below_;
    std::mutex reading_;
};

class step_of_raw final : public operation {
public:
    step_of_raw(std::shared_ptr<raw> r, std::function<void()> f) : operation(std::move(r)), do_it_(std::move(f)) {}

private:
    std::optional<waiting> step() override
    {
        do_it_();
        return std::nullopt;
    }

    std::function<void()> do_it_;
};

std::unique_ptr<operation> raw::start(const serial_command& c)
{
    const auto me = shared_from_this();
    if (c.kind == what::apply)
        return std::make_unique<step_of_raw>(me, [this, s = c.settings] { remember(s); });
    if (c.kind == what::purge && c.queue == serial_queue::input)
        return std::make_unique<step_of_raw>(me, [this] { drop_input(); });
    throw_error(errc::unsupported);
}

} // namespace

std::shared_ptr<line> raw_line(descriptor connection, const serial_settings& s)
{
    return std::make_shared<raw>(std::move(connection), s);
}

} // namespace ferrule::serial
