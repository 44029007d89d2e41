#include "platform/serial/telnet.hpp"

#include "support/test.hpp"

using serial::telnet;
using serial::telnet_option;
using what = telnet::event::what;
using namespace std::string_literals;

namespace {

std::string described(const telnet::event& e)
{
    const std::string option = std::to_string(static_cast<int>(e.option));
    switch (e.kind) {
    case what::agreed: return "(on " + option + (e.ours ? " ours)" : ")");
    case what::refused: return "(off " + option + (e.ours ? " ours)" : ")");
    case what::sub_negotiation: return "(sub " + option + " " + e.text + ")";
    case what::line_break: break;
    }
    return "(break)";
}

/// The data, with the events at their places.
std::string feed(telnet& t, byte_view in, std::size_t piece = SIZE_MAX)
{
    std::string all;
    while (!in.empty()) {
        byte_view some = in.first(std::min(piece, in.size()));
        in = in.subspan(some.size());
        while (!some.empty()) {
            if (const auto e = t.receive(some, all))
                all += described(*e);
        }
    }
    return all;
}

/// One that has agreed on binary transmission, both ways.
telnet in_binary()
{
    telnet t;
    t.request(telnet_option::binary, true);
    t.request(telnet_option::binary, false);
    CHECK(feed(t, "\xff\xfd\0\xff\xfb\0"s) == "(on 0 ours)(on 0)");
    t.output.clear();
    return t;
}

std::string sent(telnet t, byte_view data)
{
    t.send(data);
    return t.output;
}

} // namespace

TEST_CASE("telnet: data with the byte 255 and carriage returns passes, in binary and not")
{
    CHECK(sent(in_binary(), "a\xff\r\0\r\n\xff\xff"s) == "a\xff\xff\r\0\r\n\xff\xff\xff\xff"s);
    telnet binary = in_binary();
    CHECK(feed(binary, "a\xff\xff\r\0\r\n\r"s) == "a\xff\r\0\r\n\r"s);

    CHECK(sent(telnet(), "a\r\nb\rc\r"s) == "a\r\nb\r\0c\r\0"s);
    CHECK(sent(telnet(), "\r\xff\r\r"s) == "\r\0\xff\xff\r\0\r\0"s);
    telnet text;
    CHECK(feed(text, "a\r\nb\r\0c\r\0\0d\r"s) == "a\r\nb\rc\r\0d\r"s);
    CHECK(feed(text, "\0e"s) == "e"); // the NUL of the CR before
    CHECK(sent(telnet(), "").empty());
    for (const bool is_binary : {false, true}) {
        const telnet t = is_binary ? in_binary() : telnet();
        const std::string all = "a\r\n\xff\r\r\0\xff\xff\n\r"s;
        std::size_t size = 0;
        for (std::size_t i = 0; i < all.size(); ++i)
            size += t.size_of(all, i);
        CHECK(size == sent(t, all).size());
    }
}

TEST_CASE("telnet: every cut of the input gives the same data and events at the same places")
{
    const std::string all = "one\xff\xff"
                            "two\r\0\xff\xfb\0\r\0\xff\xfa\x2c\x65\xff\xff\0\xff\xf0three\xff\xf1\xff\xfd\x2c"
                            "\xff\xf3\xff\xfc\0\xff\xfa\x2c\xff\xf0\xff\xf0"
                            "four"s;
    const auto fresh = [] {
        telnet t;
        t.allow(telnet_option::binary, false);
        t.request(telnet_option::com_port, true);
        return t;
    };
    telnet whole = fresh();
    const std::string expected = feed(whole, all);
    CHECK(expected == "one\xfftwo\r(on 0)\r\0(sub 44 e\xff\0)three(on 44 ours)(break)(off 0)(sub 44 )four"s);
    for (std::size_t piece = 1; piece < all.size(); ++piece) {
        telnet t = fresh();
        CHECK(feed(t, all, piece) == expected);
        CHECK(t.output == whole.output);
    }
    for (std::size_t cut = 0; cut <= all.size(); ++cut) {
        telnet t = fresh();
        const std::string first = feed(t, byte_view(all).first(cut));
        CHECK(first + feed(t, byte_view(all).subspan(cut)) == expected);
    }
}

TEST_CASE("telnet: what is allowed is agreed to, what is not is refused, and no answer is answered")
{
    telnet t;
    t.allow(telnet_option::suppress_go_ahead, true);
    t.allow(telnet_option::suppress_go_ahead, false);
    CHECK(feed(t, "\xff\xfb\x03\xff\xfd\x03") == "(on 3)(on 3 ours)");
    CHECK(t.output == "\xff\xfd\x03\xff\xfb\x03");
    t.output.clear();
    CHECK(feed(t, "\xff\xfb\x03\xff\xfd\x03\xff\xfb\x03").empty()); // known already
    CHECK(t.output.empty());
    CHECK(feed(t, "\xff\xfb\x01\xff\xfd\x01").empty());                         // echo is not wanted
    CHECK(feed(t, "\xff\xfb\x2a\xff\xfd\x2a\xff\xfc\x2a\xff\xfe\x2a").empty()); // nor is what nobody knows
    CHECK(t.output == "\xff\xfe\x01\xff\xfc\x01\xff\xfe\x2a\xff\xfc\x2a");
    t.output.clear();
    CHECK(feed(t, "\xff\xfc\x03\xff\xfe\x03") == "(off 3)(off 3 ours)");
    CHECK(t.output == "\xff\xfe\x03\xff\xfc\x03");
    t.output.clear();
    CHECK(feed(t, "\xff\xfc\x03\xff\xfe\x03").empty());
    CHECK(t.output.empty());
    CHECK_FALSE(t.is_on(telnet_option::suppress_go_ahead, true));
}

