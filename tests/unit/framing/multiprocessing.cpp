#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/testing/framing_contract.hpp>

#include "support/test.hpp"

#include <cmath>

using namespace ferrule::python;

static_assert(typed_framing<multiprocessing>);

TEST_CASE("multiprocessing: values keep the contract of framings, and what is none is reported")
{
    ferrule::testing::check_framing(multiprocessing(), {nullptr, 1, "text", value{1, "two", list{3.0}},
                                                        dict{{"k", value(type::bytes, std::string(70'000, 'x'))}}});
    auto [a, b] = socketpair(multiprocessing());
    const auto raw = a.with(multiprocessing_bytes());
    message_duplex garbage = raw;
    garbage.send("no pickle");
    garbage.send("");
    a.send(7);
    for (int i = 0; i < 2; ++i) {
        error_code ec;
        (void)b.recv({}, ec);
        CHECK(ec == errc::invalid_value);
    }
    CHECK(b.recv().as<int>() == 7);
    CHECK_THROWS_AS(a.send(value::global("os", "system")), usage_error);
    a.send("still usable");
    CHECK(b.recv() == value("still usable"));
}
