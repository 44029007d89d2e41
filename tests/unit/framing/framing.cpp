#include <ferrule/framing/framing.hpp>

#include "support/catch.hpp"
#include "support/framing_bytes.hpp"

using namespace ferrule;
using namespace ferrule::test;

TEST_CASE("encoded: small parts are copied, large ones only seen")
{
    std::string header = "head";
    const std::string payload = "payload";
    encoded e;
    e.copy(header);
    e.gather(payload);
    e.gather(byte_view());
    header = "XXXX";
    e.copy("tail");
    CHECK(flat(e) == "headpayloadtail");
    CHECK(e.parts() == 3);
    CHECK(e.size() == 15);
    CHECK(e.part(1).data() == byte_view(payload).data());
}

TEST_CASE("encoded: a moved frame still shows all of its parts")
{
    const std::string payload = "seen";
    encoded e;
    e.copy("head");
    e.gather(payload);
    e.keep(bytes(byte_view("kept")));
    for (int i = 0; i < 10; ++i)
        e.gather(payload); // more parts than fit without memory of their own
    const encoded moved = std::move(e);
    std::string expected = "headseenkept";
    for (int i = 0; i < 10; ++i)
        expected += "seen";
    CHECK(flat(moved) == expected);
    CHECK(moved.size() == expected.size());
}

TEST_CASE("encoded: copies as much as it is given")
{
    encoded e;
    std::string expected;
    for (char c = 'a'; c <= 'z'; ++c) {
        expected += std::string(20, c);
        e.copy(std::string(20, c));
    }
    CHECK(flat(e) == expected);
    CHECK(flat(encoded(std::move(e))) == expected);
}

TEST_CASE("encoded: what only marks the frame is left out when the payload is joined")
{
    const std::string payload = "seen";
    encoded e;
    e.copy("head");
    e.gather(payload);
    e.keep(bytes(byte_view("kept")));
    e.copy("tail");
    e.join_payload();
    CHECK(flat(e) == "seenkept");
    CHECK(e.size() == 8);
}

TEST_CASE("encoded: parts of the frame itself can be copied, however its memory moves")
{
    encoded e;
    e.copy("head");
    std::string expected = "head";
    for (int i = 0; i < 100; ++i) {
        e.copy(e.part(0));
        expected += "head";
    }
    CHECK(flat(e) == expected);
}

TEST_CASE("encoded: what is held stays until the end, whatever else is")
{
    encoded e;
    const byte_view first = e.hold(bytes(byte_view(std::string(1000, 'a'))));
    CHECK(e.kept() != nullptr);
    std::string expected(first.text());
    e.gather(first); // as a framing does that seals what another one holds
    for (int i = 0; i < 10; ++i) {
        e.keep(bytes(byte_view("seal")));
        expected += "seal";
    }
    CHECK(flat(e) == expected);
    CHECK(e.kept() == nullptr); // it is not all that there is
    const encoded copy = e;     // NOLINT
    e.join_payload();
    CHECK(flat(e) == expected);
    REQUIRE(e.kept() != nullptr);
    CHECK(e.kept()->text() == expected);
    CHECK(flat(copy) == expected);
}
