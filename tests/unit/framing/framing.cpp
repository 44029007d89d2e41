
#include "support/test.hpp"

TEST_CASE("encoded: small parts are copied, large ones only seen")
{
    std::string header = "head";
    const std::string payload = "payload";
    encoded e;
    e.append_copy(header);
    e.append_view(payload);
    e.append_view(byte_view());
    header = "XXXX";
    e.append_copy("tail");
    CHECK(flat(e) == "headpayloadtail");
    CHECK(e.parts() == 3);
    CHECK(e.size() == 15);
    CHECK(e.part(1).data() == byte_view(payload).data());
}

TEST_CASE("encoded: a moved frame still shows all of its parts")
{
    const std::string payload = "seen";
    encoded e;
    e.append_copy("head");
    e.append_view(payload);
    e.append_owned(bytes(byte_view("kept")));
    for (int i = 0; i < 10; ++i)
        e.append_view(payload); // more parts than fit without memory of their own
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
        e.append_copy(std::string(20, c));
    }
    CHECK(flat(e) == expected);
    CHECK(flat(encoded(std::move(e))) == expected);
}

TEST_CASE("encoded: what only marks the frame is left out when the payload is joined")
{
    const std::string payload = "seen";
    encoded e;
    e.append_copy("head");
    e.append_view(payload);
    e.append_owned(bytes(byte_view("kept")));
    e.append_copy("tail");
    e.join_payload();
    CHECK(flat(e) == "seenkept");
    CHECK(e.size() == 8);
}

TEST_CASE("encoded: parts of the frame itself can be copied, however its memory moves")
{
    encoded e;
    e.append_copy("head");
    std::string expected = "head";
    for (int i = 0; i < 100; ++i) {
        e.append_copy(e.part(0));
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
    e.append_view(first); // as a framing does that seals what another one holds
    for (int i = 0; i < 10; ++i) {
        e.append_owned(bytes(byte_view("seal")));
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
