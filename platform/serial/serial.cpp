#include <ferrule/platform/serial.hpp>

#include "platform/serial/settings_text.hpp"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <utility>

namespace ferrule {
namespace {

[[noreturn]] void refuse(const std::string& why)
{
    throw usage_error(errc::invalid_argument, "ferrule: serial settings: " + why);
}

struct spelling {
    std::string_view text;
    std::string_view long_text;
};
// In the order of the enumerators.
constexpr spelling parities[] = {{"N", "none"}, {"O", "odd"}, {"E", "even"}, {"M", "mark"}, {"S", "space"}};
constexpr spelling stops[] = {{"1", "1"}, {"1.5", "1.5"}, {"2", "2"}};
constexpr spelling acknowledgements[] = {{"required", "required"}, {"optional", "optional"}, {"ignored", "ignored"}};
constexpr spelling switches[] = {{"off", "0"}, {"on", "1"}};

template <std::size_t N>
std::optional<std::size_t> index_of(const spelling (&all)[N], std::string_view text)
{
    const auto found =
        std::ranges::find_if(all, [&](const spelling& s) { return s.text == text || s.long_text == text; });
    return found == std::end(all) ? std::nullopt : std::optional(static_cast<std::size_t>(found - std::begin(all)));
}

std::optional<std::uint32_t> number(std::string_view text)
{
    std::uint32_t n = 0;
    const auto end = text.data() + text.size();
    const auto r = std::from_chars(text.data(), end, n);
    return r.ec == std::errc() && r.ptr == end ? std::optional(n) : std::nullopt;
}

constexpr std::uint32_t max_delay = 60'000; // milliseconds, far more than any transceiver or server takes

struct flag {
    std::string_view key;
    serial_settings& (serial_settings::*set)(bool);
    bool (serial_settings::*get)() const noexcept;
};
// Setters differ in `noexcept` only by their type, which these pointers leave out.
constexpr flag flags[] = {
    {"xonxoff", &serial_settings::xon_xoff, &serial_settings::xon_xoff},
    {"rtscts", &serial_settings::rts_cts, &serial_settings::rts_cts},
    {"dsrdtr", &serial_settings::dsr_dtr, &serial_settings::dsr_dtr},
    {"rts", &serial_settings::rts, &serial_settings::rts},
    {"dtr", &serial_settings::dtr, &serial_settings::dtr},
    {"exclusive", &serial_settings::exclusive, &serial_settings::exclusive},
    {"low_latency", &serial_settings::low_latency, &serial_settings::low_latency},
    {"hang_up", &serial_settings::hang_up, &serial_settings::hang_up},
};

struct rs485_flag {
    std::string_view key;
    rs485_options& (rs485_options::*set)(bool);
    bool (rs485_options::*get)() const noexcept;
};
constexpr rs485_flag rs485_flags[] = {
    {"rs485_rts_on_send", &rs485_options::rts_on_send, &rs485_options::rts_on_send},
    {"rs485_rts_after_send", &rs485_options::rts_after_send, &rs485_options::rts_after_send},
    {"rs485_receive_own", &rs485_options::receive_own, &rs485_options::receive_own},
};

struct rs485_delay {
    std::string_view key;
    rs485_options& (rs485_options::*set)(std::chrono::milliseconds);
    std::chrono::milliseconds (rs485_options::*get)() const noexcept;
};
constexpr rs485_delay rs485_delays[] = {
    {"rs485_delay_before", &rs485_options::delay_before, &rs485_options::delay_before},
    {"rs485_delay_after", &rs485_options::delay_after, &rs485_options::delay_after},
};

/// Returns what values the option has, if `value` is none of them.
std::string read_option(std::string_view key, std::string_view value, serial_settings& s)
{
    if (key == "baud") {
        const auto n = number(value);
        if (!n || *n == 0)
            return "a number from 1 to 4294967295";
        s.baud(*n);
        return {};
    }
    if (key == "bits") {
        const auto n = number(value);
        if (!n || *n < 5 || *n > 8)
            return "5, 6, 7 or 8";
        s.data_bits(static_cast<int>(*n));
        return {};
    }
    if (key == "parity") {
        const auto i = index_of(parities, value);
        if (!i)
            return "N, O, E, M or S";
        s.parity(static_cast<parity>(*i));
        return {};
    }
    if (key == "stop") {
        const auto i = index_of(stops, value);
        if (!i)
            return "1, 1.5 or 2";
        s.stop_bits(static_cast<stop_bits>(*i));
        return {};
    }
    const auto is_key = [&](const auto& known) { return known.key == key; };
    if (const auto delay = std::ranges::find_if(rs485_delays, is_key); delay != std::end(rs485_delays)) {
        const auto n = number(value);
        if (!n || *n > max_delay)
            return "a number of milliseconds up to " + std::to_string(max_delay);
        rs485_options o = s.rs485().value_or(rs485_options());
        (o.*delay->set)(std::chrono::milliseconds(*n));
        s.rs485(o);
        return {};
    }
    const auto on = index_of(switches, value);
    if (!on)
        return "on or off";
    if (key == "rs485")
        s.rs485(*on != 0 ? std::optional(s.rs485().value_or(rs485_options())) : std::nullopt);
    else if (const auto f = std::ranges::find_if(flags, is_key); f != std::end(flags))
        (s.*f->set)(*on != 0);
    else {
        rs485_options o = s.rs485().value_or(rs485_options());
        (o.*std::ranges::find_if(rs485_flags, is_key)->set)(*on != 0);
        s.rs485(o);
    }
    return {};
}

struct answers {
    std::string_view key;
    rfc2217_options& (rfc2217_options::*set)(acknowledgement);
    acknowledgement (rfc2217_options::*get)() const noexcept;
};
constexpr answers answer_options[] = {
    {"control_answers", &rfc2217_options::control_answers, &rfc2217_options::control_answers},
    {"purge_answers", &rfc2217_options::purge_answers, &rfc2217_options::purge_answers},
};

bool is_client_option(std::string_view key)
{
    return key == "request_timeout" ||
           std::ranges::find(answer_options, key, &answers::key) != std::end(answer_options);
}

/// As `read_option`.
std::string read_client_option(std::string_view key, std::string_view value, rfc2217_options& o)
{
    if (key == "request_timeout") {
        const auto n = number(value);
        if (!n || *n == 0 || *n > max_delay)
            return "a number of milliseconds from 1 to " + std::to_string(max_delay);
        o.request_timeout(std::chrono::milliseconds(*n));
        return {};
    }
    const auto i = index_of(acknowledgements, value);
    if (!i)
        return "required, optional or ignored";
    (o.*std::ranges::find(answer_options, key, &answers::key)->set)(static_cast<acknowledgement>(*i));
    return {};
}

bool is_option(std::string_view key)
{
    constexpr std::string_view others[] = {"baud", "bits", "parity", "stop", "rs485"};
    const auto is_key = [&](const auto& known) { return known.key == key; };
    return std::ranges::find(others, key) != std::end(others) || std::ranges::any_of(flags, is_key) ||
           std::ranges::any_of(rs485_flags, is_key) || std::ranges::any_of(rs485_delays, is_key);
}

} // namespace

std::string serial::read_options(std::string_view text, serial_settings& s, rfc2217_options* o)
{
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('&'), text.size());
        const std::string_view option = text.substr(0, end);
        text.remove_prefix(end);
        if (text.size() == 1)
            return "there is no option behind the last '&'";
        text.remove_prefix(std::min<std::size_t>(1, text.size()));
        const std::size_t equals = option.find('=');
        const std::string key(option.substr(0, equals));
        const bool is_clients = o != nullptr && is_client_option(key);
        if (!is_clients && !is_option(key))
            return "there is no option '" + key + "'";
        if (equals == option.npos)
            return "the option '" + key + "' has no value";
        const std::string_view value = option.substr(equals + 1);
        const std::string values = is_clients ? read_client_option(key, value, *o) : read_option(key, value, s);
        if (!values.empty())
            return "the option '" + key + "' is " + values + ", and not '" + std::string(value) + "'";
    }
    return {};
}

