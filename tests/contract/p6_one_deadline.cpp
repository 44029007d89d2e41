// P6: one deadline covers the whole call; zero means "only if possible right now".
#include "support/each_stream.hpp"
#include "support/test.hpp"

TEST_CASE("P6: a trickling peer does not extend the deadline")
{
    for (const testing::connection_kind& k : streams_with_end())
        for (const style s : all_styles) {
            INFO(k.name << ", " << name(s));
            connection l(k);
            std::atomic<bool> over{false};
            writer out(std::move(l.sender));
            out.send("x", timeout); // the thread may begin late
            std::jthread trickle([&, w = std::move(out)]() mutable {
                error_code ec;
                while (!over && !ec) {
                    w.send("x", 1ms, ec);
                    if (ec == condition::timeout)
                        ec = {};
                    std::this_thread::yield();
                }
            });
            reader r(std::move(l.receiver));
            const auto o = receive<bytes>(
                s, r, [&] { return r.recv(1u << 30, 30ms); },
                [&](auto... token) { return r.async_recv(1u << 30, 30ms, token...); });
            over = true;
            CHECK(o.error == errc::timed_out);
            CHECK_FALSE(o.value.empty());
        }
}

TEST_CASE("P6: a time point in the past, and one that is far away")
{
    auto [r, w] = pipe();
    CHECK_THROWS_AS(r.recv(std::chrono::steady_clock::now() - 1s), timeout_error);
    CHECK_THROWS_AS(r.recv(std::chrono::system_clock::now() - 1s), timeout_error);
    w.send("x");
    CHECK(r.recv(std::chrono::hours::max()) == byte_view("x"));
}

TEST_CASE("P6: a send ends at its deadline when nobody reads")
{
    const bytes large = pattern(16'000'000);
    for_each_stream([&](writer& w, const reader&, style s) {
        const auto o = send(s, w, large, 5ms);
        CHECK(o.error == errc::timed_out);
        CHECK(o.value > 0);
        CHECK(o.value < large.size());
    });
}
