// Messages of any framing are sent in random pieces, the stream is chopped at random and perhaps cut off, and a message reader
// must see the same messages again, however the calls are made.
//
// Input: [framing] [how the stream ends] [chops] then messages: each [size: 2 bytes] [fill], or, if the top bit of the first
// byte is set, each [size: 1 byte] [bytes].
#include "fuzz/fuzz.hpp"
#include "fuzz/grammar.hpp"

#include <ferrule/ferrule.hpp>
#include <ferrule/framing/any_framing.hpp>
#include <ferrule/framing/json_dialect.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace ferrule;

namespace {

// Gives out a string, or takes one, in pieces of random sizes, with pauses between them.
class chopped_stream {
public:
    chopped_stream(direction d, std::shared_ptr<std::string> stream, std::uint32_t seed)
        : direction_(d),
          stream_(std::move(stream)),
          random_(seed)
    {
    }

    io_result try_read(std::span<std::byte> in)
    {
        if (pauses())
            return io_result::would_block();
        if (in.empty())
            return io_result::moved(0);
        if (at_ == stream_->size())
            return io_result::end();
        const std::size_t n = std::min({most(in.size()), in.size(), stream_->size() - at_});
        std::copy_n(std::as_bytes(std::span(*stream_)).data() + at_, n, in.data());
        at_ += n;
        return io_result::moved(n);
    }
    io_result try_write(std::span<const byte_view> out)
    {
        if (pauses())
            return io_result::would_block();
        const std::size_t before = stream_->size();
        std::size_t left = most(SIZE_MAX);
        for (const byte_view part : out) {
            const std::size_t n = std::min(left, part.size());
            stream_->append(part.text().substr(0, n));
            left -= n;
        }
        return io_result::moved(stream_->size() - before);
    }
    readiness arm(direction) { return readiness::now(); }
    void close() {}
    bool can(direction d) const { return d == direction_; }

private:
    bool pauses() { return random_() % 4 == 0; }
    // Mostly small pieces; sometimes as much as there is.
    std::size_t most(std::size_t all) { return random_() % 5 == 0 ? all : 1 + random_() % 40; }

    direction direction_;
    std::shared_ptr<std::string> stream_;
    std::size_t at_ = 0;
    std::minstd_rand random_;
};
static_assert(socket_like<chopped_stream>);

class subject {
public:
    std::string_view name; // for any_framing
    bool refuses = false;  // some messages
};

constexpr std::array subjects{
    subject{"varint"},          subject{"mp"},          subject{"leb128"},        subject{"u8", true},
    subject{"u16be", true},     subject{"u16le", true}, subject{"u32be"},         subject{"u32le"},
    subject{"u64be"},           subject{"u64le"},       subject{"netstring"},     subject{"lines", true},
    subject{"lines:\\r", true}, subject{"nul", true},   subject{"fixed:3", true}, subject{"delimited:END;\\xff", true},
    subject{"fixed:300", true}, subject{"lsp"},         subject{"msgpack", true}, subject{"json", true},
    subject{"json lsp"},        subject{"none"},        subject{"slip", true},    subject{"cobs"},
};

any_framing framing_of(const subject& s)
{
    if (s.name == "json lsp")
        return any_framing(json_dialect(json_dialect::dialect::content_length));
    return any_framing(s.name);
}

// Every name that there is has to be tried.
void check_names()
{
    for (std::string_view name : any_framing::names()) {
        name = name.substr(0, name.find_first_of("[:"));
        FUZZ_REQUIRE(std::ranges::any_of(subjects,
                                         [&](const subject& s) { return s.name.substr(0, s.name.find(':')) == name; }));
    }
}

std::vector<std::string> messages_in(std::string_view input, bool are_literal, const subject& s)
{
    const auto number = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(input[i])}; };
    std::vector<std::string> all;
    for (std::size_t total = 0; input.size() >= (are_literal ? 1 : 3) && total < 300'000;) {
        std::string m;
        if (are_literal) {
            m = input.substr(1, number(0));
            input.remove_prefix(1 + m.size());
        } else {
            m.assign(number(0) << 8 | number(1), input[2]);
            input.remove_prefix(3);
            if (s.name == "msgpack") // a "bin 16"
                m = std::string("\xc5") + static_cast<char>(m.size() >> 8) + static_cast<char>(m.size() & 0xff) + m;
        }
        if (s.name.starts_with("json"))
            m = '[' + m;
        total += m.size();
        all.push_back(std::move(m));
    }
    return all;
}

