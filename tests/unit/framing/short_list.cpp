#include <ferrule/framing/short_list.hpp>

#include "support/test.hpp"

using list = ferrule::detail::short_list<int, 2>;

namespace {

std::vector<int> values(const list& l)
{
    return {l.all().begin(), l.all().end()};
}

} // namespace

TEST_CASE("short_list: values stay in order while it outgrows its own memory")
{
    list l;
    for (int i = 1; i <= 5; ++i) {
        l.grow(1)[0] = i;
        CHECK(l.size() == static_cast<std::size_t>(i));
    }
    CHECK(values(l) == std::vector<int>{1, 2, 3, 4, 5});
    l.clear();
    CHECK(values(l).empty());
    l.grow(2)[1] = 7;
    CHECK(l.all()[1] == 7);
}

TEST_CASE("short_list: one that was moved from is empty, short or long")
{
    for (const int n : {1, 4}) {
        CAPTURE(n);
        list from;
        for (int i = 0; i < n; ++i)
            from.grow(1)[0] = i;
        const list to = std::move(from);
        CHECK(to.size() == static_cast<std::size_t>(n));
        CHECK(values(to).back() == n - 1);
        CHECK(from.size() == 0); // NOLINT: that is what is tested
    }
}
