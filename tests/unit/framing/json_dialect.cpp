#include <ferrule/framing/json.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include "support/test.hpp"

#include <boost/json.hpp>

namespace json = boost::json;

static_assert(typed_framing<json_lines<>>);
static_assert(typed_framing<json_content_length<>>);
static_assert(typed_framing<json_messages<>>);
static_assert(typed_framing<framed<varint, json_codec<std::vector<int>>>>);

TEST_CASE("json_dialect: the first byte that arrives decides, and answers follow it")
{
    for (const bool headers : {false, true}) {
        CAPTURE(headers);
        auto [a, b] = socketpair_descriptors();
        const json_dialect dialect;
        message_duplex<json_messages<>> server(std::move(a), json_messages<>(dialect));
        duplex client(std::move(b));
        client.send(headers ? "Content-Length: 2\r\n\r\n{}" : "{}\n");
        CHECK(dialect.detected() == json_dialect::dialect::unknown);
        CHECK(server.recv() == json::value(json::object{}));
        CHECK(dialect.detected() == (headers ? json_dialect::dialect::content_length : json_dialect::dialect::lines));
        server.send({{"id", 1}});
        const std::string expected = headers ? "Content-Length: 8\r\n\r\n{\"id\":1}" : "{\"id\":1}\n";
        CHECK(client.recv(expected.size()) == byte_view(expected));
        // From now on only that one.
        client.send(headers ? "{}\n\n" : "Content-Length: 2\r\n\r\n{}");
        error_code ec;
        (void)server.recv({}, ec);
        CHECK(ec == (headers ? errc::malformed : errc::invalid_value));
    }
}

TEST_CASE("json_dialect: whoever speaks first speaks lines, unless told otherwise")
{
    CHECK(frame_of(json_dialect(), "1") == "1\n");
    CHECK(frame_of(json_dialect(json_dialect::dialect::unknown), "1") == "1\n");
    json_dialect f(json_dialect::dialect::content_length);
    CHECK(frame_of(f, "1") == "Content-Length: 1\r\n\r\n1");
    CHECK(f.decode(" 1\n", limits()).payload() == 2);
    CHECK(frame_of(f, "1") == "1\n");
    const json_dialect copy = f;
    CHECK(frame_of(copy, "1") == "1\n");
    CHECK(json_dialect().decode("<xml/>\n", limits()).error() == errc::malformed);
}
