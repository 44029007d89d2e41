// JSON in both dialects against Node, which reads and writes it on its standard input and output.
#include "integration/peers.hpp"
#include "support/test.hpp"

#include <ferrule/framing/json.hpp>

#include <boost/json/serialize.hpp>

namespace json = boost::json;

namespace {

// node -e … <dialect> [first]: answers {"id", "params"} with {"id", "result"}. Understands nothing but its own dialect.
const char* const script = R"(
const [dialect, first] = process.argv.slice(1);
const dialects = {
    lines: {
        encode: (text) => text + '\n',
        decode: () => {
            const end = pending.indexOf('\n');
            return end < 0 ? null : [0, end, end + 1];
        },
    },
    headers: {
        encode: (text) => 'Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n' +
                          `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
        decode: () => {
            const start = pending.indexOf('\r\n\r\n') + 4;
            if (start < 4)
                return null;
            const [all, size] = /^Content-Length: (\d+)\r\n\r\n$/.exec(pending.toString('latin1', 0, start));
            const end = start + Number(size);
            return pending.length < end ? null : [start, end, end];
        },
    },
};
const { encode, decode } = dialects[dialect];
const send = (value) => process.stdout.write(encode(JSON.stringify(value)));
let pending = Buffer.alloc(0);
if (first)
    send({ hello: 'grüße 🚀' });
process.stdin.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    if (dialect === 'headers' && pending[0] !== 'C'.charCodeAt(0))
        throw new Error('no header');
    for (let frame; (frame = decode()) !== null; pending = pending.subarray(frame[2])) {
        const { id, params } = JSON.parse(pending.subarray(frame[0], frame[1]));
        send({ id, result: params });
    }
});
process.stdin.on('end', () => process.exit(pending.length === 0 ? 0 : 1));
)";

std::vector<std::string> node(const std::string& dialect, const std::string& first = {})
{
    std::vector<std::string> command = {program_in_path("node"), "-e", script, dialect};
    if (!first.empty())
        command.push_back(first);
    return command;
}

json::value request(int id, const json::value& params)
{
    return {{"id", id}, {"params", params}};
}
json::value answer(int id, const json::value& params)
{
    return {{"id", id}, {"result", params}};
}

const std::vector<json::value>& samples()
{
    // U+2028 ends a line for JavaScript, but none of ours.
    static const std::vector<json::value> all = {
        nullptr,
        true,
        0,
        -9007199254740991,
        9007199254740991,
        0.1,
        -1.7976931348623157e308,
        5e-324,
        "",
        "grüße, 世界 🚀 \u2028\u0085",
        json::value(std::string("\0\b\t\n\r\f\x1B\"\\/", 10)),
        {{"", json::object()}, {"größe", {1, "zwei", nullptr, json::array()}}},
        [] {
            json::value nested;
            for (int i = 0; i < 100; ++i)
                nested = json::array({std::move(nested)});
            return nested;
        }(),
        json::value(text(1 << 20)), // quotes and backslashes are in it
        [] {
            std::string s;
            while (s.size() < 1 << 20)
                s += "ü世🚀";
            return json::value(s);
        }(),
    };
    return all;
}

template <class In, class Out>
void expect_answers(In& in, Out& out)
{
    int id = 0;
    for (const json::value& sample : samples()) {
        for (const style s : {style::blocking, style::coroutine}) {
            CAPTURE(id, json::serialize(sample).substr(0, 80));
            send(out, request(++id, sample), s);
            CHECK((recv(in, s) == answer(id, sample)));
        }
    }
    // Many on the way, few enough that the pipe holds all answers.
    for (int i = 0; i < 300; ++i)
        send(out, request(i, "grüße"));
    for (int i = 0; i < 300; ++i)
        CHECK((recv(in) == answer(i, "grüße")));
}

void expect_end(message_reader<none> in, writer out, child& c)
{
    out.close();
    CHECK(code_of([&] { in.recv(timeout); }) == errc::end_of_stream);
    expect_success(c);
}

template <class Framing>
void converse(const std::string& dialect)
{
    auto c = spawn_piped(node(dialect));
    message_reader<Framing> in(c.output);
    message_writer<Framing> out(c.input);
    expect_answers(in, out);
    expect_end(message_reader<none>(c.output), c.input, c.process);
}

} // namespace

TEST_CASE("json_lines: Node answers every kind of value")
{
    converse<json_lines<>>("lines");
}

TEST_CASE("json_content_length: Node answers every kind of value")
{
    converse<json_content_length<>>("headers");
}

TEST_CASE("json_messages: Node speaks first, and is answered in its own dialect")
{
    using dialect = json_dialect::dialect;
    for (const bool headers : {false, true}) {
        CAPTURE(headers);
        // What we would send if nothing had arrived is the other dialect.
        const json_dialect detecting(headers ? dialect::lines : dialect::content_length);
        const json_messages<> framing(detecting);
        auto c = spawn_piped(node(headers ? "headers" : "lines", "first"));
        message_reader<json_messages<>> in(c.output, framing);
        message_writer<json_messages<>> out(c.input, framing);
        CHECK(detecting.detected() == dialect::unknown);
        CHECK((recv(in) == json::value({{"hello", "grüße 🚀"}})));
        CHECK(detecting.detected() == (headers ? dialect::content_length : dialect::lines));
        expect_answers(in, out);
        expect_end(message_reader<none>(c.output), c.input, c.process);
    }
}

TEST_CASE("json_messages: who speaks first to Node chooses the dialect")
{
    using dialect = json_dialect::dialect;
    for (const bool headers : {false, true}) {
        CAPTURE(headers);
        const json_messages<> framing(json_dialect(headers ? dialect::content_length : dialect::lines));
        auto c = spawn_piped(node(headers ? "headers" : "lines"));
        message_reader<json_messages<>> in(c.output, framing);
        message_writer<json_messages<>> out(c.input, framing);
        expect_answers(in, out);
        expect_end(message_reader<none>(c.output), c.input, c.process);
    }
}
