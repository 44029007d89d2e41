// P9: a large message changes hands with the memory that it was read into; what was read behind it stays.
#include "support/styles.hpp"
#include "support/test.hpp"

TEST_CASE("P9: what was read behind a large message comes next")
{
    for (const style s : all_styles) {
        INFO(name(s));
        auto [a, b] = socketpair(varint{});
        for (int round = 0; round < 3; ++round) {
            // All of it is there before the first read, which asks for a few bytes more than the message has.
            const std::size_t sizes[] = {100'000, 3, 0, 10};
            for (const std::size_t n : sizes)
                a.send(pattern(n), 20s);
            for (const std::size_t n : sizes) {
                const auto o = recv(s, b, 20s);
                CHECK_FALSE(o.error);
                CHECK(o.value == pattern(n));
            }
        }
    }
}
