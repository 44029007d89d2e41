// How far a frame has left, and what remains of it for the endpoint, without a descriptor.
#include "src/core/outgoing_frame.hpp"
#include "src/core/send_tail.hpp"

#include "support/test.hpp"

using detail::outgoing_frame;
using detail::send_tail;

namespace {

const std::string first = "payload";
const std::string second = "and more";
const std::string whole = "<payloadand more>";

encoded example()
{
    encoded e;
    e.append_copy("<");
    e.append_view(first);
    e.append_view(second);
    e.append_copy(">");
    return e;
}

std::string joined(const outgoing_frame& f, std::size_t max_views, std::size_t max_bytes)
{
    std::array<byte_view, 8> views;
    const std::size_t n = f.views(std::span(views).first(max_views), max_bytes);
    std::string text;
    for (std::size_t i = 0; i < n; ++i)
        text += views[i].text();
    return text;
}

} // namespace

TEST_CASE("outgoing frame: wherever it stops, the rest follows without gap or repetition")
{
    for (std::size_t a = 0; a <= whole.size(); ++a) {
        for (std::size_t b = a; b <= whole.size(); ++b) {
            encoded e = example();
            outgoing_frame f(e);
            f.advance(a);
            f.advance(b - a);
            CHECK(f.sent() == b);
            CHECK(f.left() == whole.size() - b);
            CHECK(joined(f, 8, SIZE_MAX) == whole.substr(b));
            CHECK(joined(f, 8, 3) == whole.substr(b, 3));
            std::string copy(f.left(), '?');
            f.copy_to(std::as_writable_bytes(std::span(copy)).data());
            CHECK(copy == whole.substr(b));
            CHECK(f.take_rest().text() == whole.substr(b));
        }
    }
}

TEST_CASE("outgoing frame: fewer views than parts make a beginning")
{
    encoded e = example();
    const outgoing_frame f(e);
    CHECK(joined(f, 2, SIZE_MAX) == "<payload");
}

TEST_CASE("outgoing frame: what the frame keeps is moved, and is not borrowed")
{
    encoded e;
    e.append_copy("<");
    e.append_owned(bytes(byte_view("kept")));
    const std::byte* const at = e.part(1).data();
    outgoing_frame f(e);
    CHECK_FALSE(f.borrows());
    f.advance(3);
    const bytes rest = f.take_rest();
    CHECK(rest.text() == "pt");
    CHECK(rest.data() == at + 2);
}

TEST_CASE("outgoing frame: it borrows until all that it only sees has left")
{
    encoded e = example();
    outgoing_frame f(e);
    CHECK(f.borrows());
    f.advance(whole.size() - 2);
    CHECK(f.borrows());
    f.advance(1);
    CHECK_FALSE(f.borrows()); // ">" was copied
}

TEST_CASE("outgoing frame: what was borrowed is needed no longer once the rest is owned")
{
    for (std::size_t a = 0; a < whole.size(); ++a) {
        for (std::size_t b = a; b <= whole.size(); ++b) {
            std::string seen = first + second;
            encoded e;
            e.append_copy("<");
            e.append_view(byte_view(seen).first(3));
            e.append_view(byte_view(seen).subspan(3));
            e.append_copy(">");
            outgoing_frame f(e);
            f.advance(a);
            f.own_rest();
            seen.assign(seen.size(), '?');
            CHECK_FALSE(f.borrows());
            CHECK(joined(f, 8, SIZE_MAX) == whole.substr(a));
            f.advance(b - a);
            CHECK(f.left() == whole.size() - b);
            CHECK(joined(f, 8, SIZE_MAX) == whole.substr(b));
            CHECK(f.take_rest().text() == whole.substr(b));
        }
    }
}

TEST_CASE("outgoing frame: its watcher hears of every step")
{
    encoded e = example();
    std::vector<std::size_t> heard;
    e.on_progress(std::make_shared<const encoded::watcher>([&](std::size_t sent, std::size_t total) {
        CHECK(total == whole.size());
        heard.push_back(sent);
    }));
    outgoing_frame f(e);
    f.advance(3);
    f.advance(whole.size() - 3);
    CHECK(heard == std::vector<std::size_t>{3, whole.size()});
}

TEST_CASE("send_tail: shrinks as it leaves, and others see its size")
{
    send_tail t;
    CHECK(t.empty());
    t.keep(bytes(byte_view("the rest")));
    CHECK(t.size() == 8);
    t.sent(4);
    CHECK(t.view().text() == "rest");
    CHECK(t.size() == 4);
    t.sent(4);
    CHECK(t.empty());
    t.keep(bytes(byte_view("next")));
    CHECK(t.release().text() == "next");
    CHECK(t.empty());
}
