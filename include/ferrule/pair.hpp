// Pipes and socket pairs.
#pragma once

#include <ferrule/message.hpp>
#include <ferrule/platform/pair.hpp>

namespace ferrule {

/// Two connected ends. `auto [r, w] = pipe();` takes them apart; kept together, they are closed together.
template <class First, class Second>
class ends {
public:
    ends(First f, Second s) noexcept : first(std::move(f)), second(std::move(s)) {}

    /// Closes both; the limit is for both together. Returns the bytes that did not leave either.
    std::size_t close(const until& limit = deadline::now()) noexcept
    {
        const std::size_t unsent = second.close(limit);
        return unsent + first.close(limit);
    }

    First first;
    Second second;
};

/// A pipe: `first` receives what `second` sends. Neither end is inherited by child processes. Throws `error` if the system
/// has no descriptor left.
inline ends<reader, writer> pipe()
{
    auto d = pipe_descriptors();
    return {reader(std::move(d.first)), writer(std::move(d.second))};
}

/// A pipe for messages.
template <framing Framing>
ends<message_reader<Framing>, message_writer<Framing>> pipe(Framing f, const limits& l = {})
{
    auto d = pipe_descriptors();
    return {message_reader<Framing>(std::move(d.first), f, l), message_writer<Framing>(std::move(d.second), f, l)};
}

/// Two connected stream sockets: what one end sends, the other receives. Neither end is inherited by child processes.
/// Throws `error` if the system has no descriptor left.
inline ends<duplex, duplex> socketpair()
{
    auto d = socketpair_descriptors();
    return {duplex(std::move(d.first)), duplex(std::move(d.second))};
}

/// Two connected stream sockets for messages.
template <framing Framing>
ends<message_duplex<Framing>, message_duplex<Framing>> socketpair(Framing f, const limits& l = {})
{
    auto d = socketpair_descriptors();
    return {message_duplex<Framing>(std::move(d.first), f, l), message_duplex<Framing>(std::move(d.second), f, l)};
}

} // namespace ferrule
