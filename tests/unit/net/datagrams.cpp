#include <ferrule/net/datagrams.hpp>

#include "support/datagrams.hpp"
#include "support/test.hpp"

#include <ferrule/framing/json.hpp>
#include <ferrule/framing/msgpack.hpp>

TEST_CASE("datagram: there over UDP, and back to the sender")
{
    for (const char* const at : {"udp://127.0.0.1:0", "udp://[::1]:0"}) {
        if (std::string_view(at).starts_with("udp://[") && !has_ipv6())
            continue;
        for (const style s : all_styles) {
            CAPTURE(at, s);
            datagram_socket<> a(at);
            datagram_socket<> b(at, datagram_options().ttl(3).receive_buffer(200'000));
            CHECK(code_of([&] { recv(s, b, 20ms); }) == errc::timed_out);
            for (const std::size_t size : {0u, 1u, 1500u, 65'507u}) {
                const std::string text = pattern(size);
                CHECK(send(s, a, text, b.address()) == size);
                const auto d = recv(s, b);
                CHECK(d.data == byte_view(text));
                CHECK(d.peer == a.address());
                CHECK(send(s, b, "answer", d.peer) == 6);
                CHECK(recv(s, a).data.text() == "answer");
            }
        }
    }
}

TEST_CASE("datagram: closing answers who waits")
{
    for (const std::string& at : local_datagram_places()) {
        CAPTURE(at);
        datagram_socket<> s(at);
        asio::io_context ctx;
        auto f = s.async_recv(asio::bind_executor(ctx, asio::use_future));
        ctx.poll();
        s.close();
        ctx.run();
        CHECK_THROWS_AS(f.get(), closed_error);
        CHECK(code_of([&] { s.recv(timeout); }) == errc::closed);
    }
}

TEST_CASE("datagram: one that is too large is refused, and the socket goes on")
{
    datagram_socket<> a("udp://127.0.0.1:0");
    datagram_socket<> b("udp://127.0.0.1:0");
    for (const style s : all_styles) {
        for (const std::size_t size : {65'508u, 65'535u, 65'536u, 1'000'000u}) {
            CAPTURE(s, size);
            CHECK(code_of([&] { send(s, a, pattern(size), b.address()); }) == errc::too_large);
            CHECK(code_of([&] { recv(s, a, 0s); }) == errc::timed_out); // it was said once
        }
        send(s, a, "next", b.address());
        CHECK(recv(s, b).data.text() == "next");
    }
}

TEST_CASE("datagram: the limit is that of the message, and one beyond it is dropped")
{
    for (const std::string& at : local_datagram_places()) {
        for (const style s : all_styles) {
            CAPTURE(at, s);
            datagram_socket<> a(at);
            datagram_socket b(at, none(), datagram_options(), limits(10));
            send(s, a, "0123456789", b.address());
            send(s, a, "0123456789a", b.address());
            send(s, a, "next", b.address());
            CHECK(recv(s, b).data.text() == "0123456789");
            try {
                recv(s, b);
                FAIL_CHECK("was taken");
            } catch (const frame_error& e) {
                CHECK(e.code() == errc::too_large);
                CHECK(byte_view(e.data()).text() == "0123456789a");
                CHECK(e.transferred() == 11);
            }
            CHECK(recv(s, b).data.text() == "next");
            CHECK(send(s, b, "0123456789", a.address()) == 10);
            CHECK(code_of([&] { send(s, b, "0123456789a", a.address()); }) == errc::too_large);
            CHECK(recv(s, a).data.text() == "0123456789");
        }
    }
}

TEST_CASE("datagram: a framing gives the serialisation, and no more")
{
    datagram_socket<> raw("udp://127.0.0.1:0");
    datagram_socket prefixed("udp://127.0.0.1:0", varint());
    datagram_socket numbers("udp://127.0.0.1:0", msgpack_messages<std::vector<int>>());
    datagram_socket texts("udp://127.0.0.1:0", json_messages<>());
    for (const style s : all_styles) {
        CAPTURE(s);
        send(s, prefixed, "plain", raw.address());
        CHECK(recv(s, raw).data.text() == "plain");
        send(s, raw, "plain", prefixed.address());
        CHECK(recv(s, prefixed).data.text() == "plain");

        CHECK(send(s, numbers, std::vector{1, 2, 300}, raw.address()) == 6);
        const auto packed = recv(s, raw);
        CHECK(packed.data == byte_view(std::string_view("\x93\x01\x02\xcd\x01\x2c")));
        send(s, raw, packed.data, numbers.address());
        const auto d = recv(s, numbers);
        CHECK(d.data == std::vector{1, 2, 300});
        CHECK(d.peer == raw.address());

        send(s, texts, boost::json::value("t"), raw.address());
        CHECK(recv(s, raw).data.text() == "\"t\"");
        send(s, raw, R"({"a":1})", texts.address());
        CHECK(recv(s, texts).data.at("a") == 1);

        // What is no value is dropped, and the next one comes.
        send(s, raw, "\xc1", numbers.address());
        send(s, raw, packed.data, numbers.address());
        CHECK(code_of([&] { recv(s, numbers); }) == errc::invalid_value);
        CHECK(recv(s, numbers).data.size() == 3);
    }
    error_code ec;
    raw.send("\xc1", numbers.address());
    (void)numbers.recv(timeout, ec);
    CHECK(ec == errc::invalid_value);
}
