// A server of RFC 2217 that does what a test says.
#pragma once

#include "support/test.hpp"

#include "platform/serial/com_port.hpp"
#include "platform/serial/telnet.hpp"

#include <ferrule/net/listener.hpp>
#include <ferrule/net/serial_port.hpp>

#include <deque>

namespace ferrule::test {

using serial::com_code;
using serial::com_control;
using serial::com_message;
using serial::telnet;
using serial::telnet_option;

/// The test calls it in turn with what it expects of the client.
class scripted_server {
public:
    [[nodiscard]] std::string where(const std::string& options = {}) const
    {
        return "rfc2217://127.0.0.1:" + here_.address().service() + (options.empty() ? "" : "?" + options);
    }

    /// Accepts a client. It agrees to RFC 2217 and, unless told otherwise, to binary transmission.
    void accept(bool binary = true)
    {
        peer_ = here_.accept(timeout);
        codec_ = telnet();
        data_.clear();
        if (binary) {
            codec_.request(telnet_option::binary, true);
            codec_.request(telnet_option::binary, false);
        }
        codec_.request(telnet_option::com_port, false);
        flush();
    }
    void accept_without_a_word() { peer_ = here_.accept(timeout); }
    /// Answers what a client asks for when it opens a port, or applies settings.
    void answer_settings()
    {
        for (int answers = 0; answers < 5;) {
            const com_message m = next();
            const auto control = static_cast<com_control>(m.value);
            const bool is_setting = (m.code >= com_code::set_baud && m.code <= com_code::set_stop_size) ||
                                    (m.code == com_code::set_control && control <= com_control::rts_cts);
            if (is_setting) {
                answer(m);
                ++answers;
            }
        }
    }
    /// Takes what follows the settings, and needs no answer.
    void skip_to_purge()
    {
        while (next().code != com_code::purge) {
        }
    }
    /// A port that is open.
    serial_port open(const std::string& options = {})
    {
        auto opening = std::async(std::launch::async, [&] { return serial_port(where(options), timeout); });
        accept();
        answer_settings();
        skip_to_purge();
        return opening.get();
    }

    /// The next message of the client.
    com_message next()
    {
        while (messages_.empty())
            read();
        const com_message m = messages_.front();
        messages_.pop_front();
        return m;
    }
    com_message next_but(com_code ignored)
    {
        for (;;) {
            const com_message m = next();
            if (m.code != ignored)
                return m;
        }
    }
    /// The next data of the client.
    std::string data(std::size_t n)
    {
        while (data_.size() < n)
            read();
        const std::string first = data_.substr(0, n);
        data_.erase(0, n);
        return first;
    }
    [[nodiscard]] bool has_messages() const { return !messages_.empty(); }

    void answer(const com_message& m)
    {
        codec_.send_sub(telnet_option::com_port, encode(m, serial::of_server));
        flush();
    }
    void answer_control(com_control c) { answer({com_code::set_control, static_cast<std::uint32_t>(c)}); }
    void send(byte_view data)
    {
        codec_.send(data);
        flush();
    }
    /// Bytes as they are.
    void send_raw(byte_view data) { peer_.send(data, timeout); }
    void close() { peer_.close(); }
    [[nodiscard]] duplex& peer() { return peer_; }

private:
    void read()
    {
        const bytes some = peer_.recv(timeout);
        byte_view left = some;
        while (!left.empty()) {
            const auto e = codec_.receive(left, data_);
            if (!e || e->kind != telnet::event::what::sub_negotiation)
                continue;
            if (const auto m = serial::decode(e->text, 0))
                messages_.push_back(*m);
        }
        flush();
    }
    void flush()
    {
        if (!codec_.output.empty())
            peer_.send(std::exchange(codec_.output, {}), timeout);
    }

    listener<> here_{address("tcp://127.0.0.1:0")};
    duplex peer_;
    telnet codec_;
    std::string data_;
    std::deque<com_message> messages_;
};

} // namespace ferrule::test
