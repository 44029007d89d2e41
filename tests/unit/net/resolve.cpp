#include <ferrule/net/resolve.hpp>

#include "support/test.hpp"

TEST_CASE("resolve: numbers, and addresses without a host, stay as they are")
{
    for (const char* const text :
         {"tcp://127.0.0.1:80", "udp://127.0.0.1:53", "tcp://[::1]:80", "udp://[::1]:53", "tls://127.0.0.1:443",
          "tls://[::1]:443", "unix:/x", "abstract:x", "pipe:x", "unixgram:/x", "seqpacket:/x"}) {
        CAPTURE(text);
        CHECK(resolve(text, timeout) == std::vector<address>{text});
        CHECK(resolve(text, 0s) == std::vector<address>{text});
        CHECK(run(async_resolve(text, timeout)) == std::vector<address>{text});
    }
    CHECK(resolve("udp://127.0.0.1:domain") == std::vector<address>{"udp://127.0.0.1:53"});
}

TEST_CASE("resolve: the name of a host becomes its numbers, of the same family")
{
    for (const address& named :
         {address::tcp("localhost", 7), address::udp("localhost", 7), address::tls("localhost", 7)}) {
        const auto check = [&](const std::vector<address>& found) {
            REQUIRE_FALSE(found.empty());
            for (const address& a : found) {
                CAPTURE(a.to_string());
                CHECK(a.kind() == named.kind());
                CHECK((a.name() == "::1" || a.name().starts_with("127.")));
                CHECK(a.port() == 7);
            }
        };
        check(resolve(named, timeout));
        error_code ec;
        check(resolve(named, timeout, ec));
        CHECK_FALSE(ec);
        check(run(async_resolve(named, timeout)));
        check(run(async_resolve(named)));
        asio::io_context ctx;
        auto f = async_resolve(named, timeout, asio::bind_executor(ctx, asio::use_future));
        ctx.run();
        check(f.get());
    }
}

TEST_CASE("resolve: errors name the address")
{
    const address nowhere("udp://no-such-host.invalid:80");
    CHECK_THROWS_WITH(resolve(nowhere, timeout), Catch::Matchers::Contains(nowhere.to_string()));
    CHECK_THROWS_AS(run(async_resolve(nowhere, timeout)), error);
    CHECK_THROWS_WITH(run(async_resolve(nowhere, timeout)), Catch::Matchers::Contains(nowhere.to_string()));
    CHECK_THROWS_WITH(async_resolve(nowhere, asio::use_future).get(), Catch::Matchers::Contains(nowhere.to_string()));
    error_code ec;
    CHECK(resolve(nowhere, timeout, ec).empty());
    CHECK(ec);
    CHECK_THROWS_AS(resolve("tcp://localhost:no-such-service", timeout), error);
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_WITH(resolve(nowhere, stop.get_token()), Catch::Matchers::Contains(nowhere.to_string()));
}
