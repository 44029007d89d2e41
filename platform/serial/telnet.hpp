// The telnet protocol (RFC 854, 855, 856, 1143) as far as serial servers speak it. No I/O. Private.
#pragma once

#include <ferrule/bytes.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <string>

namespace ferrule::serial {

/// The options of telnet that are ever agreed to. All others are refused.
enum class telnet_option : unsigned char { binary = 0, echo = 1, suppress_go_ahead = 3, com_port = 44 };

/// One end of a telnet connection. It decodes what the peer sends, wherever that was cut, and collects what must be sent.
///
/// Options are negotiated by the Q method of RFC 1143, so nobody answers an answer. Besides, a peer that asks for ever is
/// no longer answered after `max_replies`. A sub-negotiation of more than `max_sub` bytes is dropped.
class telnet {
public:
    static constexpr std::size_t max_sub = 1024;
    static constexpr int max_replies = 1024;

    /// Something that the peer has sent among its data.
    struct event {
        enum class what : unsigned char {
            agreed,          // `option` is on now
            refused,         // `option` is off now, or will not come
            sub_negotiation, // `text`, without its option, which is `option`
            line_break       // BRK
        };
        what kind;
        telnet_option option = telnet_option::binary;
        bool ours = false; // the option concerns what this end does
        std::string text;
    };

    /// Agrees that this end, or the peer, may do what `option` says.
    void allow(telnet_option option, bool ours) noexcept { side(option, ours)->allowed = true; }
    /// Asks for an option, which is then allowed as well.
    void request(telnet_option option, bool ours);
    [[nodiscard]] bool is_on(telnet_option option, bool ours) const noexcept
    {
        return find(static_cast<unsigned char>(option), ours)->state == q::yes;
    }

    /// Decodes the first part of `in`, and takes it off. Data is appended to `data`. Stops behind an event, so that its
    /// place among the data is known; otherwise `in` is empty afterwards.
    [[nodiscard]] std::optional<event> receive(byte_view& in, std::string& data);

    /// Appends data to what must be sent. Where binary transmission is refused, a CR gets the NUL of RFC 854.
    void send(byte_view data);
    /// The number of bytes that the `i`-th of these becomes.
    [[nodiscard]] std::size_t size_of(byte_view data, std::size_t i) const noexcept;
    void send_sub(telnet_option option, byte_view payload);
    /// What must be sent. The owner takes it off as it is sent.
    std::string output;

private:
    /// RFC 1143, section 7, for an end that never withdraws an option.
    enum class q : unsigned char { no, yes, want_yes };
    struct option_side {
        q state = q::no;
        bool allowed = false;
    };
    enum class state : unsigned char { data, carriage_return, command, verb, sub, sub_command };

    [[nodiscard]] option_side* side(telnet_option option, bool ours) noexcept
    {
        return const_cast<option_side*>(find(static_cast<unsigned char>(option), ours));
    }
    /// Null for an option that nobody here knows.
    [[nodiscard]] const option_side* find(unsigned char option, bool ours) const noexcept;
    std::optional<event> command(unsigned char c);
    std::optional<event> negotiate(unsigned char option);
    std::optional<event> end_sub();
    void put(unsigned char c, std::string& data);
    void reply(unsigned char verb, unsigned char option);
    void append_escaped(byte_view data);

    state state_ = state::data;
    unsigned char verb_ = 0;
    std::string sub_; // the option first
    bool sub_too_long_ = false;
    std::array<std::array<option_side, 4>, 2> options_{};
    int replies_left_ = max_replies;
};

} // namespace ferrule::serial
