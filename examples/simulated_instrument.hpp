// An instrument that measures nothing, with the manners of a real one: a power supply that speaks SCPI.
#pragma once

#include <ferrule/asio.hpp>
#include <ferrule/ferrule.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <charconv>
#include <chrono>
#include <cmath>
#include <deque>
#include <string>
#include <string_view>

/// Understands lines, which end with "\n":
///
///     *IDN?        maker, model, serial number and version
///     *RST, *CLS   resets the settings; forgets the errors
///     *OPC?        "1"
///     VOLT 1.5     sets the voltage, from 0 to 30
///     VOLT?        the voltage that is set
///     MEAS?        the voltage, after some time
///     CURV? 1000   a waveform of so many bytes, as a definite length block (IEEE 488.2, section 8.7.9)
///     WAV:STAR     begins to send measurements, one line for each
///     WAV:STOP     stops that
///     SYST:ERR?    the oldest error: "-113,\"Undefined header\"", or "0,\"No error\""
///
/// Peers share the settings and the errors. Use it from one thread, or from a strand.
class simulated_instrument {
public:
    explicit simulated_instrument(std::chrono::milliseconds measuring = std::chrono::milliseconds(20)) noexcept
        : measuring_(measuring)
    {
    }

    /// Answers until the peer ends.
    boost::asio::awaitable<void> serve(ferrule::duplex peer)
    {
        bool is_streaming = false;
        for (;;) {
            ferrule::bytes line;
            try {
                line = co_await peer.async_recv_line(is_streaming ? ferrule::until(period) : ferrule::until());
            } catch (const ferrule::timeout_error&) { // nothing is lost
            }
            if (line.empty()) {
                const std::string point = text(voltage_) + "\n";
                if (is_streaming)
                    co_await peer.async_send(point);
                continue;
            }
            std::string command(line.text());
            if (command.ends_with('\r'))
                command.pop_back();
            if (command == "WAV:STAR" || command == "WAV:STOP") {
                is_streaming = command == "WAV:STAR";
                continue;
            }
            if (command == "MEAS?") {
                boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, measuring_);
                co_await timer.async_wait(boost::asio::use_awaitable);
            }
            const std::string reply = answer(command);
            if (!reply.empty())
                co_await peer.async_send(reply);
        }
    }

private:
    static constexpr std::chrono::milliseconds period{1};
    static constexpr double highest = 30;

    std::string answer(std::string_view command)
    {
        const std::string_view word = command.substr(0, command.find(' '));
        const std::string_view argument = word.size() < command.size() ? command.substr(word.size() + 1) : "";
        if (word == "*IDN?")
            return "ferrule,simulated,0,1.0\n";
        if (word == "*OPC?")
            return "1\n";
        if (word == "VOLT?" || word == "MEAS?")
            return text(voltage_) + "\n";
        if (word == "SYST:ERR?")
            return next_error() + "\n";
        double number = 0;
        const auto parsed = std::from_chars(argument.data(), argument.data() + argument.size(), number);
        const bool is_number = parsed.ec == std::errc() && parsed.ptr == argument.data() + argument.size();
        if (word == "*RST")
            voltage_ = 0;
        else if (word == "*CLS")
            errors_.clear();
        else if (word != "VOLT" && word != "CURV?")
            fail("-113,\"Undefined header\"");
        else if (!is_number)
            fail("-120,\"Numeric data error\"");
        else if (number < 0 || (word == "VOLT" && number > highest) || number > 1'000'000)
            fail("-222,\"Data out of range\"");
        else if (word == "VOLT")
            voltage_ = number;
        else
            return waveform(static_cast<std::size_t>(number));
        return "";
    }

    static std::string waveform(std::size_t n)
    {
        const std::string size = std::to_string(n);
        std::string block = "#" + std::to_string(size.size()) + size;
        for (std::size_t i = 0; i < n; ++i)
            block += static_cast<char>(std::lround(100 * std::sin(static_cast<double>(i) / 100)));
        return block + "\n";
    }

    static std::string text(double number)
    {
        char digits[32];
        const auto end = std::to_chars(std::begin(digits), std::end(digits), number, std::chars_format::fixed, 3).ptr;
        return {digits, end};
    }

    void fail(std::string error)
    {
        if (errors_.size() < 10)
            errors_.push_back(std::move(error));
        else
            errors_.back() = "-350,\"Queue overflow\"";
    }
    std::string next_error()
    {
        if (errors_.empty())
            return "0,\"No error\"";
        std::string oldest = std::move(errors_.front());
        errors_.pop_front();
        return oldest;
    }

    std::chrono::milliseconds measuring_;
    double voltage_ = 0;
    std::deque<std::string> errors_;
};
