// Pipes and socket pairs.
#pragma once

#include <ferrule/message.hpp>
#include <ferrule/platform/descriptor_pair.hpp>

namespace ferrule {

/// Two connected endpoints. `auto [r, w] = pipe();` takes them apart.
template <class First, class Second>
class ends {
public:
    ends(First f, Second s) noexcept : first(std::move(f)), second(std::move(s)) {}

    /// Closes both within one timeout, as `endpoint::close` does. Returns the total number of bytes that did not leave.
    std::size_t close(const until& timeout = deadline::now()) noexcept
    {
        const std::size_t unsent = second.close(timeout);
        return unsent + first.close(timeout);
    }

    First first;
    Second second;
};

/// Makes a pipe, in which `first` receives what `second` sends. Child processes inherit neither end. Throws `error` if
/// the process has no descriptor left.
inline ends<reader, writer> pipe()
{
    auto d = pipe_descriptors();
    return {reader(std::move(d.first)), writer(std::move(d.second))};
}

/// Makes a pipe for messages.
template <framing Framing>
ends<message_reader<Framing>, message_writer<Framing>> pipe(Framing f, const limits& l = {})
{
    auto d = pipe_descriptors();
    return {message_reader<Framing>(std::move(d.first), f, l), message_writer<Framing>(std::move(d.second), f, l)};
}

/// Makes two connected stream sockets. Each end receives what the other sends. Child processes inherit neither end.
/// Throws `error` if the process has no descriptor left.
inline ends<duplex, duplex> socketpair()
{
    auto d = socketpair_descriptors();
    return {duplex(std::move(d.first)), duplex(std::move(d.second))};
}

/// Makes two connected stream sockets for messages.
template <framing Framing>
ends<message_duplex<Framing>, message_duplex<Framing>> socketpair(Framing f, const limits& l = {})
{
    auto d = socketpair_descriptors();
    return {message_duplex<Framing>(std::move(d.first), f, l), message_duplex<Framing>(std::move(d.second), f, l)};
}

} // namespace ferrule
