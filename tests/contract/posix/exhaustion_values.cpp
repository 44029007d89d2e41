// Values of every codec when memory runs out at any point: a send leaves nothing or a whole message behind, and a receive takes one
// message at most.
#include "contract/posix/in_want.hpp"
#include "contract/posix/shortage.hpp"
#include "support/test.hpp"

#include <ferrule/framing/any_framing.hpp>
#include <ferrule/framing/json.hpp>
#include <ferrule/framing/msgpack.hpp>
#include <ferrule/framing/multiprocessing.hpp>

#include <boost/json.hpp>

namespace json = boost::json;

namespace {

using table = std::map<std::string, std::vector<std::string>>;

template <framing Framing>
void check(const std::string& name, const Framing& f, const typename Framing::message_type& first,
           const typename Framing::message_type& next)
{
    using message = typename Framing::message_type;
    for (const way w : all_ways) {
        with_each_shortage(name + ", sending", [&](shortage& s) {
            auto [a, b] = socketpair(f);
            const error_code ec = in_want(
                s, w, 10s, [&, &e = a](const until& l) { return e.send(first, l); },
                [&, &e = a](auto... rest) { return e.async_send(first, rest...); }, [](std::size_t) {});
            CHECK(s.explains(ec));
            a.send(next, 10s);
            if (!ec)
                CHECK((b.recv(10s) == first));
            CHECK((b.recv(10s) == next));
        });
        with_each_shortage(name + ", receiving", [&](shortage& s) {
            auto [a, b] = socketpair(f);
            b.send(first, 10s);
            b.send(next, 10s);
            std::optional<message> got;
            const error_code ec = in_want(
                s, w, 10s, [&, &e = a](const until& l) { return e.recv(l); },
                [&, &e = a](auto... rest) { return e.async_recv(rest...); }, [&](message m) { got = std::move(m); });
            CHECK(s.explains(ec));
            if (!ec)
                CHECK((*got == first));
            message m = a.recv(10s);
            if (ec && m == first) // else it was taken off the stream, and no value could be made of it
                m = a.recv(10s);
            CHECK((m == next));
        });
    }
}

const std::string long_text(100, 't');

} // namespace

TEST_CASE("exhaustion: values of JSON")
{
    const json::value value = {{"a key that is no short string", {1, long_text, {{"inner", nullptr}}}}, {"other", 2.5}};
    check("JSON lines", json_lines<>(), value, "next");
    check("JSON with headers", json_content_length<>(), value, "next");
    check("JSON of C++ types", json_lines<table>(), {{long_text, {"a", long_text}}}, {});
    check("JSON of either dialect", json_messages<>(), value, "next");
}
TEST_CASE("exhaustion: values of MessagePack")
{
    check("MessagePack", msgpack_messages<table>(), {{long_text, {"a", long_text}}}, {});
}
TEST_CASE("exhaustion: values of Python")
{
    const py::value value{long_text, py::dict{{"key", {1, 2.5, long_text}}}, py::value("last")};
    check("pickles", multiprocessing(), value, "next");
}
TEST_CASE("exhaustion: values of Python need no memory, and little stack, to be destroyed")
{
    for (const bool twice : {false, true}) { // each is within the next one
        with_each_shortage("destroying values", [twice](shortage& s) {
            py::value v = long_text;
            for (int depth = 0; depth < 100'000; ++depth) {
                const py::value other{depth, depth};
                v = twice ? py::value{v, other, v} : py::value{other, v};
            }
            CHECK(!s.during([&] { v = py::value(); }));
            CHECK_FALSE(s.has_refused());
        });
    }
}
TEST_CASE("exhaustion: framings by name")
{
    for (const char* name : {"varint", "lines", "lsp", "netstring"}) {
        CAPTURE(name);
        const auto f = any_framing(name);
        check(name, f, bytes("first"), bytes("next"));
    }
}