void check(std::uint8_t which, std::uint8_t ending, std::uint32_t seed, std::string_view input)
{
    const subject& s = subjects[which % 128 % subjects.size()];
    const bool keeps_boundaries = s.name != "none";
    auto stream = std::make_shared<std::string>();
    std::vector<std::string> messages; // those that are sent
    std::vector<std::size_t> frame_ends;

    message_writer<any_framing> out(descriptor(chopped_stream(direction::write, stream, seed + 1)), framing_of(s));
    for (std::string& m : messages_in(input, which >= 128, s)) {
        const std::size_t before = stream->size();
        error_code ec;
        const std::size_t sent =
            out.send({byte_view(m).first(m.size() / 3), byte_view(m).subspan(m.size() / 3)}, until(), ec);
        FUZZ_REQUIRE(stream->size() == before + sent);
        if (ec) {
            FUZZ_REQUIRE(s.refuses && (ec == errc::unencodable || ec == errc::too_large));
            FUZZ_REQUIRE(sent == 0);
            continue;
        }
        FUZZ_REQUIRE(sent >= m.size());
        messages.push_back(std::move(m));
        frame_ends.push_back(stream->size());
    }
    if (ending % 2 != 0)
        stream->resize(stream->size() - std::min<std::size_t>(ending / 2, stream->size()));

    const reader raw{descriptor(chopped_stream(direction::read, stream, seed))};
    message_reader<any_framing> in(raw, framing_of(s));
    std::minstd_rand random(seed * 7 + 1);
    std::size_t received = 0;
    std::size_t at = 0;
    bytes reused;
    for (;;) {
        const std::size_t frame_end = received < messages.size() ? frame_ends[received] : SIZE_MAX;
        const bool complete = keeps_boundaries ? frame_end <= stream->size() : at < stream->size();
        error_code ec;
        bytes m;
        try {
            switch (random() % 5) {
            case 0: m = in.recv(); break;
            case 1: m = in.recv(deadline::now(), ec); break;
            case 2:
                if (auto maybe = in.try_recv())
                    m = std::move(*maybe);
                else
                    ec = errc::timed_out;
                break;
            case 3:
                in.recv_into(reused);
                m = reused.clone();
                break;
            case 4: {
                // Somebody who reads bytes takes the whole frame, in two pieces.
                if (!complete)
                    continue;
                reader bytes_reader = raw;
                const std::size_t frame = (keeps_boundaries ? frame_end : stream->size()) - at;
                const std::size_t first = random() % (frame + 1);
                std::string got(bytes_reader.recv(first).text());
                got += bytes_reader.recv(frame - first).text();
                FUZZ_REQUIRE(got == stream->substr(at, frame));
                at += frame;
                ++received;
                continue;
            }
            }
        } catch (const eof_error& e) {
            ec = e.code();
        }
        if (ec == errc::timed_out)
            continue; // nothing is lost
        if (ec) {
            FUZZ_REQUIRE(!complete);
            FUZZ_REQUIRE(ec == (at == stream->size() ? errc::end_of_stream : errc::truncated));
            FUZZ_REQUIRE(in.take_partial() == byte_view(std::string_view(*stream).substr(at)));
            return;
        }
        FUZZ_REQUIRE(complete);
        if (keeps_boundaries) {
            FUZZ_REQUIRE(m == byte_view(messages[received]));
            ++received;
            at = frame_end;
        } else {
            FUZZ_REQUIRE(!m.empty() && m.text() == std::string_view(*stream).substr(at, m.size()));
            at += m.size();
        }
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const bool names_are_known = (check_names(), true);
    (void)names_are_known;
    if (size >= 3)
        check(data[0], data[1], data[2] + 1u, {reinterpret_cast<const char*>(data + 3), size - 3});
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 3, [](test::choices& r, std::string_view settings) {
        const std::size_t n = r.size();
        if (static_cast<unsigned char>(settings[0]) >= 128)
            return static_cast<char>(n & 0xff) + r.bytes(n & 0xff);
        return test::choices::number(r.one_in(8) ? 50 * n : n, 2) + r.byte();
    });
}
