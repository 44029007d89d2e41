// An instrument on the network, for clients to talk to.
#pragma once

#include <ferrule/net/server.hpp>

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::test {

/// Answers lines, each of which `told` is called with, until the peer ends:
///
///     *IDN?      the line "maker,model,1"
///     lines N    N lines, "1" to "N"
///     bytes N    N times 'x'
///     say TEXT   TEXT as it is, with "\n" for '|'
///     half TEXT  TEXT as it is, and ends the connection
///     end        ends the connection
///     set TEXT   nothing
inline void answer_as_instrument(duplex peer, const std::function<void(std::string)>& told = [](const std::string&) {})
{
    while (const auto line = peer.next_line()) {
        const std::string text(line->text());
        told(text);
        const std::string word = text.substr(0, text.find(' '));
        std::string rest = word.size() < text.size() ? text.substr(word.size() + 1) : "";
        std::ranges::replace(rest, '|', '\n');
        if (word == "*IDN?")
            peer.send("maker,model,1\n");
        else if (word == "lines")
            for (int i = 1; i <= std::stoi(rest); ++i)
                peer.send(std::to_string(i) + "\n");
        else if (word == "bytes")
            peer.send(std::string(static_cast<std::size_t>(std::stoi(rest)), 'x'));
        else if (word == "say" || word == "half")
            peer.send(rest);
        if (word == "half" || word == "end")
            return;
    }
}

/// Such an instrument on the network.
class instrument {
public:
    explicit instrument(const ferrule::address& at = "tcp://127.0.0.1:0", std::size_t threads = 4)
        : server_(at, [this](duplex peer) { serve(std::move(peer)); }, server_options().threads(threads))
    {
    }

    [[nodiscard]] const ferrule::address& address() const noexcept { return server_.address(); }
    /// All that have come.
    [[nodiscard]] std::vector<std::string> commands() const
    {
        const std::lock_guard guard(mutex_);
        return commands_;
    }
    [[nodiscard]] std::size_t connections() const { return server_.size(); }
    /// Sends to all that are connected.
    void broadcast(std::string_view text)
    {
        error_code ignored; // of one that is about to end
        for (duplex& peer : server_.connections())
            peer.send(text, ignored);
    }
    /// Ends all connections.
    void hang_up()
    {
        for (duplex& peer : server_.connections())
            peer.close();
    }

private:
    void serve(duplex peer)
    {
        answer_as_instrument(std::move(peer), [this](std::string command) {
            const std::lock_guard guard(mutex_);
            commands_.push_back(std::move(command));
        });
    }

    mutable std::mutex mutex_;
    std::vector<std::string> commands_;
    server<> server_;
};

} // namespace ferrule::test
