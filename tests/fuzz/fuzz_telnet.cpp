// Input: two settings, and a stream that a telnet peer sends.
#include "fuzz/grammar.hpp"

#include "platform/serial/com_port.hpp"
#include "platform/serial/telnet.hpp"

#include <memory>

using namespace ferrule;
using serial::telnet;
using serial::telnet_option;

namespace {

class end {
public:
    explicit end(unsigned settings)
    {
        unsigned bit = 1;
        for (const telnet_option o : {telnet_option::binary, telnet_option::com_port}) {
            for (const bool ours : {false, true}) {
                if ((settings & bit) != 0)
                    codec_.request(o, ours);
                else if ((settings & (bit << 1)) != 0)
                    codec_.allow(o, ours);
                bit <<= 2;
            }
        }
    }

    void feed(byte_view in)
    {
        // In memory of exactly that size, so that a sanitizer sees a read beyond the end.
        const std::unique_ptr<std::byte[]> copy(new std::byte[in.size()]);
        std::copy(in.begin(), in.end(), copy.get());
        byte_view left(copy.get(), in.size());
        while (!left.empty()) {
            const std::size_t before = left.size();
            const std::size_t data = seen_.size();
            const auto e = codec_.receive(left, seen_);
            FUZZ_REQUIRE(e || left.empty());
            FUZZ_REQUIRE(seen_.size() - data <= before - left.size());
            if (!e)
                continue;
            FUZZ_REQUIRE(e->text.size() <= telnet::max_sub);
            seen_ += "(event " + std::to_string(static_cast<int>(e->kind)) + " " +
                     std::to_string(static_cast<int>(e->option)) + (e->ours ? " ours " : " ") + e->text + ")";
            for (const unsigned char from : {static_cast<unsigned char>(0), serial::of_server})
                check(e->text, from);
        }
    }
    void send(byte_view data) { codec_.send(data); }

    [[nodiscard]] const std::string& seen() const { return seen_; }
    [[nodiscard]] const std::string& output() const { return codec_.output; }
    [[nodiscard]] bool sends_binary() const { return codec_.is_on(telnet_option::binary, true); }

private:
    /// What is read is written again as it was, but for the other forms of speeds and for what follows a message.
    static void check(const std::string& payload, unsigned char from)
    {
        const auto m = serial::decode(payload, from);
        if (!m)
            return;
        const std::string again = encode(*m, from);
        if (m->code != serial::com_code::set_baud || payload.size() >= 5)
            FUZZ_REQUIRE(payload.substr(0, again.size()) == again);
        const auto second = serial::decode(again, from);
        FUZZ_REQUIRE(second && second->code == m->code && second->value == m->value && second->text == m->text);
    }

    telnet codec_;
    std::string seen_;
};

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const unsigned settings = data[0];
    const std::size_t piece = 1 + data[1] % 7;
    const byte_view stream(reinterpret_cast<const std::byte*>(data + 2), size - 2);

    end whole(settings);
    whole.feed(stream);
    FUZZ_REQUIRE(whole.output().size() <= 3 * (telnet::max_replies + 4));
    end cut(settings);
    for (std::size_t at = 0; at < stream.size(); at += piece)
        cut.feed(stream.subspan(at, std::min(piece, stream.size() - at)));
    FUZZ_REQUIRE(cut.seen() == whole.seen());
    FUZZ_REQUIRE(cut.output() == whole.output());

    // The same bytes as data, to a peer that agrees with what this end does.
    for (const bool binary : {false, true}) {
        end sender(binary ? 4 : 0);
        end receiver(binary ? 1 : 0);
        if (binary) {
            receiver.feed(sender.output());
            sender.feed(receiver.output());
            FUZZ_REQUIRE(sender.sends_binary());
        }
        const std::size_t negotiated = sender.output().size();
        const std::size_t events = receiver.seen().size();
        sender.send(stream);
        receiver.feed(byte_view(sender.output()).subspan(negotiated));
        FUZZ_REQUIRE(receiver.seen().substr(events) == stream.text());
    }
    return 0;
}

std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed)
{
    return test::mutate(data, size, most, seed, 2, [](test::choices& r, std::string_view) {
        static constexpr std::string_view options("\x00\x01\x03\x2c\x2a\xff", 6);
        const std::string option(1, r.one_of(options));
        switch (r.below(4)) {
        case 0: return "\xff" + std::string(1, r.one_of(std::string_view("\xfb\xfc\xfd\xfe\xf0\xf1\xf3\xff"))) + option;
        case 1: {
            std::string payload(1, static_cast<char>(r.below(14) + (r.one_in(2) ? 100 : 0)));
            payload += r.one_in(2) ? test::choices::number(r.below(256), 1 + r.below(5)) : r.bytes(r.size());
            return r.perhaps_damaged("\xff\xfa" + option + payload + "\xff\xf0");
        }
        case 2: return std::string("\r") + r.byte();
        default: return r.bytes(r.size());
        }
    });
}
