// limited and progress.
#include <ferrule/framing/json.hpp>
#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/framing/limited.hpp>
#include <ferrule/framing/progress.hpp>

#include "support/test.hpp"

static_assert(byte_framing<limited<varint>>);
static_assert(byte_framing<progress<limited<varint>>>);
static_assert(typed_framing<progress<limited<json_lines<>>>>);

namespace {

// What a progress function was told.
class told {
public:
    auto function()
    {
        return [this](std::size_t done, std::size_t total) { calls.emplace_back(done, total); };
    }
    void expect_whole(std::size_t size)
    {
        REQUIRE(!calls.empty());
        for (std::size_t i = 0; i < calls.size(); ++i) {
            CHECK(calls[i].first <= calls[i].second);
            CHECK((i == 0 || calls[i - 1].first < calls[i].first));
        }
        CHECK(calls.back() == std::pair(size, size));
    }

    std::vector<std::pair<std::size_t, std::size_t>> calls;
};

} // namespace

TEST_CASE("progress: both ends hear how far a message has come")
{
    told sent;
    told received;
    auto [a, b] = socketpair(progress<varint>(received.function(), sent.function()));
    const std::string large(8 << 20, 'x');
    auto sending = std::async(std::launch::async, [&out = a, &large] { out.send(large, std::chrono::seconds(20)); });
    CHECK((b.recv(std::chrono::seconds(20)) == byte_view(large)));
    sending.get();
    const std::size_t frame = large.size() + 4;
    sent.expect_whole(frame);
    received.expect_whole(frame);
    CHECK(sent.calls.size() > 1);
    CHECK(received.calls.size() > 1);
    for (const auto& [done, total] : received.calls)
        CHECK((total == frame || done < 4));
    for (const auto& [done, total] : sent.calls)
        CHECK(total == frame);

    sent.calls.clear();
    received.calls.clear();
    a.send("small");
    CHECK(b.recv() == byte_view("small"));
    sent.expect_whole(6);
    received.expect_whole(6);
    CHECK(sent.calls.size() == 1);
    CHECK(received.calls.size() == 1);

    received.calls.clear();
    a.as_bytes().send("\5he");
    for (int i = 0; i < 3; ++i) // the same bytes, looked at again
        CHECK_THROWS_AS(b.recv(std::chrono::seconds(0)), timeout_error);
    CHECK(received.calls.size() == 1);
    a.as_bytes().send("llo");
    CHECK(b.recv() == byte_view("hello"));
    received.expect_whole(6);
}

TEST_CASE("progress: what a function throws ends the receive, and nothing is lost")
{
    bool throws = true;
    const auto angry = [&throws](std::size_t, std::size_t) {
        if (throws)
            throw std::runtime_error("enough");
    };
    auto [a, b] = socketpair(progress<varint>(angry, {}));
    a.send("hello");
    CHECK_THROWS_WITH(b.recv(), "enough");
    throws = false;
    CHECK(b.recv() == byte_view("hello"));
}

TEST_CASE("progress: what a function throws ends the send, and the endpoint owns the rest")
{
    bool throws = true;
    const auto angry = [&throws](std::size_t, std::size_t) {
        if (throws)
            throw std::runtime_error("enough");
    };
    auto [a, b] = socketpair(progress<varint>({}, angry));
    const std::string large(8 << 20, 'x');
    CHECK_THROWS_WITH(a.send(large, std::chrono::seconds(20)), "enough");
    CHECK(a.unsent() > 0);
    throws = false;
    auto sending = std::async(std::launch::async, [&out = a] { out.send("next", std::chrono::seconds(20)); });
    CHECK((b.recv(std::chrono::seconds(20)) == byte_view(large)));
    CHECK(b.recv(std::chrono::seconds(20)) == byte_view("next"));
    sending.get();
}

TEST_CASE("progress: values and packets are watched too")
{
    told sent;
    auto [a, b] = socketpair(progress<json_lines<>>({}, sent.function()));
    a.send({{"key", 1}});
    CHECK(b.recv() == boost::json::value{{"key", 1}});
    sent.expect_whole(10);
}
