// `msgpack_messages` against Python's msgpack package.
#include "integration/peers.hpp"
#include "support/test.hpp"

#include <ferrule/framing/msgpack.hpp>

#include <ctime>

using namespace std::string_literals;

namespace {

// Python's reads are of 16 KiB, so messages arrive there in pieces.
const std::string prologue = R"(
import msgpack, socket
class single(float): # travels as a float of 32 bits
    pass
stream = socket.socket(fileno=3)
unpacker = msgpack.Unpacker(stream.makefile("rb", 0), strict_map_key=False)
packer, single_packer = msgpack.Packer(), msgpack.Packer(use_single_float=True)
def send(*values, end=b""):
    pack = lambda v: (single_packer if isinstance(v, single) else packer).pack(v)
    stream.sendall(b"".join(map(pack, values)) + end)
def expect(expected):
    got = unpacker.unpack()
    same_type = type(got) is (float if isinstance(expected, float) else type(expected))
    assert same_type and got == expected, (got, expected)
)";

class row {
public:
    template <class T>
    row(std::string e, const T& v) : expression(std::move(e)),
                                     value(v)
    {
    }

    std::string expression; // in Python
    msgpack_object value;
};

// Every format of MessagePack, at both ends of its range.
std::vector<row> rows()
{
    const auto ext = [](std::int8_t type, const std::string& data) {
        return ::msgpack::type::ext(type, data.data(), static_cast<std::uint32_t>(data.size()));
    };
    using strings = std::map<std::string, std::string>;
    std::vector<row> all = {
        {"None", ::msgpack::type::nil_t()},
        {"True", true},
        {"False", false},
        {"0.1", 0.1},
        {"-1.7976931348623157e308", std::numeric_limits<double>::lowest()},
        {"5e-324", std::numeric_limits<double>::denorm_min()},
        {"float('inf')", std::numeric_limits<double>::infinity()},
        {"single(1.5)", 1.5F},
        {"single('-inf')", -std::numeric_limits<float>::infinity()},
        {"'grüße, 世界 🚀\\0'", "grüße, 世界 🚀\0"s},
        {"{'a': {'b': [{'c': {'d': 'e'}}, {}]}}",
         std::map<std::string, std::map<std::string, std::vector<std::map<std::string, strings>>>>{
             {"a", {{"b", {{{"c", {{"d", "e"}}}}, {}}}}}}},
        {"msgpack.Timestamp(1700000000)", ext(-1, "\x65\x53\xF1\0"s)},
    };
    for (const std::uint64_t n :
         {0ULL, 127ULL, 128ULL, 255ULL, 256ULL, 65535ULL, 65536ULL, 4294967295ULL, 4294967296ULL,
          9223372036854775807ULL, 9223372036854775808ULL, 18446744073709551615ULL})
        all.emplace_back(std::to_string(n), n);
    for (const std::int64_t n : {-1LL, -32LL, -33LL, -128LL, -129LL, -32768LL, -32769LL, -2147483648LL, -2147483649LL,
                                 std::numeric_limits<long long>::min()})
        all.emplace_back(std::to_string(n), n);
    for (const std::size_t n : {0U, 1U, 2U, 4U, 8U, 15U, 16U, 17U, 31U, 32U, 255U, 256U, 65535U, 65536U, 1U << 20}) {
        const std::string times = " * " + std::to_string(n);
        all.emplace_back("'x'" + times, std::string(n, 'x'));
        all.emplace_back("b'x'" + times, std::vector<char>(n, 'x'));
        all.emplace_back("msgpack.ExtType(5, b'x'" + times + ")", ext(5, std::string(n, 'x')));
        if (n > 65536)
            continue;
        std::map<int, std::string> pairs;
        for (std::size_t i = 0; i < n; ++i)
            pairs.emplace(static_cast<int>(i), "v");
        all.emplace_back("[1000]" + times, std::vector<int>(n, 1000));
        all.emplace_back("dict.fromkeys(range(" + std::to_string(n) + "), 'v')", pairs);
    }
    return all;
}

} // namespace

TEST_CASE("msgpack: values of every format are the same for Python and C++, byte for byte")
{
    const std::string program = python_with("msgpack");
    const std::vector<row> all = rows();
    std::vector<std::string> arguments;
    for (const row& r : all)
        arguments.push_back(r.expression);
    auto [ours, theirs] = socketpair();
    child c = start_python(program, prologue + R"(
for e in sys.argv[1:]:
    expected = eval(e)
    expect(expected)
    send(expected, expected)
)",
                           theirs, arguments);
    message_duplex<msgpack_messages<>> values(ours);
    message_reader<msgpack_bytes> raw(ours);
    style s = style::blocking;
    for (const row& r : all) {
        CAPTURE(r.expression, s == style::coroutine);
        bytes encoded;
        REQUIRE_FALSE(msgpack_codec<>().encode(r.value, encoded));
        send(values, r.value, s);
        CHECK((recv(values, s) == r.value));
        CHECK((recv(raw, s) == encoded)); // so both choose the shortest form
        s = s == style::blocking ? style::coroutine : style::blocking;
    }
    CHECK(code_of([&] { values.recv(timeout); }) == errc::end_of_stream);
    expect_success(c);
}

