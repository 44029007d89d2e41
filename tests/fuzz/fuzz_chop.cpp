// Messages are encoded, the stream is chopped at random and perhaps cut off, and a message reader must see the same
// messages again, however the calls are made.
//
// Input: [framing] [how the stream ends] [chops] then messages, each [size: 2 bytes] [fill].
#include "fuzz/fuzz.hpp"

#include <ferrule/ferrule.hpp>
#include <ferrule/framing/multiprocessing_bytes.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace ferrule;

namespace {

// Gives out a string in pieces of random sizes, with pauses between them.
class chopped_source {
public:
    chopped_source(std::shared_ptr<const std::string> stream, std::uint32_t seed)
        : stream_(std::move(stream)),
          random_(seed)
    {
    }

    io_result try_read(std::span<std::byte> in)
    {
        if (random_() % 4 == 0)
            return io_result::would_block();
        if (in.empty())
            return io_result::moved(0);
        if (at_ == stream_->size())
            return io_result::end();
        // Mostly small pieces; sometimes as much as is asked for.
        const std::size_t most = random_() % 5 == 0 ? in.size() : 1 + random_() % 40;
        const std::size_t n = std::min({most, in.size(), stream_->size() - at_});
        std::copy_n(std::as_bytes(std::span(*stream_)).data() + at_, n, in.data());
        at_ += n;
        return io_result::moved(n);
    }
    io_result try_write(std::span<const byte_view>) { return io_result::failed(errc::wrong_direction); }
    readiness arm(direction) { return readiness::now(); }
    void close() {}
    bool can(direction d) const { return d == direction::read; }

private:
    std::shared_ptr<const std::string> stream_;
    std::size_t at_ = 0;
    std::minstd_rand random_;
};
static_assert(socket_like<chopped_source>);

template <class Framing>
void check(const std::uint8_t* data, std::size_t size)
{
    const std::uint8_t ending = data[1];
    const std::uint32_t seed = data[2] + 1u;
    std::vector<std::string> messages;
    std::vector<std::size_t> frame_ends;
    auto stream = std::make_shared<std::string>();
    for (std::size_t i = 3; i + 3 <= size && stream->size() < 300'000; i += 3) {
        messages.emplace_back((data[i] << 8 | data[i + 1]) & 0xffff, static_cast<char>(data[i + 2]));
        const byte_view payload = messages.back();
        encoded e;
        FUZZ_REQUIRE(!Framing().encode(std::span(&payload, 1), limits(), e));
        for (std::size_t part = 0; part < e.parts(); ++part)
            *stream += e.part(part).text();
        frame_ends.push_back(stream->size());
    }
    if (ending % 2 != 0)
        stream->resize(stream->size() - std::min<std::size_t>(ending / 2, stream->size()));

    const reader raw{descriptor(chopped_source(stream, seed))};
    message_reader<Framing> in(raw);
    std::minstd_rand random(seed * 7 + 1);
    std::size_t received = 0;
    bytes reused;
    for (;;) {
        const std::size_t begun = received == 0 ? 0 : frame_ends[received - 1];
        const bool complete = received < messages.size() && frame_ends[received] <= stream->size();
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
                const std::size_t frame = frame_ends[received] - begun;
                const std::size_t first = random() % (frame + 1);
                std::string got(bytes_reader.recv(first).text());
                got += bytes_reader.recv(frame - first).text();
                FUZZ_REQUIRE(got == stream->substr(begun, frame));
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
            FUZZ_REQUIRE(ec == (begun == stream->size() ? errc::end_of_stream : errc::truncated));
            FUZZ_REQUIRE(in.take_partial() == byte_view(std::string_view(*stream).substr(begun)));
            return;
        }
        FUZZ_REQUIRE(complete);
        FUZZ_REQUIRE(m == byte_view(messages[received]));
        ++received;
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 3)
        return 0;
    if (data[0] % 2 == 0)
        check<varint>(data, size);
    else
        check<multiprocessing_bytes>(data, size);
    return 0;
}