namespace {

class errors_of_lines final : public boost::system::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "ferrule.serial"; }
    [[nodiscard]] std::string message(int value) const override
    {
        switch (static_cast<serial_errc>(value)) {
        case serial_errc::rejected: return "the serial line refuses the value";
        case serial_errc::no_answer: return "the serial server has not answered the request";
        case serial_errc::no_rfc2217: return "the peer does not speak RFC 2217";
        case serial_errc::port_in_use: return "another client uses the port of the serial server";
        case serial_errc::device_failed: return "the serial server could not open its device";
        }
        return "unknown error of a serial line";
    }
    [[nodiscard]] error_condition default_error_condition(int value) const noexcept override
    {
        namespace system = boost::system::errc;
        if (static_cast<serial_errc>(value) == serial_errc::port_in_use)
            return system::make_error_condition(system::device_or_resource_busy);
        return {value, *this};
    }
};

} // namespace

const boost::system::error_category& serial_category() noexcept
{
    static const errors_of_lines all;
    return all;
}

rejected_error::rejected_error(const std::string& setting, std::uint64_t asked, std::uint64_t got)
    : error(serial_errc::rejected, "ferrule: serial line: " + setting + " " + std::to_string(asked) +
                                       " was asked for, and is " + std::to_string(got)),
      asked_(asked),
      got_(got)
{
}

