// Framings in memory, next to loops by hand that do the same work: one buffer of many frames, no descriptor.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::bench {

/// One pass over all messages. What it returns depends on each of them.
using pass = std::function<std::size_t()>;

/// One direction of one framing, with messages of about one size.
class framing_row {
public:
    enum class who : unsigned char { by_hand, ferrule };

    std::string framing;
    std::size_t size; // of a message, about
    const char* direction;
    std::size_t frames;                 // in a pass
    std::size_t bytes;                  // of payload in a pass
    pass run[2];                        // by `who`
    std::size_t passes[2] = {};         // in a measurement
    std::vector<double> rounds[2] = {}; // nanoseconds per frame

    /// Such as "framings/varint/64 KiB/decode".
    [[nodiscard]] std::string full_name() const;
    /// Median of nanoseconds per frame.
    [[nodiscard]] double median(who w) const;
    /// Of the times.
    [[nodiscard]] double ratio() const { return median(who::ferrule) / median(who::by_hand); }
    [[nodiscard]] double frames_per_second(who w) const { return 1e9 / median(w); }
    [[nodiscard]] double bytes_per_second(who w) const;
};

/// What `only` leaves, as for the other tables.
[[nodiscard]] std::vector<framing_row> framing_rows(const std::vector<std::string>& only);
/// Each measurement takes about so long.
void measure_framings(std::span<framing_row> rows, int rounds, double microseconds);
void print_framings(std::span<const framing_row> rows);

// For the files that have the framings.

inline constexpr std::size_t message_sizes[] = {8, 64, 1024, 65536};
inline constexpr std::size_t buffer_size = 1024 * 1024;

/// Many frames of the same message.
class frames {
public:
    explicit frames(std::string frame, std::size_t payload)
        : count(std::max<std::size_t>(1, buffer_size / frame.size()))
    {
        bytes = count * payload;
        stream.reserve(count * frame.size());
        for (std::size_t i = 0; i < count; ++i)
            stream += frame;
    }

    std::string stream;
    std::size_t count;
    std::size_t bytes; // of payload
};

/// What every receiver does with a message.
inline std::size_t look_at(byte_view payload)
{
    return payload.size() + (payload.empty() ? 0 : std::to_integer<std::size_t>(payload.back()));
}

/// Lets the compiler believe that somebody uses what `thing` refers to.
template <class T>
void used(const T& thing)
{
    asm volatile("" : : "r"(&thing) : "memory");
}

[[noreturn]] inline void no_frame()
{
    throw std::runtime_error("not the frame that was expected");
}

/// As many frames as `all` has, each encoded by `encode(framing, limits, frame)`.
template <class Framing, class Encode>
pass encode_pass(std::shared_ptr<const frames> all, Encode encode)
{
    return [all, encode] {
        std::size_t seen = 0;
        const Framing f;
        const limits l;
        for (std::size_t i = 0; i < all->count; ++i) {
            encoded frame;
            if (encode(f, l, frame))
                no_frame();
            used(frame);
            seen += frame.size();
        }
        return seen;
    };
}

void add_byte_framings(std::vector<framing_row>& rows);
void add_msgpack_framings(std::vector<framing_row>& rows);
void add_json_framings(std::vector<framing_row>& rows);

} // namespace ferrule::bench
