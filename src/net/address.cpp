#include <ferrule/net/address.hpp>

#include "platform/serial/settings_text.hpp"

#include <ferrule/error.hpp>

#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <optional>

namespace ferrule {
namespace {

constexpr std::string_view local_pipes = R"(\\.\pipe\)";

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/// Returns nothing if the text is not the number of a port.
std::optional<std::uint16_t> number(std::string_view text)
{
    std::uint16_t n = 0;
    const auto end = text.data() + text.size();
    const auto r = std::from_chars(text.data(), end, n);
    return r.ec == std::errc() && r.ptr == end ? std::optional(n) : std::nullopt;
}

} // namespace

/// An address under way from text. Every refusal shows the whole text, and says which part is wrong.
class detail::address_parser {
public:
    explicit address_parser(std::string_view text) : text_(text), rest_(text) {}

    address parse()
    {
        const std::size_t colon = text_.find(':');
        if (colon == text_.npos)
            refuse("there is no scheme, such as tcp:// or unix:");
        const std::string_view scheme = text_.substr(0, colon);
        rest_ = text_.substr(colon + 1);
        if (scheme == "tcp" || scheme == "udp" || scheme == "tls") {
            auto [host, service] = host_and_service(scheme);
            if (scheme == "tcp")
                return address::tcp(std::move(host), std::move(service));
            return scheme == "udp" ? address::udp(std::move(host), std::move(service))
                                   : address::tls(std::move(host), std::move(service));
        }
        if (scheme == "unix")
            return address::unix_path(name("path"));
        if (scheme == "abstract")
            return address::unix_abstract(name("name"));
        if (scheme == "pipe")
            return address::pipe(std::string(local_pipes) + name("name"));
        if (scheme == "fd")
            return address::fd(handle());
        if (scheme == "systemd")
            return address::systemd(rest_.empty() ? std::string() : name("name"));
        if (scheme == "unixgram")
            return address::unix_datagram(name("path"));
        if (scheme == "unixgram-abstract") // the system chooses a name if there is none
            return address::unix_datagram_abstract(rest_.empty() ? std::string() : name("name"));
        if (scheme == "seqpacket")
            return address::unix_seqpacket(name("path"));
        if (scheme == "seqpacket-abstract")
            return address::unix_seqpacket_abstract(name("name"));
        if (scheme == "serial")
            return serial();
        if (scheme == "rfc2217")
            return rfc2217();
        refuse(
            "the scheme '" + std::string(scheme) +
            "' is none of tcp, udp, tls, unix, abstract, unixgram, unixgram-abstract, seqpacket, seqpacket-abstract, "
            "pipe, fd, systemd, serial and rfc2217");
    }

private:
    [[noreturn]] void refuse(const std::string& why) const
    {
        std::string shown(text_);
        std::ranges::replace(shown, '\0', '?'); // which would end what()
        throw usage_error(errc::invalid_argument, "ferrule: address '" + shown + "': " + why);
    }

    std::string name(const char* what) const
    {
        if (rest_.empty())
            refuse(std::string("the ") + what + " is empty");
        if (rest_.find('\0') != rest_.npos)
            refuse(std::string("there is a NUL in the ") + what);
        return std::string(rest_);
    }

    address serial()
    {
        std::string options = take_options(nullptr);
        address a = address::serial(name("path"));
        a.options_ = std::move(options);
        return a;
    }

    address rfc2217()
    {
        rfc2217_options ignored;
        std::string options = take_options(&ignored);
        auto [host, service] = host_and_service("rfc2217");
        address a = address::tcp(std::move(host), std::move(service));
        a.kind_ = address::family::rfc2217;
        a.options_ = std::move(options);
        return a;
    }

    /// Takes off what begins at the first question mark, and checks what follows that.
    std::string take_options(rfc2217_options* o)
    {
        const std::size_t end = std::min(rest_.find('?'), rest_.size());
        std::string_view options = rest_.substr(end);
        rest_ = rest_.substr(0, end);
        if (options.size() == 1)
            refuse("there is no option behind the question mark");
        options.remove_prefix(std::min<std::size_t>(1, options.size()));
        serial_settings ignored;
        if (const std::string wrong = serial::read_options(options, ignored, o); !wrong.empty())
            refuse(wrong);
        return std::string(options);
    }

    int handle() const
    {
        int n = 0;
        const auto end = rest_.data() + rest_.size();
        const auto r = std::from_chars(rest_.data(), end, n);
        // One way to write it alone, so that it is printed as it was read.
        if (r.ec != std::errc() || r.ptr != end || n < 0 || std::to_string(n) != rest_)
            refuse("after fd: there must be the number of a descriptor");
        return n;
    }

    std::pair<std::string, std::string> host_and_service(std::string_view scheme)
    {
        if (!rest_.starts_with("//"))
            refuse("after " + std::string(scheme) + ": there must be //");
        rest_.remove_prefix(2);
        std::string where = rest_.starts_with('[') ? bracketed() : host();
        if (!rest_.starts_with(':'))
            refuse(rest_.empty() ? "there is no port" : "after the host there must be a colon and the port");
        rest_.remove_prefix(1);
        if (rest_.empty())
            refuse("the port is empty");
        check_port();
        return {std::move(where), std::string(rest_)};
    }

