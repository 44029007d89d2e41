// A peer that is killed while it sends: whole messages, then the end, and what had begun.
//
//     FERRULE_KILLS=n   how many over each kind of connection
//     FERRULE_SEED=n    begin with this seed, or at random if n is "random"; a failure names its own
#include "support/kinds.hpp"
#include "support/posix/killed_child.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

namespace {

/// The messages of a run, which the sender and the receiver make by themselves.
class numbered {
public:
    numbered(std::uint64_t seed, std::size_t largest) : dice_(static_cast<std::uint32_t>(seed)), largest_(largest) {}

    std::string next()
    {
        const std::uint32_t size = dice_(6) == 0 ? dice_(static_cast<std::uint32_t>(largest_)) : dice_(300);
        std::string m = std::to_string(number_++) + ":";
        m.resize(m.size() + size, static_cast<char>('a' + number_ % 26));
        return m;
    }

private:
    dice dice_;
    std::size_t largest_;
    unsigned number_ = 0;
};

unsigned long number_of(std::string_view message)
{
    return std::stoul(std::string(message.substr(0, message.find(':'))));
}

void close(descriptor) {}

/// The end of the stream, behind what has arrived of the message `wanted`, which stays there until it is taken.
void expect_end(style how, message_reader<>& in, const std::string& wanted, const outcome<bytes>& o)
{
    if (o.error == errc::truncated) {
        const bytes whole = testing::kit::wire_of<varint>(byte_view(wanted));
        REQUIRE((!o.value.empty() && o.value.size() < whole.size()));
        REQUIRE(whole.text().starts_with(o.value.text()));
        REQUIRE(recv(how, in, timeout).error == errc::truncated);
        REQUIRE(in.take_partial(timeout) == o.value);
    } else {
        INFO(o.error.message());
        REQUIRE(o.error == errc::end_of_stream);
        REQUIRE(o.value.empty());
    }
    REQUIRE(recv(how, in, timeout).error == errc::end_of_stream);
}

/// Receives up to the end: whole messages in order, then the end of the stream behind what had begun of another message.
/// Where nobody tells that the sender is gone, the end is that nothing more comes.
void expect_whole_messages(const testing::connection_kind& kind, style how, message_reader<>& in, numbered expected,
                           std::jthread& killing)
{
    const bool tells = kind.has_end || kind.name == "pty master sends";
    for (std::string wanted = expected.next();;) {
        const bool dead = !killing.joinable();
        const auto o = recv(how, in, tells ? until(timeout) : until(1ms));
        if (!o.error) {
            while (kind.drops && number_of(wanted) < number_of(o.value.text())) // what was dropped is missing whole
                wanted = expected.next();
            REQUIRE(o.value.text() == wanted);
            wanted = expected.next();
        } else if ((kind.name == "serial port receives" || kind.name == "RFC 2217 receives") &&
                   o.error == condition::broken) {
            return; // a line that has gone is an error, and no end
        } else if (!tells) {
            REQUIRE(o.error == errc::timed_out);
            if (dead)
                return;
            killing.join(); // then what has been sent is there
        } else {
            expect_end(how, in, wanted, o);
            return;
        }
    }
}

/// Kills each of many senders at a random moment. The receiver is called in every style in turn.
void kill_many(const testing::connection_kind& kind)
{
    const std::size_t usual = sanitized ? 9 : 30;
    const char* const given = std::getenv("FERRULE_KILLS");
    const std::size_t count = given != nullptr ? std::strtoull(given, nullptr, 10) : usual;
    const bool packets = kind.transfers == transfer_kind::message;
    const std::size_t largest = packets ? 3000 : 50'000;
    const std::size_t before = settled_descriptors().size();
    dice d(1);
    for (std::size_t i = 0; i < count; ++i) {
        const style how = all_styles[i % std::size(all_styles)];
        INFO(kind.name << ", run " << i << ", " << test::name(how));
        auto ends = kind.connect();
        numbered expected(i, largest);
        killed_child sender([&, messages = expected]() mutable {
            close(std::move(ends.second));
            error_code ec;
            for (message_writer<> out(std::move(ends.first)); !ec;)
                out.send(messages.next(), {}, ec);
        });
        close(std::move(ends.first));
        message_duplex<> peer;
        message_reader<> in;
        if (kind.two_way) {
            peer = message_duplex<>(std::move(ends.second));
            in = peer;
        } else
            in = message_reader<>(std::move(ends.second));
        std::jthread killing([&sender, lifetime = std::chrono::microseconds(d(3000))] { sender.kill_after(lifetime); });
        expect_whole_messages(kind, how, in, expected, killing);
        // This side goes on: what it sends to the dead is an error, and no signal.
        error_code ec;
        while (peer.is_open() && kind.has_end && kind.tells_sender && !ec)
            peer.send("anybody there?", timeout, ec);
        CHECK((!ec || ec == condition::broken));
        in.close();
    }
    CHECK(open_descriptors().size() == before);
}

bool leaves_the_process(const testing::connection_kind& kind)
{
    // Shared memory is the parent's after a fork, so the tests of share_memory kill peers of their own.
    return !kind.name.starts_with("memory") && kind.name != "shared memory" && !kind.sends_in_background;
}

const kind_tests<kill_many> registered("kills", leaves_the_process);

} // namespace
