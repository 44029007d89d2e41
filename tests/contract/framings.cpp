// Every framing, chosen by name, over every kind of connection, in every style of calls, interrupted at every step.
#include "support/kinds.hpp"
#include "support/test.hpp"

#include "src/testing/interruption.hpp"

#include <ferrule/framing/any_framing.hpp>

namespace {

using ferrule::testing::connection_kind;
using ferrule::testing::contract_failure;
using namespace ferrule::testing::kit;

// By names as `any_framing` knows them, with arguments where they need one.
const char* const framings[] = {"varint",  "leb128",       "u8",    "u16be",       "u16le",     "u32be",
                                "u32le",   "u64be",        "u64le", "mp",          "netstring", "lines",
                                "nul",     "lines:\\r\\n", "lsp",   "delimited:=", "fixed:5",   "delimited:END",
                                "msgpack", "json",         "none",  "slip",        "cobs"};

std::vector<std::string> messages_for(std::string_view framing)
{
    if (framing == "fixed:5")
        return {"hello", "world", std::string("\0\1\2\3\4", 5)};
    if (framing == "msgpack")
        return {"\xc0", test::from_hex("93A16101C3"), test::from_hex("81A1619280A0"), "\xa5hello"};
    if (framing == "json")
        return {"{}", "[1,2]", "\"text\"", "{\"key\":null}"};
    if (framing.starts_with("delimited") || framing.starts_with("lines") || framing == "nul")
        return {"", "hello", "a b", std::string(20, 'x')};
    if (framing == "slip")
        return {"\xc0", "hello", "\xdb\xdc\xc0\xdd", std::string(20, 'x')};
    return {"", "hello", std::string("\0\r\n", 3), std::string(20, 'x')};
}

// What a packet cannot say: an empty one is the end of a seqpacket socket.
std::vector<std::string> packets_for(std::string_view framing)
{
    std::vector<std::string> all = messages_for(framing);
    std::erase(all, "");
    return all;
}

// Reads until all have come; each call may end early once.
void receive_all(style s, interrupter& x, message_reader<any_framing>& in, const std::vector<std::string>& messages)
{
    std::size_t failures = 0;
    for (std::size_t i = 0; i < messages.size();) {
        const auto o = recv(s, in, x.limit(), x.slot());
        if (o.error) {
            x.check(o.error);
            expect(++failures < 100, "no progress");
        } else
            expect(o.value == byte_view(messages[i++]), "another message than was sent");
    }
}

void interrupted_receives(const connection_kind& kind, const char* framing, style s)
{
    const auto messages = kind.transfers == transfer_kind::message ? packets_for(framing) : messages_for(framing);
    interrupt_everywhere(kind, s, asio::cancellation_type::terminal, [&](interrupter& x, interruption) {
        auto [sending, receiving] = kind.connect();
        const any_framing f(framing);
        message_writer<any_framing> out(std::move(sending), f);
        message_reader<any_framing> in(x.around(std::move(receiving)), f);
        for (const std::string& m : messages)
            out.send(m, test::timeout);
        receive_all(s, x, in, messages);
    });
}

void interrupted_sends(const connection_kind& kind, const char* framing, style s)
{
    const auto messages = kind.transfers == transfer_kind::message ? packets_for(framing) : messages_for(framing);
    interrupt_everywhere(kind, s, asio::cancellation_type::terminal, [&](interrupter& x, interruption) {
        auto [sending, receiving] = kind.connect();
        const any_framing f(framing);
        message_writer<any_framing> out(x.around(std::move(sending)), f);
        message_reader<any_framing> in(std::move(receiving), f);
        std::size_t failures = 0;
        for (std::size_t i = 0; i < messages.size();) {
            const auto o = send(s, out, messages[i], x.limit(), x.slot());
            if (o.error) {
                x.check(o.error);
                expect(++failures < 100, "no progress");
            }
            if (!o.error || o.value != 0)
                ++i; // has left, or belongs to the endpoint
        }
        out.flush(test::timeout);
        for (const std::string& m : messages)
            expect(in.recv(test::timeout) == byte_view(m), "another message than was sent");
    });
}

void over(const connection_kind& kind)
{
    for (const char* framing : framings) {
        const bool stream = kind.transfers == transfer_kind::stream;
        if (stream && std::string_view(framing) == "none")
            continue; // has no messages there
        for (const style s : all_styles) {
            INFO(framing << ", " << name(s));
            try {
                interrupted_receives(kind, framing, s);
                interrupted_sends(kind, framing, s);
                SUCCEED();
            } catch (const contract_failure& failure) {
                FAIL_CHECK(failure.what() << note::take());
            }
        }
    }
}

struct refused {
    const char* framing;
    std::string message;
    errc why;
};

const test::kind_tests<over> registered("framings");

} // namespace

TEST_CASE("framings: a message that cannot be encoded is not sent, and the endpoint stays usable")
{
    const refused table[] = {{"u8", std::string(256, 'x'), errc::too_large},
                             {"varint", std::string(301, 'x'), errc::too_large},
                             {"netstring", std::string(301, 'x'), errc::too_large},
                             {"lsp", std::string(301, 'x'), errc::too_large},
                             {"lines", std::string(301, 'x'), errc::too_large},
                             {"lines", "two\nlines", errc::unencodable},
                             {"nul", std::string(1, '\0'), errc::unencodable},
                             {"delimited:END", "xENDx", errc::unencodable},
                             {"json", "1\n2", errc::unencodable},
                             {"fixed:5", "four", errc::unencodable},
                             {"msgpack", "\xc1", errc::unencodable},
                             {"msgpack", std::string("\x01\x02", 2), errc::unencodable}};
    for (const refused& r : table)
        for (const style s : all_styles) {
            INFO(r.framing << ", " << name(s));
            auto [sending, receiving] = test::kind("socketpair").connect();
            const any_framing f(r.framing);
            const limits l(300);
            message_writer<any_framing> out(std::move(sending), f, l);
            message_reader<any_framing> in(std::move(receiving), f, l);
            const auto o = send(s, out, r.message, test::timeout);
            CHECK(o.error == r.why);
            CHECK(o.value == 0);
            CHECK(out.unsent() == 0);
            CHECK_FALSE(in.try_recv());
            const std::string good = messages_for(r.framing).back();
            CHECK_FALSE(send(s, out, good, test::timeout).error);
            CHECK(recv(s, in, test::timeout).value == byte_view(good));
        }
}
