
#include "support/test.hpp"

namespace {

bytes of(std::string_view text)
{
    return bytes(byte_view(text));
}

} // namespace

static_assert(!std::is_copy_constructible_v<bytes> && !std::is_copy_assignable_v<bytes>);
static_assert(std::is_nothrow_move_constructible_v<bytes> && std::is_nothrow_move_assignable_v<bytes>);
static_assert(!std::is_convertible_v<std::string, bytes>, "a copy is never implicit");
// What is not made of single bytes does not turn into bytes by accident.
static_assert(!std::is_convertible_v<std::vector<int>, byte_view> && !std::is_convertible_v<int, byte_view>);
static_assert(!std::is_convertible_v<std::wstring, byte_view> && !std::is_convertible_v<int (&)[4], byte_view>);
static_assert(!std::is_convertible_v<std::vector<std::string>, byte_view>);

TEST_CASE("bytes: a new object is empty and holds no memory")
{
    const bytes b;
    CHECK(b.empty());
    CHECK(b.size() == 0);
    CHECK(b.capacity() == 0);
    CHECK(b.footprint() == 0);
    CHECK(b.text().empty());
    CHECK(b.begin() == b.end());
    CHECK(b == byte_view());
}

TEST_CASE("bytes: holds a copy of what it is made from")
{
    std::string source = "ferrule";
    const bytes b{byte_view(source)};
    source[0] = 'X';
    CHECK(b.text() == "ferrule");
    CHECK(b.size() == 7);
    CHECK(b[0] == std::byte{'f'});
    CHECK(std::string(b.text().rbegin(), b.text().rend()) == "elurref");
    CHECK(bytes(byte_view()).empty());
}

TEST_CASE("bytes: appending keeps what was there and grows ahead of need")
{
    bytes b;
    std::string expected;
    std::size_t moves = 0;
    std::size_t capacity = 0;
    for (int i = 0; i < 20000; ++i) {
        const std::string piece(static_cast<std::size_t>(i % 7), static_cast<char>('a' + i % 26));
        b.append(piece);
        expected += piece;
        moves += b.capacity() != capacity;
        capacity = b.capacity();
        REQUIRE(b.capacity() >= b.size());
    }
    CHECK(b.text() == expected);
    CHECK(moves < 60);                   // geometric: about log(60000) / log(1.5)
    CHECK(b.capacity() <= 2 * b.size()); // and not wasteful
    b.append({});                        // nothing changes nothing
    CHECK(b.capacity() == capacity);
}

TEST_CASE("bytes: may be appended to themselves, however the memory moves")
{
    bytes b(byte_view("..0123456789"));
    b.drop_front(2); // room at the front, which growing may close
    std::string expected = "0123456789";
    for (std::size_t i = 0; i < 20'000; ++i) {
        const std::size_t from = i % expected.size();
        const std::size_t n = std::min<std::size_t>(i % 11, expected.size() - from);
        b.append(byte_view(b).subspan(from, n));
        expected += expected.substr(from, n);
        if (i % 100 == 0) {
            b.drop_front(5);
            expected.erase(0, 5);
        }
    }
    CHECK(b.text() == expected);
}

