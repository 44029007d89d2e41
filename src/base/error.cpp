#include <ferrule/error.hpp>

#include <algorithm>
#include <boost/system/errc.hpp>
#include <string>

namespace ferrule {
namespace {

namespace sys = boost::system;

class ferrule_category final : public sys::error_category {
public:
    const char* name() const noexcept override { return "ferrule"; }
    std::string message(int code) const override
    {
        switch (static_cast<errc>(code)) {
        case errc::end_of_stream: return "end of stream";
        case errc::truncated: return "the stream ended before all data had arrived";
        case errc::malformed: return "malformed frame";
        case errc::too_large: return "larger than the limit";
        case errc::timed_out: return "timeout during transmission";
        case errc::lock_timed_out: return "timeout waiting for a concurrent operation";
        case errc::cancelled: return "operation cancelled";
        case errc::closed: return "closed by this side";
        case errc::forked: return "in use by another thread or coroutine when the process forked";
        case errc::would_deadlock: return "waiting for an operation that only this thread could run";
        case errc::wrong_direction: return "the descriptor does not move bytes in this direction";
        case errc::bad_descriptor: return "not a descriptor that moves bytes";
        case errc::listening: return "the socket is listening; accept a connection first";
        case errc::invalid_argument: return "argument out of range";
        case errc::unsupported: return "not supported by this kind of descriptor";
        case errc::torn: return "the rest of an interrupted frame cannot be kept";
        case errc::read_ahead: return "bytes that were read ahead would be lost";
        case errc::packet_truncated: return "packet longer than the bytes asked for";
        case errc::invalid_value: return "the payload is no value of the type wanted";
        case errc::unencodable: return "this framing cannot express the message";
        case errc::framing_failed: return "the framing threw an exception";
        case errc::unauthenticated: return "the ends do not trust each other";
        case errc::busy: return "another operation of this direction is under way";
        case errc::callback_failed: return "a function given to ferrule threw an exception";
        }
        return "unknown error";
    }
};

class ferrule_conditions final : public sys::error_category {
public:
    const char* name() const noexcept override { return "ferrule.condition"; }
    std::string message(int code) const override
    {
        switch (static_cast<condition>(code)) {
        case condition::end: return "end of stream";
        case condition::timeout: return "timeout";
        case condition::cancelled: return "cancelled";
        case condition::broken: return "connection broken";
        case condition::bad_frame: return "bad frame";
        case condition::misuse: return "misuse";
        case condition::untrusted: return "not trusted";
        }
        return "unknown condition";
    }
    bool equivalent(const error_code& ec, int code) const noexcept override
    {
        const auto is = [&](auto... list) { return ((ec == list) || ...); };
        switch (static_cast<condition>(code)) {
        case condition::end: return is(errc::end_of_stream, errc::truncated);
        case condition::timeout: return is(errc::timed_out, errc::lock_timed_out, sys::errc::timed_out);
        case condition::cancelled: return is(errc::cancelled, sys::errc::operation_canceled);
        case condition::broken:
            return is(sys::errc::broken_pipe, sys::errc::connection_reset, sys::errc::connection_aborted,
                      sys::errc::not_connected, sys::errc::host_unreachable, sys::errc::network_down,
                      sys::errc::network_reset, sys::errc::network_unreachable, sys::errc::connection_refused,
                      sys::errc::timed_out, sys::errc::io_error, sys::errc::no_such_device,
                      sys::errc::no_such_device_or_address);
        case condition::bad_frame:
            return is(errc::malformed, errc::too_large, errc::packet_truncated, errc::invalid_value);
        case condition::misuse:
            return is(errc::wrong_direction, errc::bad_descriptor, errc::listening, errc::invalid_argument,
                      errc::unsupported, errc::would_deadlock, errc::unencodable, errc::read_ahead);
        case condition::untrusted: return is(errc::unauthenticated);
        }
        return false;
    }
};

constexpr std::size_t max_shown = 64 * 1024;

} // namespace

const sys::error_category& error_category() noexcept
{
    static const ferrule_category category;
    return category;
}

const sys::error_category& condition_category() noexcept
{
    static const ferrule_conditions category;
    return category;
}

error::error(error_code ec, byte_view data, std::size_t transferred) : error(ec, "ferrule", data, transferred) {}

error::error(error_code ec, const std::string& context, byte_view data, std::size_t transferred)
    : boost::system::system_error(ec, context),
      transferred_(transferred)
{
    if (!data.empty())
        data_ = std::make_shared<const bytes>(data.first(std::min(data.size(), max_shown)));
}

namespace {

template <class... Details>
[[noreturn]] void throw_fitting(error_code ec, const Details&... details)
{
    // ETIMEDOUT of the transport matches both conditions. For the caller the connection is gone.
    if (ec.category() != error_category() && ec == condition::broken)
        throw broken_error(ec, details...);
    if (ec == condition::end)
        throw eof_error(ec, details...);
    if (ec == condition::timeout)
        throw timeout_error(ec, details...);
    if (ec == condition::cancelled)
        throw cancelled_error(ec, details...);
    if (ec == errc::closed)
        throw closed_error(ec, details...);
    if (ec == condition::bad_frame)
        throw frame_error(ec, details...);
    if (ec == condition::misuse)
        throw usage_error(ec, details...);
    throw error(ec, details...);
}

} // namespace

void throw_error(error_code ec, byte_view data, std::size_t transferred)
{
    throw_fitting(ec, data, transferred);
}

void detail::throw_in_context(error_code ec, const std::string& context, byte_view data, std::size_t transferred)
{
    throw_fitting(ec, context, data, transferred);
}

} // namespace ferrule
