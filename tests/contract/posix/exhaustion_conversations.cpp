// Many conversations in which memory and descriptors run out at random: every message arrives whole and in order, and nothing is left
// behind.
//
//     FERRULE_CONVERSATIONS=n   how many
//     FERRULE_SEED=n            begin with this seed, or at random if n is "random"; a failure names its own
#include "contract/posix/scarce.hpp"
#include "contract/posix/shortage.hpp"
#include "support/random.hpp"
#include "support/test.hpp"

#include <random>

namespace {

class conversation {
public:
    explicit conversation(std::uint64_t seed) : dice_(seed), seed_(seed) {}

    void run()
    {
        auto [a, b] = socketpair(varint());
        for (int i = 0; i < 3; ++i) {
            message_duplex<>& from = roll(2) != 0 ? a : b;
            message_duplex<>& to = &from == &a ? b : a;
            const std::string m(roll(4) == 0 ? roll(100'000) : roll(100), static_cast<char>('a' + i));
            std::string got;
            while (!again([&](auto... rest) { return from.async_send(m, rest...); },
                          [&](const until& l) { return from.send(m, l); }, [](std::size_t) {})) {
            }
            while (!again([&](auto... rest) { return to.async_recv(rest...); },
                          [&](const until& l) { return to.recv(l); },
                          [&](const bytes& r) { got = std::string(r.text()); })) {
            }
            CHECK((got == m));
        }
    }

private:
    std::uint64_t roll(std::uint64_t n) { return dice_() % n; }

    // One try in want, in one of the ways to call. False if it was refused what it needed.
    template <class Start, class Call, class Done>
    bool again(Start start, Call call, Done done)
    {
        const unsigned one_of = 2 + static_cast<unsigned>(roll(12));
        const std::uint64_t seed = dice_();
        error_code ec;
        const auto guarded = [&](auto f) {
            std::optional<scarcity> want;
            want.emplace(seed, one_of);
            try {
                f();
                want.reset();
            } catch (...) {
                want.reset();
                ec = detail::thrown_code();
            }
        };
        const auto block = [&] {
            auto r = call(until(10s));
            const plenty p;
            done(r);
        };
        switch (roll(16) == 0 ? 4 : roll(4)) { // a thread takes its time
        case 0: guarded(block); break;
        case 1: {
            unsigned called = 0;
            guarded([&] {
                asio::io_context context;
                bool begun = false;
                try {
                    start(until(10s), asio::bind_executor(context, [&](error_code e, auto r) {
                              const plenty p;
                              ++called;
                              ec = e;
                              if (!e)
                                  done(r);
                          }));
                    begun = true;
                    context.run();
                } catch (const std::bad_alloc&) {
                    const plenty p;
                    CHECK(!begun);
                    CHECK(called == 0);
                    throw;
                }
                const plenty p;
                CHECK(called == 1);
            });
            break;
        }
        case 2: in_a_coroutine(start, done, seed, one_of, ec); break;
        case 3: in_a_coroutine(start, done, seed, one_of, ec, asio::use_awaitable); break;
        case 4: std::thread([&] { guarded(block); }).join(); break;
        }
        if (ec) {
            INFO("seed " << seed_ << ": " << ec.message());
            CHECK(says_shortage(ec));
        }
        return !ec;
    }

    template <class Start, class Done, class... Token>
    static void in_a_coroutine(Start& start, Done& done, std::uint64_t seed, unsigned one_of, error_code& ec,
                               Token... token)
    {
        asio::io_context context;
        bool ended = false;
        const auto body = [&]() -> asio::awaitable<void> {
            std::optional<scarcity> want;
            try {
                const until limit(10s);
                want.emplace(seed, one_of);
                auto r = co_await start(limit, token...);
                want.reset();
                done(r);
            } catch (...) {
                want.reset();
                ec = detail::thrown_code();
            }
            ended = true;
        };
        asio::co_spawn(context, body(), asio::detached);
        CHECK_NOTHROW(context.run());
        CHECK(ended);
    }

    std::mt19937_64 dice_;
    std::uint64_t seed_;
};

} // namespace

TEST_CASE("exhaustion: ten thousand conversations leave nothing behind")
{
    const std::uint64_t first = seed();
#if defined(FERRULE_THREAD_SANITIZER)
    constexpr std::uint64_t usual = 1000; // it has to keep up with as many threads and contexts
#else
    constexpr std::uint64_t usual = 10'000;
#endif
    const std::uint64_t count = number_from("FERRULE_CONVERSATIONS", usual);
    settle_this_thread();
    std::size_t descriptors = 0;
    std::int64_t objects = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i == 100) { // by now this thread has what it keeps
            descriptors = open_descriptors().size();
            objects = live_objects();
        } else if (i > 100 && (i % 1000 == 0 || i + 1 == count)) {
            CHECK(open_descriptors().size() <= descriptors);
            CHECK(live_objects() <= objects + 8);
        }
        INFO("to repeat: FERRULE_SEED=" << first + i << " FERRULE_CONVERSATIONS=1");
        conversation(first + i).run();
    }
}