TEST_CASE("bytes: one append of a whole message allocates just that")
{
    bytes b;
    b.append(std::string(100'000, 'x'));
    CHECK(b.size() == 100'000);
    CHECK(b.footprint() == 100'000);
}

TEST_CASE("bytes: dropping from the front moves nothing and frees nothing")
{
    bytes b = of("0123456789");
    const auto* data = b.data();
    const auto footprint = b.footprint();
    b.drop_front(0);
    CHECK(b.data() == data);
    b.drop_front(4);
    CHECK(b.text() == "456789");
    CHECK(b.data() == data + 4);
    CHECK(b.footprint() == footprint);
    CHECK(b.capacity() == footprint - 4);
    b.drop_front(6);
    CHECK(b.empty());
    CHECK(b.data() == data); // all of the room is there again
    CHECK(b.capacity() == footprint);
}

TEST_CASE("bytes: reserve closes a gap at the front that is at least as large as the rest, without new memory")
{
    bytes b = of("0123456789");
    b.drop_front(5);
    const auto footprint = b.footprint();
    b.reserve(footprint);
    CHECK(b.text() == "56789");
    CHECK(b.footprint() == footprint);
    CHECK(b.capacity() == footprint);
}

TEST_CASE("bytes: reserve carries a smaller gap along")
{
    bytes b = of("0123456789");
    b.drop_front(4);
    b.reserve(10);
    CHECK(b.text() == "456789");
    CHECK(b.capacity() >= 10);
    CHECK(b.footprint() >= 10);
}

TEST_CASE("bytes: a queue that is filled behind and emptied in front keeps its memory bounded")
{
    bytes b;
    std::size_t largest = 0;
    std::uint8_t in = 0;
    std::uint8_t out = 0;
    for (int i = 0; i < 50000; ++i) {
        std::array<std::uint8_t, 10> piece;
        for (auto& x : piece)
            x = in++;
        b.append(piece);
        while (b.size() > 100) {
            REQUIRE(b[0] == std::byte{out++});
            b.drop_front(1);
        }
        largest = std::max(largest, b.footprint());
    }
    CHECK(largest < 1000); // 110 bytes at a time of half a megabyte in all
}

TEST_CASE("bytes: reserve never shrinks, and reserve(0) allocates nothing")
{
    bytes b;
    b.reserve(0);
    CHECK(b.footprint() == 0);
    b.reserve(1000);
    CHECK(b.capacity() >= 1000);
    CHECK(b.empty());
    const auto capacity = b.capacity();
    b.reserve(1);
    CHECK(b.capacity() == capacity);
}

TEST_CASE("bytes: impossible sizes throw bad_alloc and leave the object as it was")
{
    bytes b = of("0123456789");
    const auto drop = GENERATE(0u, 2u, 8u);
    b.drop_front(drop);
    const std::string before(b.text());
    for (const std::size_t n : {SIZE_MAX, SIZE_MAX / 2 + 1, static_cast<std::size_t>(PTRDIFF_MAX) + 1}) {
        CHECK_THROWS_AS(b.reserve(n), std::bad_alloc);
        CHECK_THROWS_AS(b.resize(n), std::bad_alloc);
        CHECK(b.text() == before);
    }
    b.append("x");
    CHECK(b.text() == before + "x");
}

TEST_CASE("bytes: resize keeps the common part")
{
    bytes b = of("0123456789");
    b.drop_front(2);
    b.resize(3);
    CHECK(b.text() == "234");
    b.resize(5);
    CHECK(b.size() == 5);
    CHECK(b.text().substr(0, 3) == "234");
    b.resize(0);
    CHECK(b.empty());
}

TEST_CASE("bytes: spare room is filled and committed")
{
    bytes b = of("ab");
    b.reserve(10);
    CHECK(b.spare().size() == b.capacity() - 2);
    CHECK(b.spare().data() == b.data() + 2);
    std::memcpy(b.spare().data(), "cde", 3);
    b.commit(2);
    CHECK(b.text() == "abcd");
    b.commit(0);
    CHECK(b.text() == "abcd");
    b.drop_front(3);
    CHECK(b.spare().data() == b.data() + 1);
    CHECK(b.spare().size() == b.capacity() - 1);
}

TEST_CASE("bytes: clear keeps the memory, reset frees it")
{
    bytes b = of("0123456789");
    b.drop_front(3);
    const auto footprint = b.footprint();
    b.clear();
    CHECK(b.empty());
    CHECK(b.capacity() == footprint); // the gap is usable again
    b.append("new");
    CHECK(b.text() == "new");
    b.reset();
    CHECK(b.empty());
    CHECK(b.footprint() == 0);
    b.append("again");
    CHECK(b.text() == "again");
}

TEST_CASE("bytes: moving hands the block over")
{
    bytes a = of("0123456789");
    a.drop_front(2);
    const auto* data = a.data();
    bytes b = std::move(a);
    CHECK(b.data() == data);
    CHECK(b.text() == "23456789");
    CHECK(a.empty());          // NOLINT: a moved-from object is empty
    CHECK(a.footprint() == 0); // NOLINT
    a.append("alive");         // NOLINT
    CHECK(a.text() == "alive");
    a = std::move(b);
    CHECK(a.text() == "23456789");
    CHECK(a.data() == data);
    auto& self = a;
    a = std::move(self);
    CHECK(a.text() == "23456789");
}

TEST_CASE("bytes: swap exchanges everything")
{
    bytes a = of("left");
    a.drop_front(1);
    bytes b;
    a.swap(b);
    CHECK(a.empty());
    CHECK(b.text() == "eft");
    b.swap(b);
    CHECK(b.text() == "eft");
}

TEST_CASE("bytes: clone is a copy with a life of its own")
{
    bytes a = of("0123456789");
    a.drop_front(5);
    bytes b = a.clone();
    CHECK(a == b);
    CHECK(b.data() != a.data());
    b[0] = std::byte{'X'};
    CHECK(a.text() == "56789");
    CHECK(b.text() == "X6789");
    CHECK(!(a == b));
    CHECK(bytes().clone().empty());
}

TEST_CASE("bytes: equality is about contents")
{
    bytes a = of("xxabc");
    a.drop_front(2);
    CHECK(a == of("abc"));
    CHECK(a == byte_view("abc"));
    CHECK(byte_view("abc") == a);
    CHECK(!(a == of("abd")));
    CHECK(!(a == of("ab")));
    CHECK(!(a == of("abcd")));
    CHECK(bytes() == bytes());
    CHECK(a == std::string("abc"));
}

TEST_CASE("bytes: behaves like a string under any sequence of operations")
{
    ferrule::test::dice random(1);
    bytes b;
    std::string model;
    for (int i = 0; i < 20000; ++i) {
        const auto n = random(40);
        switch (random(8)) {
        case 0:
        case 1:
        case 2: {
            const std::string piece(n, static_cast<char>(random(256)));
            b.append(piece);
            model += piece;
            break;
        }
        case 3:
        case 4: {
            const auto k = std::min<std::size_t>(n, model.size());
            b.drop_front(k);
            model.erase(0, k);
            break;
        }
        case 5: {
            const auto k = std::min<std::size_t>(random(300), model.size());
            b.resize(k);
            model.resize(k);
            break;
        }
        case 6: b.reserve(random(300)); break;
        case 7:
            b.reserve(b.size() + n);
            std::memset(b.spare().data(), 'c', n);
            b.commit(n);
            model.append(n, 'c');
            break;
        }
        REQUIRE(b.text() == model);
        REQUIRE(b.capacity() >= b.size());
        REQUIRE(b.footprint() >= b.capacity());
    }
}

TEST_CASE("byte_view: shows any contiguous range of bytes")
{
    const std::string binary("a\0b", 3);
    CHECK(byte_view(binary).size() == 3);
    CHECK(byte_view(std::string_view(binary)) == byte_view(binary));
    CHECK(byte_view(std::vector<char>(binary.begin(), binary.end())).text() == binary);
    CHECK(byte_view(std::vector<std::uint8_t>{1, 2, 3}).size() == 3);
    CHECK(byte_view(std::array<std::byte, 5>{}).size() == 5);
    const std::uint8_t octets[] = {'x', 0, 'y', 0};
    CHECK(byte_view(octets).size() == 4);
    std::byte raw[2] = {std::byte{1}, std::byte{2}};
    CHECK(byte_view(raw).data() == raw);
    CHECK(byte_view(std::span<std::byte>(raw)).size() == 2);
    const bytes owned{byte_view(binary)};
    CHECK(byte_view(owned).data() == owned.data());
}

TEST_CASE("byte_view: a C string and a char array end before the first NUL")
{
    CHECK(byte_view("abc").size() == 3);
    CHECK(byte_view("").empty());
    char array[10] = "abc";
    CHECK(byte_view(array).size() == 3);
    CHECK(byte_view(std::span<char>(array)).size() == 10);
}

TEST_CASE("byte_view: equality is about contents, also when empty")
{
    CHECK(byte_view() == byte_view(""));
    CHECK(byte_view("abc") == byte_view(std::string("abc")));
    CHECK(!(byte_view("abc") == byte_view("abd")));
    CHECK(!(byte_view("abc") == byte_view("ab")));
}

TEST_CASE("buffers: one or several views, in order")
{
    const auto joined = [](const buffers& b) {
        std::string all;
        for (const byte_view part : b.list())
            all += std::string(part.text()) + "|";
        return all;
    };
    const std::string one = "one";
    const bytes two{byte_view("two")};
    CHECK(joined(one) == "one|");
    CHECK(joined(two) == "two|");
    CHECK(joined("three") == "three|");
    CHECK(joined({one, two, "three"}) == "one|two|three|");
    CHECK(joined({one}) == "one|");
    const std::vector<byte_view> views{one, "", two};
    CHECK(joined(std::span<const byte_view>(views)) == "one||two|");
    CHECK(joined(std::span<const byte_view>()).empty());
}
