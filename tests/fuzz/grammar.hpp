// Mutations that know a grammar: what they make is mostly well formed, or wrong in a small way. libFuzzer uses them beside its own,
// which know only bytes; the replays try some as well.
#pragma once

#include "fuzz/fuzz.hpp"

#include <ferrule/framing/framing.hpp>

#include <algorithm>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <string_view>

/// libFuzzer's own.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);
/// Of each target.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed);

namespace ferrule::test {

/// Random choices that depend on nothing but a seed.
class choices {
public:
    explicit choices(unsigned seed) : engine_(seed) {}

    /// 0 … n − 1
    std::size_t below(std::size_t n) { return engine_() % n; }
    bool one_in(std::size_t n) { return below(n) == 0; }
    char byte() { return static_cast<char>(engine_() & 0xff); }
    template <class Range>
    auto one_of(const Range& all) -> decltype(*std::begin(all))
    {
        return *std::next(std::begin(all), static_cast<std::ptrdiff_t>(below(std::size(all))));
    }
    /// Mostly few, or next to where an encoding needs another byte.
    std::size_t size()
    {
        static constexpr std::size_t edges[] = {0x10, 0x20, 0x80, 0xf1, 0x100, 0x8f0, 0x800};
        return one_in(3) ? one_of(edges) - 1 + below(2) : below(12);
    }
    std::string bytes(std::size_t n)
    {
        std::string s(n, one_in(2) ? 'x' : byte());
        for (std::size_t i = 0; i < std::min<std::size_t>(n, 16); ++i)
            s[i] = one_in(4) ? byte() : static_cast<char>('a' + below(26));
        return s;
    }
    /// With a mistake as one makes them in headers and counts.
    std::string damaged(std::string s)
    {
        if (s.empty())
            return s;
        const std::size_t at = below(std::min<std::size_t>(s.size(), 12));
        switch (below(6)) {
        case 0: s.pop_back(); break;
        case 1: s.insert(s.begin() + static_cast<std::ptrdiff_t>(below(s.size() + 1)), byte()); break;
        case 2: s[at] = static_cast<char>(s[at] + (one_in(2) ? 1 : -1)); break;
        case 3: s.erase(at, 1); break;
        case 4: s.replace(0, at, std::string(at, one_of(std::string_view("\0\x7f\x80\xff", 4)))); break;
        default: s.insert(0, s.substr(0, at)); break;
        }
        return s;
    }
    /// As it is, or damaged.
    std::string perhaps_damaged(std::string s) { return one_in(5) ? damaged(std::move(s)) : s; }
    /// Big-endian.
    static std::string number(std::uint64_t n, std::size_t size)
    {
        std::string s(size, '\0');
        for (; size > 0; n >>= 8)
            s[--size] = static_cast<char>(n & 0xff);
        return s;
    }

private:
    std::minstd_rand engine_;
};

/// A frame of any payload, or one of these bytes.
template <class Framing>
std::string frame_by(choices& r, const Framing& f, const std::string& payload)
{
    const byte_view view = payload;
    encoded e;
    if (f.encode(std::span(&view, 1), limits(), e))
        return payload;
    std::string frame;
    for (std::size_t i = 0; i < e.parts(); ++i)
        frame += e.part(i).text();
    return r.perhaps_damaged(std::move(frame));
}

/// For `LLVMFuzzerCustomMutator`. An input is `settings` bytes that choose how it is used, and pieces as `piece(choices, settings)`
/// makes them.
template <class Piece>
std::size_t mutate(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed, std::size_t settings,
                   Piece piece)
{
    choices r(seed);
    if (r.one_in(3))
        return LLVMFuzzerMutate(data, size, most);
    std::string input(reinterpret_cast<const char*>(data), size);
    while (input.size() < settings)
        input += r.byte();
    if (settings != 0 && r.one_in(4))
        input[r.below(settings)] = r.byte();
    std::string pieces;
    for (std::size_t n = 1 + r.below(4); n > 0; --n)
        pieces += piece(r, std::string_view(input).substr(0, settings));
    if (r.one_in(3))
        input.resize(settings);
    input.insert(r.one_in(2) ? input.size() : settings + r.below(input.size() - settings + 1), pieces);
    input.resize(std::min(input.size(), most));
    std::copy(input.begin(), input.end(), data);
    return input.size();
}

} // namespace ferrule::test
