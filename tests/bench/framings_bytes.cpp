// Framings of bytes.
#include "bench/framings.hpp"

#include <ferrule/framing/content_length.hpp>
#include <ferrule/framing/leb128.hpp>
#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/framing/lines.hpp>
#include <ferrule/framing/msgpack_bytes.hpp>
#include <ferrule/framing/netstring.hpp>
#include <ferrule/framing/varint.hpp>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <strings.h>
#include <sys/uio.h>

namespace ferrule::bench {
namespace {

// By hand. Each has `decode`, which finds the frame at the front of `in`, and `encode`, which writes what is around a payload;
// they check what has to be checked in peers that are not trusted.

class place {
public:
    std::size_t header;
    std::size_t payload;
    std::size_t trailer = 0;
};

class frame_by_hand {
public:
    char text[32];
    iovec parts[3];
    std::size_t count = 0;
    std::size_t size = 0;

    void add(const void* data, std::size_t n)
    {
        parts[count++] = {const_cast<void*>(data), n};
        size += n;
    }
};

const unsigned char* numbers(std::string_view in)
{
    return reinterpret_cast<const unsigned char*>(in.data());
}

place announced(std::string_view in, std::size_t header, std::uint64_t payload, std::size_t trailer = 0)
{
    if (payload > limits().max_payload() || in.size() - header < payload + trailer)
        no_frame();
    return {header, payload, trailer};
}

class varint_by_hand {
public:
    static place decode(std::string_view in)
    {
        const unsigned char* p = numbers(in);
        const std::size_t header = p[0] <= 240 ? 1 : p[0] <= 248 ? 2 : p[0] - 246u;
        if (in.size() < header)
            no_frame();
        if (p[0] <= 240)
            return announced(in, 1, p[0]);
        if (p[0] <= 248)
            return announced(in, 2, 240 + 256 * (p[0] - 241u) + p[1]);
        if (p[0] == 249)
            return announced(in, 3, 2288 + 256u * p[1] + p[2]);
        std::uint64_t n = 0;
        for (std::size_t i = 1; i < header; ++i)
            n = n << 8 | p[i];
        return announced(in, header, n);
    }
    static void encode(std::string_view payload, frame_by_hand& out)
    {
        const std::size_t n = payload.size();
        const auto put = [&](std::size_t i, std::size_t value) { out.text[i] = static_cast<char>(value & 0xff); };
        std::size_t header = 1;
        if (n <= 240)
            put(0, n);
        else if (n <= 2287) {
            put(0, 241 + (n - 240) / 256);
            put(1, (n - 240) % 256);
            header = 2;
        } else if (n <= 67823) {
            put(0, 249);
            put(1, (n - 2288) / 256);
            put(2, (n - 2288) % 256);
            header = 3;
        } else
            no_frame();
        out.add(out.text, header);
        out.add(payload.data(), n);
    }
};

class leb128_by_hand {
public:
    static place decode(std::string_view in)
    {
        std::uint64_t n = 0;
        for (std::size_t i = 0; i < in.size() && i < 9; ++i) {
            const std::uint64_t b = numbers(in)[i];
            n |= (b & 0x7f) << (7 * i);
            if (b < 0x80)
                return announced(in, i + 1, n);
        }
        no_frame();
    }
    static void encode(std::string_view payload, frame_by_hand& out)
    {
        std::size_t header = 0;
        std::size_t n = payload.size();
        for (; n >= 0x80; n >>= 7)
            out.text[header++] = static_cast<char>(n | 0x80);
        out.text[header++] = static_cast<char>(n);
        out.add(out.text, header);
        out.add(payload.data(), payload.size());
    }
};

class u32be_by_hand {
public:
    static place decode(std::string_view in)
    {
        if (in.size() < 4)
            no_frame();
        const unsigned char* p = numbers(in);
        return announced(in, 4, std::uint32_t{p[0]} << 24 | p[1] << 16 | p[2] << 8 | p[3]);
    }
    static void encode(std::string_view payload, frame_by_hand& out)
    {
        for (unsigned i = 0; i < 4; ++i)
            out.text[i] = static_cast<char>(payload.size() >> (24 - 8 * i));
        out.add(out.text, 4);
        out.add(payload.data(), payload.size());
    }
};

class netstring_by_hand {
public:
    static place decode(std::string_view in)
    {
        std::uint64_t n = 0;
        std::size_t i = 0;
        for (; i < in.size() && i < 9 && in[i] >= '0' && in[i] <= '9'; ++i)
            n = n * 10 + static_cast<std::uint64_t>(in[i] - '0');
        if (i == 0 || i == in.size() || in[i] != ':' || (i > 1 && in[0] == '0'))
            no_frame();
        const place p = announced(in, i + 1, n, 1);
        if (in[p.header + p.payload] != ',')
            no_frame();
        return p;
    }
    static void encode(std::string_view payload, frame_by_hand& out)
    {
        char* const end = std::to_chars(out.text, out.text + sizeof out.text - 1, payload.size()).ptr;
        *end = ':';
        out.add(out.text, static_cast<std::size_t>(end + 1 - out.text));
        out.add(payload.data(), payload.size());
        out.add(",", 1);
    }
};

class lines_by_hand {
public:
    static place decode(std::string_view in)
    {
        const void* const found = std::memchr(in.data(), '\n', in.size());
        if (found == nullptr)
            no_frame();
        const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
        const std::size_t payload = end != 0 && in[end - 1] == '\r' ? end - 1 : end;
        if (payload > limits().max_payload())
            no_frame();
        return {0, payload, end + 1 - payload};
    }
    static void encode(std::string_view payload, frame_by_hand& out)
    {
        if (std::memchr(payload.data(), '\n', payload.size()) != nullptr || payload.ends_with('\r'))
            no_frame();
        out.add(payload.data(), payload.size());
        out.add("\n", 1);
    }
};

class content_length_by_hand {
public:
    static place decode(std::string_view in)
    {
        constexpr std::string_view wanted = "Content-Length";
        std::uint64_t n = 0;
        bool has_length = false;
        for (std::size_t at = 0;;) {
            const void* const found = std::memchr(in.data() + at, '\n', std::min<std::size_t>(in.size(), 8192) - at);
            if (found == nullptr)
                no_frame();
            const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
            std::string_view line = in.substr(at, end - at);
            at = end + 1;
            if (line.ends_with('\r'))
                line.remove_suffix(1);
            if (line.empty()) {
                if (!has_length)
                    no_frame();
                return announced(in, at, n);
            }
            const std::size_t colon = line.find(':');
            if (colon == line.npos)
                no_frame();
            if (colon != wanted.size() || ::strncasecmp(line.data(), wanted.data(), colon) != 0)
                continue;
            line.remove_prefix(std::min(line.find_first_not_of(" \t", colon + 1), line.size()));
            const auto [stop, ec] = std::from_chars(line.data(), line.data() + line.size(), n);
            if (has_length || ec != std::errc() || stop != line.data() + line.size())
                no_frame();
            has_length = true;
        }
    }
    static void encode(std::string_view payload, frame_by_hand& out)
    {
        constexpr std::string_view name = "Content-Length: ";
        std::memcpy(out.text, name.data(), name.size());
        char* const end = std::to_chars(out.text + name.size(), out.text + sizeof out.text - 4, payload.size()).ptr;
        std::memcpy(end, "\r\n\r\n", 4);
        out.add(out.text, static_cast<std::size_t>(end + 4 - out.text));
        out.add(payload.data(), payload.size());
    }
};

class msgpack_by_hand {
public:
    static place decode(std::string_view in) { return {0, object_size(in)}; }
    static void encode(std::string_view payload, frame_by_hand& out)
    {
        if (object_size(payload) != payload.size())
            no_frame();
        out.add(payload.data(), payload.size());
    }

private:
    // Counts objects instead of keeping a stack.
    static std::size_t object_size(std::string_view in)
    {
        const unsigned char* const p = numbers(in);
        std::size_t at = 0;
        for (std::uint64_t owed = 1; owed != 0; --owed) {
            if (at >= in.size())
                no_frame();
            const unsigned char b = p[at++];
            const auto number = [&](std::size_t size) {
                if (in.size() - at < size)
                    no_frame();
                std::uint64_t n = 0;
                for (std::size_t i = 0; i < size; ++i)
                    n = n << 8 | p[at++];
                return n;
            };
            if (b < 0x80 || b >= 0xe0)
                continue;
            if (b < 0x90)
                owed += 2 * (b & 15u);
            else if (b < 0xa0)
                owed += b & 15u;
            else if (b < 0xc0)
                at += b & 31u;
            else
                switch (b) {
                case 0xc0:
                case 0xc2:
                case 0xc3: break;
                case 0xc4:
                case 0xc5:
                case 0xc6: at += number(1u << (b - 0xc4)); break;
                case 0xc7:
                case 0xc8:
                case 0xc9: at += 1 + number(1u << (b - 0xc7)); break;
                case 0xca: at += 4; break;
                case 0xcb: at += 8; break;
                case 0xcc:
                case 0xcd:
                case 0xce:
                case 0xcf: at += 1u << (b - 0xcc); break;
                case 0xd0:
                case 0xd1:
                case 0xd2:
                case 0xd3: at += 1u << (b - 0xd0); break;
                case 0xd4:
                case 0xd5:
                case 0xd6:
                case 0xd7:
                case 0xd8: at += 1 + (1u << (b - 0xd4)); break;
                case 0xd9:
                case 0xda:
                case 0xdb: at += number(1u << (b - 0xd9)); break;
                case 0xdc:
                case 0xdd: owed += number(2u << (b - 0xdc)); break;
                case 0xde:
                case 0xdf: owed += 2 * number(2u << (b - 0xde)); break;
                default: no_frame();
                }
            if (at + owed - 1 > limits().max_payload())
                no_frame();
        }
        if (at > in.size())
            no_frame();
        return at;
    }
};

template <class Framing>
std::string framed_text(const Framing& f, byte_view payload)
{
    encoded e;
    if (f.encode(std::span(&payload, 1), limits(), e))
        no_frame();
    std::string text;
    for (std::size_t i = 0; i < e.parts(); ++i)
        text += e.part(i).text();
    return text;
}

template <class Framing, class Hand>
void add_size(std::vector<framing_row>& rows, const char* name, std::size_t size, const std::string& message)
{
    const auto all = std::make_shared<const frames>(framed_text(Framing(), message), message.size());
    const pass decode_by_hand = [all] {
        std::size_t seen = 0;
        for (std::string_view rest = all->stream; !rest.empty();) {
            const place p = Hand::decode(rest);
            seen += look_at(rest.substr(p.header, p.payload));
            rest.remove_prefix(p.header + p.payload + p.trailer);
        }
        return seen;
    };
    const pass decode = [all] {
        std::size_t seen = 0;
        Framing f;
        const limits l;
        for (byte_view rest = all->stream; !rest.empty();) {
            const decode_result r = f.decode(rest, l);
            if (r.status() != decode_status::frame)
                no_frame();
            seen += look_at(rest.subspan(r.header(), r.payload()));
            rest = rest.subspan(r.size());
        }
        return seen;
    };
    const pass encode_by_hand = [all, message] {
        std::size_t seen = 0;
        for (std::size_t i = 0; i < all->count; ++i) {
            frame_by_hand frame;
            used(message); // which may be another one each time
            Hand::encode(message, frame);
            used(frame);
            seen += frame.size;
        }
        return seen;
    };
    const pass encode = encode_pass<Framing>(all, [message](const auto& f, const limits& l, encoded& frame) {
        used(message);
        const byte_view payload = message;
        return f.encode(std::span(&payload, 1), l, frame);
    });
    rows.push_back({name, size, "decode", all->count, all->bytes, {decode_by_hand, decode}});
    rows.push_back({name, size, "encode", all->count, all->bytes, {encode_by_hand, encode}});
}

template <class Framing, class Hand, class Message>
void add(std::vector<framing_row>& rows, const char* name, Message message)
{
    for (const std::size_t size : message_sizes)
        add_size<Framing, Hand>(rows, name, size, message(size));
}

// "array 16" of small integers.
std::string array_of_integers(std::size_t size)
{
    const std::size_t n = size - 3;
    std::string s = {'\xdc', static_cast<char>(n >> 8 & 0xff), static_cast<char>(n & 0xff)};
    for (std::size_t i = 0; i < n; ++i)
        s += static_cast<char>(i % 128);
    return s;
}

// "map 16" of short strings to strings.
std::string map_of_strings(std::size_t size)
{
    const std::size_t n = std::max<std::size_t>(size / 16, 1);
    std::string s = {'\xde', static_cast<char>(n >> 8 & 0xff), static_cast<char>(n & 0xff)};
    for (std::size_t i = 0; i < n; ++i)
        s += size < 16 ? "\xa1k\xa1v"
                       : "\xa4name\xaa"
                         "some value";
    return s;
}

} // namespace

void add_byte_framings(std::vector<framing_row>& rows)
{
    const auto text = [](std::size_t size) { return std::string(size, 'x'); };
    add<varint, varint_by_hand>(rows, "varint", text);
    add<leb128, leb128_by_hand>(rows, "leb128", text);
    add<length_prefix<u32>, u32be_by_hand>(rows, "u32be", text);
    add<netstring, netstring_by_hand>(rows, "netstring", text);
    add<lines, lines_by_hand>(rows, "lines", text);
    add<content_length, content_length_by_hand>(rows, "content_length", text);
    add<msgpack_bytes, msgpack_by_hand>(rows, "msgpack_bytes integers", array_of_integers);
    add<msgpack_bytes, msgpack_by_hand>(rows, "msgpack_bytes map", map_of_strings);
}

} // namespace ferrule::bench
