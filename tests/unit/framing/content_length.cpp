#include <ferrule/framing/content_length.hpp>

#include "support/test.hpp"

TEST_CASE("content_length: a header field announces the payload, and others are skipped")
{
    CHECK(frame_of(content_length(), "{}") == "Content-Length: 2\r\n\r\n{}");
    content_length f;
    const std::string frame = "Content-Type: x\r\ncontent-length: 2\r\n\r\n{}";
    const decode_result r = f.decode(frame, {});
    CHECK(r.status() == decode_status::frame);
    CHECK(r.header() == frame.size() - 2);
    CHECK(r.payload() == 2);
}

TEST_CASE("content_length: without a length, or with two that differ, a header is malformed")
{
    for (const char* header :
         {"Content-Type: x\r\n\r\n", "Content-Length: x\r\n\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
        CAPTURE(header);
        content_length f;
        CHECK(f.decode(header, {}).error() == errc::malformed);
    }
}
