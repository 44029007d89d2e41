// The data that checks send. Private.
#pragma once

#include <ferrule/error.hpp>
#include <ferrule/framing/framing.hpp>

#include <vector>

namespace ferrule::testing::kit {

/// Bytes that depend on the position and on `salt`.
inline bytes pattern(std::size_t n, unsigned salt = 0)
{
    bytes b;
    b.resize(n);
    for (std::size_t i = 0; i < n; ++i)
        b[i] = static_cast<std::byte>((i * 31 + i / 251 + salt * 7 + 1) & 0xff);
    return b;
}

inline std::vector<bytes> sample_messages()
{
    std::vector<bytes> m;
    unsigned salt = 0;
    for (const std::size_t n : {3u, 0u, 1u, 241u, 5u})
        m.push_back(pattern(n, salt++));
    return m;
}

/// The bytes of the messages on the wire, made by the framing alone.
template <class Framing>
bytes wire(const std::vector<bytes>& messages, Framing f = {})
{
    bytes all;
    for (const bytes& m : messages) {
        encoded e;
        const byte_view payload(m);
        if (const error_code ec = f.encode({&payload, 1}, limits(), e))
            throw_error(ec);
        for (std::size_t i = 0; i < e.parts(); ++i)
            all.append(e.part(i));
    }
    return all;
}

template <class Framing>
bytes wire_of(byte_view message, Framing f = {})
{
    std::vector<bytes> one;
    one.emplace_back(message);
    return wire<Framing>(one, f);
}

} // namespace ferrule::testing::kit
