// Receiving when memory or descriptors run out at any point: the call says so or succeeds, and nothing is lost.
#include "contract/posix/shortage.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>

namespace {

// Lines, which are messages as well. The last is large enough to be read into the caller's memory, and to change hands.
const std::string first_line = "first line\n";
const std::string content = first_line + std::string(100'000, 'x') + "\n";

// ---- the calls: what they are, and what they have taken off the stream ----

std::string text(const bytes& b)
{
    return std::string(b.text());
}
std::string line(const bytes& b)
{
    return text(b) + "\n";
}

struct recv_chunk {
    using end = duplex;
    static bytes call(end& e, const until& l) { return e.recv(l); }
    static auto start(end& e, auto... rest) { return e.async_recv(rest...); }
    static std::string taken(const bytes& b) { return text(b); }
};
struct recv_exactly {
    using end = duplex;
    static bytes call(end& e, const until& l) { return e.recv(content.size(), l); }
    static auto start(end& e, auto... rest) { return e.async_recv(content.size(), rest...); }
    static std::string taken(const bytes& b) { return text(b); }
};
struct recv_into {
    using end = duplex;
    std::size_t call(end& e, const until& l) { return e.recv_into(*memory, l); }
    auto start(end& e, auto... rest) { return e.async_recv_into(*memory, rest...); }
    std::string taken(std::size_t n) const { return std::string(byte_view(memory->data(), n).text()); }
    std::shared_ptr<std::vector<std::byte>> memory = std::make_shared<std::vector<std::byte>>(content.size());
};
struct recv_some_into : recv_into {
    std::size_t call(end& e, const until& l) { return e.recv_some_into(*memory, l); }
    auto start(end& e, auto... rest) { return e.async_recv_some_into(*memory, rest...); }
};
struct recv_until {
    using end = duplex;
    static bytes call(end& e, const until& l) { return e.recv_until("x\n", l); }
    static auto start(end& e, auto... rest) { return e.async_recv_until("x\n", rest...); }
    static std::string taken(const bytes& b) { return text(b); }
};
struct recv_line {
    using end = duplex;
    static bytes call(end& e, const until& l) { return e.recv_line(l); }
    static auto start(end& e, auto... rest) { return e.async_recv_line(rest...); }
    static std::string taken(const bytes& b) { return line(b); }
};
struct next_line {
    using end = duplex;
    static std::optional<bytes> call(end& e, const until& l) { return e.next_line(l); }
    static auto start(end& e, auto... rest) { return e.async_next_line(rest...); }
    static std::string taken(const std::optional<bytes>& b) { return line(*b); }
};
struct recv_all {
    using end = duplex;
    static bytes call(end& e, const until& l) { return e.recv_all(l); }
    static auto start(end& e, auto... rest) { return e.async_recv_all(rest...); }
    static std::string taken(const bytes& b) { return text(b); }
};
struct recv_until_silence {
    using end = duplex;
    static bytes call(end& e, const until& l) { return e.recv_until_silence(gap, l); }
    static auto start(end& e, auto... rest) { return e.async_recv_until_silence(gap, rest...); }
    static std::string taken(const bytes& b) { return text(b); }
    static constexpr auto gap = std::chrono::milliseconds(1);
};
struct recv_message {
    using end = message_duplex<lines>;
    static bytes call(end& e, const until& l) { return e.recv(l); }
    static auto start(end& e, auto... rest) { return e.async_recv(rest...); }
    static std::string taken(const bytes& b) { return line(b); }
};
struct next_message {
    using end = message_duplex<lines>;
    static std::optional<bytes> call(end& e, const until& l) { return e.next(l); }
    static auto start(end& e, auto... rest) { return e.async_next(rest...); }
    static std::string taken(const std::optional<bytes>& b) { return line(*b); }
};
struct recv_message_into {
    using end = message_duplex<lines>;
    std::size_t call(end& e, const until& l)
    {
        e.recv_into(*message, l);
        return message->size();
    }
    auto start(end& e, auto... rest) { return e.async_recv_into(*message, rest...); }
    std::string taken(std::size_t) const { return line(*message); }
    std::shared_ptr<bytes> message = std::make_shared<bytes>();
};

// ---- what is there when they are called ----

enum class arrival { whole, half, later };

struct nothing_lost {
    nothing_lost(duplex p, arrival w) : peer(std::move(p)), when(w) {}

    duplex peer;
    arrival when;

    void feed_first()
    {
        if (when != arrival::later)
            peer.send(std::string_view(content).substr(0, when == arrival::half ? content.size() / 2 : content.size()));
    }
    void feed_later()
    {
        if (when == arrival::later && !std::exchange(fed, true))
            peer.send(content);
    }
    // `ec`: how the call ended, which has taken so much.
    void check(const shortage& s, const error_code& ec, const std::string& taken, const endpoint& e)
    {
        const bool waited = when != arrival::whole && ec == errc::timed_out;
        INFO("ended with " << ec.message());
        CHECK((s.explains(ec) || waited));
        if (when == arrival::half)
            peer.send(std::string_view(content).substr(content.size() / 2));
        feed_later();
        if (peer.is_open())
            peer.shutdown_send();
        const std::string all = taken + text(duplex(e.channel(), limits()).recv_all(20s));
        CHECK(all.size() == content.size());
        CHECK((all == content));
    }

    bool fed = false;
};

template <class Call>
std::pair<typename Call::end, duplex> connected()
{
    auto [a, b] = socketpair();
    if constexpr (std::same_as<typename Call::end, duplex>)
        return {a, b};
    else
        return {typename Call::end(a), b};
}

// What is there already takes no time, which a busy machine may not give.
until limit_of(arrival when)
{
    return when == arrival::whole ? until(20s) : until(2ms);
}

template <class Call>
constexpr bool waits_for_the_end = std::same_as<Call, recv_all>;

// ---- the ways to call ----

template <class Call>
void in_a_thread(shortage& s, arrival when)
{
    auto [end, peer] = connected<Call>();
    nothing_lost stream(peer, when);
    stream.feed_first();
    if (waits_for_the_end<Call> && when == arrival::whole)
        peer.shutdown_send();
    Call call;
    std::string taken;
    error_code ec;
    std::thread([&, &e = end] { // a new one, so that it has nothing of its own yet
        ec = s.during([&] {
            auto r = call.call(e, limit_of(when));
            const plenty p;
            taken = call.taken(r);
        });
    })
        .join();
    stream.check(s, ec, taken, end);
}

template <class Call>
void with_a_handler(shortage& s, arrival when, bool context_ends)
{
    auto [end, peer] = connected<Call>();
    nothing_lost stream(peer, when);
    stream.feed_first();
    if (waits_for_the_end<Call> && when == arrival::whole)
        peer.shutdown_send();
    Call call;
    std::string taken;
    error_code ec;
    unsigned called = 0;
    bool begun = false;
    {
        auto context = std::make_unique<asio::io_context>();
        const error_code thrown = s.during([&] {
            call.start(end, limit_of(when), asio::bind_executor(*context, [&](error_code e, auto r) {
                           const plenty p;
                           ++called;
                           ec = e;
                           if (!e)
                               taken = call.taken(r);
                       }));
            begun = true;
            context->poll();
            {
                const plenty p;
                stream.feed_later();
                if (context_ends)
                    return context.reset();
                context->restart();
            }
            context->run();
        });
        CHECK((!begun || !thrown)); // nothing leaves `run`
        CHECK(s.explains(thrown));
    }
    CHECK(called <= (begun ? 1u : 0u));
    if (begun && !context_ends)
        CHECK(called == 1);
    stream.check(s, ec, taken, end);
}

template <class Call, class... Token>
void in_a_coroutine(shortage& s, arrival when, Token... token)
{
    auto [end, peer] = connected<Call>();
    nothing_lost stream(peer, when);
    stream.feed_first();
    if (waits_for_the_end<Call> && when == arrival::whole)
        peer.shutdown_send();
    Call call;
    std::string taken;
    error_code ec;
    bool ended = false;
    asio::io_context context;
    const auto body = [&, &e = end]() -> asio::awaitable<void> {
        try {
            const until limit = limit_of(when);
            s.begin();
            auto r = co_await call.start(e, limit, token...);
            s.end();
            taken = call.taken(r);
        } catch (...) {
            s.end();
            ec = detail::thrown_code();
        }
        ended = true;
    };
    asio::co_spawn(context, body(), asio::detached);
    asio::post(context, [&] {
        const plenty p;
        stream.feed_later();
    });
    CHECK_NOTHROW(context.run());
    CHECK(ended);
    stream.check(s, ec, taken, end);
}

template <class Call>
void check(const char* name)
{
    for (const arrival when : {arrival::whole, arrival::half, arrival::later}) {
        const std::string what = std::string(name) + (when == arrival::whole  ? ", all is there"
                                                      : when == arrival::half ? ", half is there"
                                                                              : ", all comes later");
        if (when != arrival::later)
            with_each_shortage(what + ", in a thread", [&](shortage& s) { in_a_thread<Call>(s, when); });
        with_each_shortage(what + ", with a handler", [&](shortage& s) { with_a_handler<Call>(s, when, false); });
        with_each_shortage(what + ", and the context ends", [&](shortage& s) { with_a_handler<Call>(s, when, true); });
        with_each_shortage(what + ", in a coroutine", [&](shortage& s) { in_a_coroutine<Call>(s, when); });
        with_each_shortage(what + ", with use_awaitable",
                           [&](shortage& s) { in_a_coroutine<Call>(s, when, asio::use_awaitable); });
    }
}

} // namespace

TEST_CASE("exhaustion: receives of bytes")
{
    check<recv_chunk>("recv");
    check<recv_exactly>("recv(n)");
}
TEST_CASE("exhaustion: receives into the caller's memory")
{
    check<recv_into>("recv_into");
    check<recv_some_into>("recv_some_into");
}
TEST_CASE("exhaustion: receives up to a separator")
{
    check<recv_until>("recv_until");
    check<recv_line>("recv_line");
    check<next_line>("next_line");
}
TEST_CASE("exhaustion: receives up to the end")
{
    check<recv_all>("recv_all");
}
TEST_CASE("exhaustion: receives up to a silence")
{
    check<recv_until_silence>("recv_until_silence");
}
TEST_CASE("exhaustion: receives of messages")
{
    check<recv_message>("recv of a message");
    check<next_message>("next");
    check<recv_message_into>("recv_into of a message");
}
