// What a pickle may ask for, and what that must not do to the memory here.
#include <ferrule/python/pickle.hpp>

#include "support/memory_cap.hpp"
#include "support/test.hpp"

namespace {

py::value loaded(const std::string& pickle)
{
    return py::loads(bytes(byte_view(pickle)));
}

std::string text(const std::string& s)
{
    return std::string("\x8c") + static_cast<char>(s.size()) + s;
}

} // namespace

// The memory of the stack moves when it is full: nothing may still look at where it was. AddressSanitizer sees who does.
TEST_CASE("pickle: any opcode may be the one for which the stack grows")
{
    struct step {
        std::string opcodes;             // that find 'x' on top
        std::vector<std::string> become; // what is there instead
    };
    const std::vector<step> steps = {
        {"2", {"'x'", "'x'"}},
        {"\x94h" + std::string(1, '\0'), {"'x'", "'x'"}},
        {"q\x40h\x40", {"'x'", "'x'"}}, // far from the memo's beginning
        {"p3\ng3\n", {"'x'", "'x'"}},
        {"\x85", {"('x',)"}},
        {"2\x86", {"('x', 'x')"}},
        {"22\x87", {"('x', 'x', 'x')"}},
        {"]2a", {}}, // contains itself: only survived
        {"](K\x01K\x02"
         "e",
         {"'x'", "[1, 2]"}},
        {"}K\x01K\x02s", {"'x'", "{1: 2}"}},
        {"}(K\x01K\x02u", {"'x'", "{1: 2}"}},
        {"\x8f(K\x01K\x02\x90", {"'x'", "{1, 2}"}},
        {"(K\x01K\x02\x91", {"'x'", "frozenset({1, 2})"}},
        {"(K\x01K\x02t", {"'x'", "(1, 2)"}},
        {"(K\x01K\x02l", {"'x'", "[1, 2]"}},
        {"(K\x01K\x02"
         "d",
         {"'x'", "{1: 2}"}},
        {"ca\nb\n)R", {"'x'", "a.b()"}},
        {"ca\nb\n)}\x92", {"'x'", "a.b(**{})"}},
        {"ca\nb\n)\x81}b", {"'x'", "a.b().state={}"}},
        {"ca\nb\n)R](K\x01"
         "e0",
         {"'x'", "a.b()"}},
        {text("a") + text("b") + "\x93", {"'x'", "a.b"}},
        {"(ia\nb\n", {"'x'", "a.b()"}},
        {"(ca\nb\nK\x01o", {"'x'", "a.b(1)"}},
        {"N", {"'x'", "None"}},
        {"(K\x01"
         "1",
         {"'x'"}},
    };
    const std::string padding = text(std::string(100, '-')) + "0"; // so that the memo may have numbers up to 100
    for (const step& s : steps) {
        CAPTURE(s.opcodes);
        for (std::size_t below = 0; below < 260; ++below) {
            std::string pickle = "\x80\x04" + padding + "(";
            for (std::size_t i = 0; i < below; ++i)
                pickle += text("p");
            pickle += text("x") + s.opcodes + "t.";
            const py::value v = loaded(pickle);
            if (s.become.empty())
                continue;
            REQUIRE(v.size() == below + s.become.size());
            for (std::size_t i = 0; i < v.size(); ++i) {
                const std::string found = v[i].repr();
                if (found != (i < below ? "'p'" : s.become[i - below]))
                    FAIL_CHECK("element " << i << " above " << below << " others is " << found);
            }
        }
    }
}

// Far enough that the system takes back the memory that was left, and an access to it cannot go unseen.
TEST_CASE("pickle: the stack grows while its top is duplicated")
{
    constexpr std::size_t copies = 2'200'000;
    const py::value v = loaded("\x80\x04(" + text("x") + std::string(copies, '2') + "l.");
    REQUIRE(v.size() == copies + 1);
    for (const std::size_t i : {std::size_t{0}, std::size_t{64}, std::size_t{1} << 17, std::size_t{1} << 21, copies})
        CHECK(v[i] == py::value("x"));
}

TEST_CASE("pickle: what is copied again and again counts as so many values")
{
    const std::string many(200'000, 'N');
    std::string again;
    for (int i = 0; i < 1000; ++i)
        again += std::string("h\1h\0\x85R0", 7);
    const memory_cap cap(512 << 20);
    CHECK(code_of([&] {
              return loaded("\x80\x02(" + many +
                            "l\x94"
                            "0c__builtin__\nset\n\x94" +
                            again + "N.");
          }) == errc::too_large);
    std::string size("\0\0\x04\0", 4); // 256 KiB
    std::string encoded_again;
    for (int i = 0; i < 1000; ++i)
        encoded_again += std::string("h\1h\0R0", 6);
    CHECK(code_of([&] {
              return loaded("\x80\x02X" + size + std::string(256 << 10, 'x') + text("latin1") +
                            "\x86\x94"
                            "0c_codecs\nencode\n\x94" +
                            encoded_again + "N.");
          }) == errc::too_large);
}