TEST_CASE("msgpack: a timespec is a Timestamp of Python")
{
    const std::string program = python_with("msgpack");
    // Ext −1 of 4, 8 and 12 bytes.
    static constexpr timespec times[] = {{1'700'000'000, 0}, {1'700'000'000, 5}, {-2, 999'999'999}};
    auto [mine, theirs] = socketpair(msgpack_messages<timespec>());
    child c = start_python(program, prologue + R"(
for t in (1700000000, 0), (1700000000, 5), (-2, 999999999):
    expect(msgpack.Timestamp(*t))
    send(msgpack.Timestamp(*t))
)",
                           theirs);
    for (const timespec& t : times) {
        send(mine, t);
        const timespec back = recv(mine);
        CHECK(back.tv_sec == t.tv_sec);
        CHECK(back.tv_nsec == t.tv_nsec);
    }
    expect_success(c);
}

namespace {

struct address {
    std::string street;
    int number = 0;
};
struct person {
    int id = 7;
    double weight = 0;
    std::string name;
    std::vector<int> scores = {1, 2};
    std::map<std::string, double> prices;
    std::optional<std::string> nick;
    address home;
    std::vector<address> others;
};

} // namespace

TEST_CASE("msgpack: a plain struct is a dict of Python with the names of its fields")
{
    const std::string program = python_with("msgpack");
    for (const style s : {style::blocking, style::coroutine}) {
        auto [mine, theirs] = socketpair(msgpack_messages<person>());
        child c = start_python(program, prologue + R"(
ada = {"id": -5, "weight": 61.5, "name": "Ada Ümläut", "scores": [3, 70000], "prices": {"a": 0.5, "b": -1.0},
       "nick": "A", "home": {"street": "Side", "number": 300}, "others": [{"street": "", "number": 0}]}
expect(ada)
large = unpacker.unpack()
assert large.pop("name") == text(1 << 20).decode()
assert large == {"id": 7, "weight": 0.0, "scores": [1, 2], "prices": {}, "nick": None,
                 "home": {"street": "", "number": 0}, "others": []}
send(ada)
# Another order, an unknown name, some that are missing, an integer where a double is expected.
send({"unknown": [1, {2: 3}], "weight": 61, "home": {"number": 2}, "id": 8, "nick": None})
send(dict(ada, name=text(1 << 20).decode()))
send("nobody", dict(ada, id="five"), dict(ada, id=1 << 40), [1, 2], ada)
)",
                               theirs);
        person ada;
        ada.id = -5;
        ada.weight = 61.5;
        ada.name = "Ada Ümläut";
        ada.scores = {3, 70000};
        ada.prices = {{"a", 0.5}, {"b", -1.0}};
        ada.nick = "A";
        ada.home = {"Side", 300};
        ada.others.resize(1);
        const auto is_ada = [&](const person& p) {
            return p.id == ada.id && p.weight == ada.weight && p.scores == ada.scores && p.prices == ada.prices &&
                   p.nick == ada.nick && p.home.street == "Side" && p.home.number == 300 && p.others.size() == 1;
        };
        send(mine, ada, s);
        person large;
        large.name = text(1 << 20);
        send(mine, large, s);

        const person back = recv(mine, s);
        CHECK(is_ada(back));
        CHECK(back.name == ada.name);
        const person partial = recv(mine, s);
        CHECK(partial.id == 8);
        CHECK(partial.weight == 61);
        CHECK(partial.scores == std::vector<int>{1, 2}); // as it is initialised
        CHECK(partial.name.empty());
        CHECK_FALSE(partial.nick);
        CHECK(partial.home.number == 2);
        const person bulky = recv(mine, s);
        CHECK(is_ada(bulky));
        CHECK((bulky.name == text(1 << 20)));
        // What is no person is taken off the stream, and the next is read.
        for (int i = 0; i < 4; ++i) {
            CAPTURE(i);
            CHECK(code_of([&, &m = mine] { recv(m, s); }) == errc::invalid_value);
        }
        CHECK(is_ada(recv(mine, s)));
        expect_success(c);
    }
}

TEST_CASE("msgpack: exactly one object is taken off Python's stream, and raw bytes follow it")
{
    const std::string program = python_with("msgpack");
    const std::vector<std::string> values = {"None",
                                             "-1",
                                             "1 << 63",
                                             "0.5",
                                             "''",
                                             "'x' * 300",
                                             "b'x' * (1 << 20)",
                                             "[]",
                                             "{1: [[], {}, 'x']}",
                                             "msgpack.ExtType(1, b'12345')",
                                             "[{'k': i} for i in range(70000)]"};
    auto [ours, theirs] = socketpair();
    child c = start_python(program, prologue + R"(
for v in sys.argv[1:]:
    send(eval(v), end=b"\x93raw") # what would be the beginning of an array
    send(eval(v), len(v))
    assert stream.recv(4, socket.MSG_WAITALL) == b"\xdbraw"
)",
                           theirs, values);
    message_duplex<msgpack_messages<>> messages(ours);
    reader raw(ours);
    for (const std::string& v : values) {
        CAPTURE(v);
        const msgpack_object value = recv(messages);
        CHECK(raw.recv(4, timeout).text() == "\x93raw");
        CHECK((recv(messages, style::coroutine) == value));
        CHECK(recv(messages).as<std::size_t>() == v.size());
        ours.send("\xDBraw", timeout);
    }
    CHECK(code_of([&] { raw.recv(timeout); }) == errc::end_of_stream);
    expect_success(c);
}