TEST_CASE("telnet: a request is made once, and either answer ends it")
{
    telnet t;
    t.request(telnet_option::com_port, true);
    t.request(telnet_option::com_port, true);
    t.request(telnet_option::binary, false);
    CHECK(t.output == "\xff\xfb\x2c\xff\xfd\0"s);
    t.output.clear();
    CHECK_FALSE(t.is_on(telnet_option::com_port, true));
    CHECK(feed(t, "\xff\xfd\x2c\xff\xfc\0"s) == "(on 44 ours)(off 0)");
    CHECK(t.is_on(telnet_option::com_port, true));
    CHECK_FALSE(t.is_on(telnet_option::binary, false));
    t.request(telnet_option::com_port, true);
    CHECK(t.output.empty());
}

TEST_CASE("telnet: two ends that both ask for everything agree, and then are silent")
{
    telnet client;
    telnet server;
    for (const telnet_option o : {telnet_option::binary, telnet_option::com_port, telnet_option::suppress_go_ahead}) {
        for (const bool ours : {false, true}) {
            client.request(o, ours);
            server.request(o, ours);
        }
    }
    int rounds = 0;
    while (!client.output.empty() || !server.output.empty()) {
        REQUIRE(++rounds < 5);
        const std::string to_server = std::exchange(client.output, {});
        const std::string to_client = std::exchange(server.output, {});
        (void)feed(server, to_server);
        (void)feed(client, to_client);
    }
    for (const bool ours : {false, true}) {
        CHECK(client.is_on(telnet_option::binary, ours));
        CHECK(server.is_on(telnet_option::com_port, ours));
    }
}

TEST_CASE("telnet: a peer that asks and answers for ever is answered so often and no more")
{
    telnet t;
    t.allow(telnet_option::binary, true);
    std::size_t replies = 0;
    for (int i = 0; i < 100'000; ++i) {
        (void)feed(t, i % 2 == 0 ? "\xff\xfd\0\xff\xfb\x2a"s : "\xff\xfe\0\xff\xfd\x01"s);
        replies += std::exchange(t.output, {}).size() / 3;
    }
    CHECK(replies == telnet::max_replies);
    CHECK(feed(t, "still here") == "still here");
}

TEST_CASE("telnet: sub-negotiations are bounded, and those without an end or a beginning lose nothing else")
{
    telnet t = in_binary();
    const auto sub_of = [](std::size_t n) { return "\xff\xfa\x2c" + std::string(n, 'x') + "\xff\xf0"; };
    CHECK(feed(t, sub_of(telnet::max_sub) + "a") == "(sub 44 " + std::string(telnet::max_sub, 'x') + ")a");
    CHECK(feed(t, sub_of(telnet::max_sub + 1) + "b") == "b");
    CHECK(feed(t, sub_of(5'000'000) + "c") == "c");
    std::string doubled;
    for (std::size_t i = 0; i < telnet::max_sub; ++i)
        doubled += "\xff\xff";
    CHECK(feed(t, "\xff\xfa\x2c" + doubled + "\xff\xf0") == "(sub 44 " + std::string(telnet::max_sub, '\xff') + ")");
    CHECK(feed(t, "\xff\xfa\x2c" + doubled +
                      "\xff\xff\xff\xf0"
                      "d") == "d");
    CHECK(feed(t, "\xff\xf0"
                  "e") == "e"); // SE without SB
    CHECK(feed(t, "\xff\xfa\xff\xf0"
                  "f") == "f"); // without even an option
    CHECK(feed(t, "\xff\xfa\x2a"
                  "what\xff\xf0g") == "g"); // of an option that nobody knows
    CHECK(feed(t, "\xff\xfa\x2cxx\xff\xfc\x2a"
                  "h") == "h");                                                // a command instead of the end
    CHECK(feed(t, "\xff\xfa\x2cxx\xff\xfa\x2cyy\xff\xf0i") == "(sub 44 yy)i"); // another beginning instead
}

TEST_CASE("telnet: what it sends in a sub-negotiation is read back, whatever it is")
{
    std::string all;
    for (int i = 0; i < 256; ++i)
        all += static_cast<char>(i);
    telnet t;
    t.send_sub(telnet_option::com_port, all);
    CHECK(t.output.size() == 3 + 257 + 2);
    telnet other;
    CHECK(feed(other, t.output) == "(sub 44 " + all + ")");
}
