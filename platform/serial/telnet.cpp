#include "platform/serial/telnet.hpp"

#include <string_view>
#include <utility>

namespace ferrule::serial {
namespace {

constexpr unsigned char se = 240;
constexpr unsigned char brk = 243;
constexpr unsigned char sb = 250;
constexpr unsigned char will = 251;
constexpr unsigned char wont = 252;
constexpr unsigned char do_ = 253;
constexpr unsigned char dont = 254;
constexpr unsigned char iac = 255;

constexpr telnet_option known[] = {telnet_option::binary, telnet_option::echo, telnet_option::suppress_go_ahead,
                                   telnet_option::com_port};

constexpr char as_char(unsigned char c) noexcept
{
    return static_cast<char>(c);
}

} // namespace

const telnet::option_side* telnet::find(unsigned char option, bool ours) const noexcept
{
    for (std::size_t i = 0; i < std::size(known); ++i) {
        if (static_cast<unsigned char>(known[i]) == option)
            return &options_[ours ? 1 : 0][i];
    }
    return nullptr;
}

void telnet::request(telnet_option option, bool ours)
{
    option_side& s = *side(option, ours);
    s.allowed = true;
    if (s.state == q::yes || s.state == q::want_yes)
        return;
    s.state = q::want_yes;
    reply(ours ? will : do_, static_cast<unsigned char>(option));
}

std::optional<telnet::event> telnet::receive(byte_view& in, std::string& data)
{
    while (!in.empty()) {
        const auto c = static_cast<unsigned char>(in[0]);
        in = in.subspan(1);
        std::optional<event> e;
        switch (state_) {
        case state::data: put(c, data); break;
        case state::carriage_return:
            state_ = state::data;
            if (c != 0)
                put(c, data);
            break;
        case state::command:
            if (c == iac) {
                data += as_char(iac);
                state_ = state::data;
            } else
                e = command(c);
            break;
        case state::verb:
            state_ = state::data;
            e = negotiate(c);
            break;
        case state::sub:
            if (c == iac)
                state_ = state::sub_command;
            else if (sub_.size() <= max_sub)
                sub_ += as_char(c);
            else
                sub_too_long_ = true;
            break;
        case state::sub_command:
            if (c == se)
                e = end_sub();
            else if (c != iac)
                e = command(c); // the sub-negotiation has no end
            else {
                state_ = state::sub;
                if (sub_.size() <= max_sub)
                    sub_ += as_char(iac);
                else
                    sub_too_long_ = true;
            }
            break;
        }
        if (e)
            return e;
    }
    return std::nullopt;
}

void telnet::put(unsigned char c, std::string& data)
{
    if (c == iac) {
        state_ = state::command;
        return;
    }
    data += as_char(c);
    if (c == '\r' && !is_on(telnet_option::binary, false))
        state_ = state::carriage_return;
}

std::optional<telnet::event> telnet::command(unsigned char c)
{
    state_ = state::data;
    switch (c) {
    case will:
    case wont:
    case do_:
    case dont:
        verb_ = c;
        state_ = state::verb;
        return std::nullopt;
    case sb:
        sub_.clear();
        sub_too_long_ = false;
        state_ = state::sub;
        return std::nullopt;
    case brk: return event{event::what::line_break, telnet_option::binary, false, {}};
    default: return std::nullopt; // NOP and the like, and SE without SB
    }
}

std::optional<telnet::event> telnet::negotiate(unsigned char option)
{
    const bool ours = verb_ == do_ || verb_ == dont;
    const bool on = verb_ == do_ || verb_ == will;
    const unsigned char yes = ours ? will : do_;
    const unsigned char no = ours ? wont : dont;
    auto* const s = const_cast<option_side*>(find(option, ours));
    if (s == nullptr) {
        if (on)
            reply(no, option);
        return std::nullopt;
    }
    const q before = s->state;
    if (on) {
        switch (before) {
        case q::yes: return std::nullopt;
        case q::no:
            if (!s->allowed) {
                reply(no, option);
                return std::nullopt;
            }
            s->state = q::yes;
            reply(yes, option);
            break;
        case q::want_yes: s->state = q::yes; break;
        }
    } else {
        s->state = q::no;
        if (before == q::no)
            return std::nullopt;
        if (before == q::yes)
            reply(no, option);
    }
    const bool is_on_now = s->state == q::yes;
    return event{is_on_now ? event::what::agreed : event::what::refused, static_cast<telnet_option>(option), ours, {}};
}

std::optional<telnet::event> telnet::end_sub()
{
    state_ = state::data;
    std::string text = std::exchange(sub_, {});
    if (text.empty() || sub_too_long_ || find(static_cast<unsigned char>(text[0]), false) == nullptr)
        return std::nullopt;
    const auto option = static_cast<telnet_option>(text[0]);
    text.erase(0, 1);
    return event{event::what::sub_negotiation, option, false, std::move(text)};
}

void telnet::reply(unsigned char verb, unsigned char option)
{
    if (replies_left_ == 0)
        return;
    --replies_left_;
    output += as_char(iac);
    output += as_char(verb);
    output += as_char(option);
}

void telnet::append_escaped(byte_view data)
{
    std::string_view text = data.text();
    while (!text.empty()) {
        const std::size_t n = text.find(as_char(iac));
        if (n == text.npos) {
            output += text;
            return;
        }
        output += text.substr(0, n + 1);
        output += as_char(iac);
        text.remove_prefix(n + 1);
    }
}

void telnet::send(byte_view data)
{
    if (is_on(telnet_option::binary, true))
        return append_escaped(data);
    std::string_view text = data.text();
    while (!text.empty()) {
        const std::size_t n = text.find('\r');
        const std::string_view piece = text.substr(0, n == text.npos ? n : n + 1);
        append_escaped(piece);
        text.remove_prefix(piece.size());
        if (n != text.npos && !text.starts_with('\n') && piece.ends_with('\r'))
            output += '\0';
    }
}

std::size_t telnet::size_of(byte_view data, std::size_t i) const noexcept
{
    const std::string_view text = data.text();
    if (text[i] == as_char(iac))
        return 2;
    const bool gets_nul =
        text[i] == '\r' && !is_on(telnet_option::binary, true) && !text.substr(i + 1).starts_with('\n');
    return gets_nul ? 2 : 1;
}

void telnet::send_sub(telnet_option option, byte_view payload)
{
    output += as_char(iac);
    output += as_char(sb);
    output += static_cast<char>(option);
    append_escaped(payload);
    output += as_char(iac);
    output += as_char(se);
}

} // namespace ferrule::serial