    std::string host()
    {
        const std::size_t end = std::min(rest_.find(':'), rest_.size());
        const std::string_view found = rest_.substr(0, end);
        if (std::ranges::count(rest_, ':') > 1)
            refuse("an IPv6 address stands in brackets");
        if (found.empty())
            refuse("the host is empty");
        const auto bad = std::ranges::find_if(found, [](char c) {
            return static_cast<unsigned char>(c) <= ' ' ||
                   std::string_view("/?#@[]\\\x7f").find(c) != std::string_view::npos;
        });
        if (bad != found.end())
            refuse("there is a character in the host that no host has");
        rest_.remove_prefix(end);
        return std::string(found);
    }

    std::string bracketed()
    {
        const std::size_t end = rest_.find(']');
        if (end == rest_.npos)
            refuse("the bracket is not closed");
        const std::string_view inside = rest_.substr(1, end - 1);
        const std::size_t percent = std::min(inside.find('%'), inside.size());
        error_code ec;
        (void)boost::asio::ip::make_address_v6(std::string(inside.substr(0, percent)), ec);
        if (ec)
            refuse("what stands in brackets is no IPv6 address");
        if (percent + 1 == inside.size())
            refuse("the scope is empty");
        rest_.remove_prefix(end + 1);
        return std::string(inside);
    }

    void check_port() const
    {
        const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
        if (std::ranges::all_of(rest_, is_digit)) {
            if (!number(rest_))
                refuse("the port is above 65535");
            return;
        }
        const auto is_named = [&](char c) { return is_digit(c) || is_letter(c) || c == '-'; };
        if (!std::ranges::all_of(rest_, is_named) || std::ranges::none_of(rest_, is_letter)) // RFC 6335, section 5.1
            refuse("the port is neither a number nor the name of a service");
    }

    std::string_view text_;
    std::string_view rest_; // what is still to be read
};

address address::parse(std::string_view text)
{
    return detail::address_parser(text).parse();
}

address address::tcp(std::string host, std::string service)
{
    if (const std::optional<std::uint16_t> port = number(service))
        return tcp(std::move(host), *port);
    return {family::tcp, std::move(host), 0, std::move(service)};
}

address address::udp(std::string host, std::string service)
{
    address a = tcp(std::move(host), std::move(service));
    a.kind_ = family::udp;
    return a;
}

address address::tls(std::string host, std::string service)
{
    address a = tcp(std::move(host), std::move(service));
    a.kind_ = family::tls;
    return a;
}

address address::serial(std::string path)
{
    if (std::ranges::find(path, '?') != path.end())
        throw usage_error(errc::invalid_argument, "ferrule: address: there is a question mark in the path " + path);
    return {family::serial, std::move(path), 0};
}

address address::serial(std::string path, const serial_settings& s)
{
    address a = serial(std::move(path));
    a.options_ = s.to_string();
    return a;
}

address address::rfc2217(std::string host, std::uint16_t port, const serial_settings& s, const rfc2217_options& o)
{
    address a = rfc2217(std::move(host), port);
    a.options_ = s.to_string();
    if (const std::string others = o.to_string(); !others.empty())
        a.options_ += "&" + others;
    return a;
}

bool address::is_local() const
{
    if (kind_ == family::tcp || kind_ == family::udp || kind_ == family::tls || kind_ == family::rfc2217)
        return name_ == "localhost" || name_ == "::1" || name_.starts_with("127.");
    return kind_ != family::fd && kind_ != family::systemd;
}

std::string address::to_string() const
{
    switch (kind_) {
    case family::unix_path: return "unix:" + name_;
    case family::unix_abstract: return "abstract:" + name_;
    case family::pipe: return "pipe:" + name_.substr(name_.starts_with(local_pipes) ? local_pipes.size() : 0);
    case family::fd: return "fd:" + name_;
    case family::systemd: return "systemd:" + name_;
    case family::unix_datagram: return "unixgram:" + name_;
    case family::unix_datagram_abstract: return "unixgram-abstract:" + name_;
    case family::unix_seqpacket: return "seqpacket:" + name_;
    case family::unix_seqpacket_abstract: return "seqpacket-abstract:" + name_;
    case family::serial: return "serial:" + name_ + (options_.empty() ? "" : "?" + options_);
    case family::tcp:
    case family::udp:
    case family::tls:
    case family::rfc2217: break;
    }
    const char* const scheme = kind_ == family::tcp   ? "tcp://"
                               : kind_ == family::udp ? "udp://"
                               : kind_ == family::tls ? "tls://"
                                                      : "rfc2217://";
    const bool is_ipv6 = name_.find(':') != name_.npos;
    return scheme + (is_ipv6 ? "[" + name_ + "]" : name_) + ":" + service() + (options_.empty() ? "" : "?" + options_);
}

} // namespace ferrule