rejected_error::~rejected_error() = default;

serial_settings serial_settings::parse(std::string_view text)
{
    serial_settings s;
    if (const std::string wrong = serial::read_options(text, s); !wrong.empty())
        refuse(wrong);
    return s;
}

std::string serial_settings::to_string() const
{
    const auto index = [](auto value) { return static_cast<std::size_t>(value); };
    std::string text = "baud=" + std::to_string(baud_) + "&bits=" + std::to_string(data_bits_) + "&parity=";
    text += parities[index(parity_)].text;
    text += "&stop=";
    text += stops[index(stop_bits_)].text;
    const auto add = [&](std::string_view key, std::string_view value) {
        text += '&';
        text += key;
        text += '=';
        text += value;
    };
    const serial_settings usual;
    for (const flag& f : flags) {
        if ((this->*f.get)() != (usual.*f.get)())
            add(f.key, switches[(this->*f.get)() ? 1 : 0].text);
    }
    if (!rs485_)
        return text;
    add("rs485", "on");
    for (const rs485_flag& f : rs485_flags) {
        if (((*rs485_).*f.get)() != (rs485_options().*f.get)())
            add(f.key, switches[((*rs485_).*f.get)() ? 1 : 0].text);
    }
    for (const rs485_delay& d : rs485_delays) {
        if (const auto n = ((*rs485_).*d.get)().count(); n != 0)
            add(d.key, std::to_string(n));
    }
    return text;
}

rfc2217_options& rfc2217_options::request_timeout(std::chrono::milliseconds d)
{
    if (d.count() <= 0 || d.count() > max_delay)
        refuse("a request waits at least 1 ms and at most " + std::to_string(max_delay) + " ms");
    request_timeout_ = d;
    return *this;
}

std::string rfc2217_options::to_string() const
{
    const rfc2217_options usual;
    std::string text;
    const auto add = [&](std::string_view key, std::string_view value) {
        text += text.empty() ? "" : "&";
        text += key;
        text += '=';
        text += value;
    };
    if (request_timeout_ != usual.request_timeout_)
        add("request_timeout", std::to_string(request_timeout_.count()));
    for (const answers& a : answer_options) {
        if ((this->*a.get)() != (usual.*a.get)())
            add(a.key, acknowledgements[static_cast<std::size_t>((this->*a.get)())].text);
    }
    return text;
}

serial_settings& serial_settings::baud(std::uint32_t bits_per_second)
{
    if (bits_per_second == 0)
        refuse("0 is no baud rate");
    return set(baud_, bits_per_second);
}

serial_settings& serial_settings::data_bits(int n)
{
    if (n < 5 || n > 8)
        refuse(std::to_string(n) + " data bits are none of 5, 6, 7 and 8");
    return set(data_bits_, n);
}

} // namespace ferrule
