// The ways to read and write a pipe, of which the kernel's age decides, do the same.
#include "platform/posix/file_io.hpp"

#include "support/posix/descriptors.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

#include <climits>

using posix::no_wait;
using status = io_status;

namespace {

class way {
public:
    no_wait kind;
    bool nosignal;
};

// Where the kernel does not offer a flag, the same is done without it.
const std::vector<way> ways = {{no_wait::by_poll, false}, {no_wait::by_description, false}, {no_wait::by_flag, false},
                               {no_wait::by_poll, true},  {no_wait::by_description, true},  {no_wait::by_flag, true}};

// Calls `f` with the access that the way means.
template <class F>
io_result with_access(int fd, way w, F f)
{
    posix::file_access a;
    a.fd = fd;
    a.way = w.kind;
    a.nosignal = w.nosignal;
    if (w.kind != no_wait::by_description)
        return f(a);
    const int mode = ::fcntl(fd, F_GETFL) & O_ACCMODE;
    const unique_fd own(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), mode | O_NONBLOCK | O_CLOEXEC));
    if (own.get() < 0)
        a.way = no_wait::by_poll; // nothing to open
    else
        a.fd = own.get();
    return f(a);
}

io_result write(int fd, const std::vector<std::string>& parts, way w)
{
    const std::vector<byte_view> views(parts.begin(), parts.end());
    return with_access(fd, w, [&](posix::file_access& a) { return posix::write_file(a, views); });
}

io_result read(int fd, std::string& into, way w)
{
    return with_access(
        fd, w, [&](posix::file_access& a) { return posix::read_file(a, std::as_writable_bytes(std::span(into))); });
}

} // namespace

TEST_CASE("pipe: every way moves the same bytes")
{
    for (const way how : ways) {
        CAPTURE(static_cast<int>(how.kind), how.nosignal);
        auto [r, w] = raw_pipe();
        CHECK(write(w.get(), {"ab", "", "cde"}, how).size() == 5);
        std::string got(3, '\0');
        CHECK(read(r.get(), got, how).size() == 3);
        CHECK(got == "abc");
        CHECK(read(r.get(), got, how).size() == 2);
        CHECK(got.substr(0, 2) == "de");
    }
}

TEST_CASE("pipe: every way answers would-block, end and error alike")
{
    for (const way how : ways) {
        CAPTURE(static_cast<int>(how.kind), how.nosignal);
        auto [r, w] = raw_pipe();
        std::string got(10, '\0');
        CHECK(read(r.get(), got, how).status() == status::would_block);
        fill(w.get());
        CHECK(write(w.get(), {"x"}, how).status() == status::would_block);
        CHECK(write(w.get(), {std::string(100'000, 'x')}, how).status() == status::would_block);
        w.reset();
        std::string all(1 << 20, '\0');
        CHECK(read(r.get(), all, how).status() == status::moved);
        io_result last = read(r.get(), all, how);
        while (last.status() == status::moved)
            last = read(r.get(), all, how);
        CHECK(last.status() == status::end);

        auto [r2, w2] = raw_pipe();
        r2.reset();
        const io_result broken = write(w2.get(), {"x"}, how);
        CHECK(broken.status() == status::failed);
        CHECK(broken.error() == boost::system::errc::broken_pipe);
        const int nobody = closed_number();
        CHECK(read(nobody, got, how).error() == boost::system::errc::bad_file_descriptor);
        CHECK(write(nobody, {"x"}, how).error() == boost::system::errc::bad_file_descriptor);
    }
}

TEST_CASE("pipe: a write larger than the room never waits, and takes part of it")
{
    for (const way how : ways) {
        CAPTURE(static_cast<int>(how.kind), how.nosignal);
        auto [r, w] = raw_pipe();
        std::string data(1 << 20, '\0');
        for (std::size_t i = 0; i < data.size(); ++i)
            data[i] = static_cast<char>(i * 31 + i / 256);
        std::string received;
        std::size_t sent = 0;
        // Alone, in one thread: if any call waited, this would hang.
        while (received.size() < data.size()) {
            const io_result out =
                write(w.get(), {data.substr(sent, 1000), data.substr(std::min(sent + 1000, data.size()))}, how);
            if (out.status() == status::moved)
                sent += out.size();
            else
                REQUIRE(out.status() == status::would_block);
            std::string got(50'000, '\0');
            const io_result in = read(r.get(), got, how);
            if (in.status() == status::moved)
                received.append(got, 0, in.size());
        }
        CHECK(received == data);
        CHECK(sent == data.size());
    }
}

TEST_CASE("pipe: random pieces arrive in order, whatever ways both sides use")
{
    dice random(7);
    auto [r, w] = raw_pipe();
    std::string expected;
    std::string received;
    for (int i = 0; i < 2000; ++i) {
        std::vector<std::string> parts(random(100)); // more than one call takes
        std::string joined;
        for (auto& p : parts) {
            p.assign(random(50), static_cast<char>('a' + random(26)));
            joined += p;
        }
        if (!joined.empty()) {
            const io_result out = write(w.get(), parts, ways[random(static_cast<std::uint32_t>(ways.size()))]);
            expected += joined.substr(0, out.size());
        }
        std::string got(1 + random(3000), '\0');
        const io_result in = read(r.get(), got, ways[random(static_cast<std::uint32_t>(ways.size()))]);
        received.append(got, 0, in.size());
    }
    w.reset();
    received += read_to_end(r.get());
    CHECK(received == expected);
}

TEST_CASE("pipe: a FIFO works in every way, though it refuses one")
{
    const fifo file;
    unique_fd both = file.open(O_RDWR);
    for (const way how : ways) {
        CAPTURE(static_cast<int>(how.kind), how.nosignal);
        std::string got(10, '\0');
        CHECK(read(both.get(), got, how).status() == status::would_block);
        CHECK(write(both.get(), {"abc"}, how).size() == 3);
        CHECK(read(both.get(), got, how).size() == 3);
        fill(both.get());
        CHECK(write(both.get(), {"x"}, how).status() == status::would_block);
        got.resize(1 << 20);
        while (read(both.get(), got, how).status() == status::moved) {
        }
    }
}

TEST_CASE("pipe: a partly filled pipe takes a large write without waiting")
{
    for (const way how : ways) {
        CAPTURE(static_cast<int>(how.kind), how.nosignal);
        auto [r, w] = raw_pipe();
        const std::size_t room = fill(w.get());
        for (const std::size_t free : {std::size_t{PIPE_BUF}, std::size_t{PIPE_BUF} * 2}) {
            REQUIRE(read_n(r.get(), free).size() == free);
            const io_result out = write(w.get(), {std::string(room, 'y')}, how);
            CHECK(out.status() == status::moved);
            CHECK(out.size() > 0);
            CHECK(out.size() <= free);
            fill(w.get());
        }
    }
}
