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
    e.gather({});
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

TEST_CASE("encoded: copies up to its documented capacity")
{
    encoded e;
    std::string expected;
    for (std::size_t i = 0; i < encoded::copied_at_most / 4; ++i) {
        const std::string piece(4, static_cast<char>('a' + i));
        e.copy(piece);
        expected += piece;
    }
    CHECK(flat(e) == expected);
    CHECK(e.size() == encoded::copied_at_most);
}
