// FIFOs, terminals, devices and regular files.
#include "support/posix/descriptors.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <pty.h>
#include <termios.h>

namespace {

// A pseudoterminal, raw or as a person would find it.
class terminal {
public:
    explicit terminal(bool raw)
    {
        termios settings;
        int m;
        int s;
        REQUIRE(::openpty(&m, &s, nullptr, nullptr, nullptr) == 0);
        master = unique_fd(m);
        slave = unique_fd(s);
        ::tcgetattr(s, &settings);
        settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        if (raw)
            ::cfmakeraw(&settings);
        ::tcsetattr(s, TCSANOW, &settings);
    }
    unique_fd master;
    unique_fd slave;
};

bool non_blocking(int fd)
{
    return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

} // namespace

TEST_CASE("FIFO: a reader waits for the first writer instead of seeing the end")
{
    const fifo f;
    reader r(adopt(f.open(O_RDONLY | O_NONBLOCK).release()));
    CHECK_FALSE(r.try_recv());
    {
        const std::jthread later([&] { writer(adopt(f.open(O_WRONLY).release())).send("hello"); });
        CHECK(r.recv(20s) == byte_view("hello"));
    }
    CHECK(code_of([&] { (void)r.recv(20s); }) == errc::end_of_stream);
    const writer again(adopt(f.open(O_WRONLY).release()));
    CHECK_FALSE(r.try_recv());
}

TEST_CASE("FIFO: neither end waits past its deadline, and no flag of the description changes")
{
    const fifo f;
    unique_fd both = f.open(O_RDWR);
    unique_fd in = f.open(O_RDONLY);
    unique_fd out = f.open(O_WRONLY);
    const int watched = duplicate_fd(out.get()).release();
    reader r(adopt(in.release()));
    writer w(adopt(out.release()));
    const bytes large = pattern(300'000);
    error_code ec;
    const std::size_t sent = w.send(large, deadline::now(), ec);
    CHECK(ec == errc::timed_out);
    CHECK(sent >= 65'536);
    CHECK_FALSE(non_blocking(r.native_handle()));
    CHECK_FALSE(non_blocking(watched));
    ::close(watched);
    both.reset();
    std::jthread rest([&] { w.close(20s); });
    CHECK(r.recv(300'000, 20s) == large);
    CHECK(code_of([&] { (void)r.recv(20s); }) == errc::end_of_stream); // no end that writes is left over
}

TEST_CASE("FIFO: a borrowed writing end is no further writer")
{
    const fifo f;
    unique_fd in = f.open(O_RDONLY | O_NONBLOCK);
    unique_fd out = f.open(O_WRONLY);
    writer w(borrow(out.get()));
    w.send("x");
    reader r(adopt(in.release()));
    CHECK(r.recv(20s) == byte_view("x"));
    out.reset();
    CHECK(code_of([&] { (void)r.recv(20s); }) == errc::end_of_stream);
}

TEST_CASE("tty: both sides of a pseudoterminal talk, in every style and without waiting past a deadline")
{
    for (const style s : all_styles) {
        terminal t(true);
        duplex master(adopt(t.master.release()));
        duplex slave(adopt(t.slave.release()));
        CHECK(recv(s, master, 1ms).error == errc::timed_out);
        CHECK(recv(s, slave, 1ms).error == errc::timed_out);
        CHECK_FALSE(send(s, master, "to the slave").error);
        CHECK(slave.recv(12, 20s) == byte_view("to the slave"));
        CHECK_FALSE(send(s, slave, "to the master").error);
        CHECK(master.recv(13, 20s) == byte_view("to the master"));
        // More than the terminal holds: whoever writes must neither wait nor lose any.
        for (duplex* from : {&master, &slave}) {
            duplex& to = from == &master ? slave : master;
            const bytes large = pattern(200'000);
            error_code ec;
            const std::size_t n = from->send(large, deadline::now(), ec);
            CHECK(ec == errc::timed_out);
            CHECK(n < large.size());
            CHECK(n != 0);
            const std::jthread rest([&] { from->flush(20s); });
            CHECK(to.recv(large.size(), 20s) == large);
        }
        CHECK_FALSE(non_blocking(slave.native_handle()));
        CHECK_FALSE(non_blocking(master.native_handle()));
    }
}

TEST_CASE("tty: closing one side ends the other")
{
    {
        terminal t(true);
        duplex master(adopt(t.master.release()));
        duplex slave(adopt(t.slave.release()));
        slave.send("last");
        slave.close();
        CHECK(master.recv(4, 20s) == byte_view("last"));
        CHECK(code_of([&] { (void)master.recv(20s); }) == errc::end_of_stream);
    }
    terminal t(true);
    duplex slave(adopt(t.slave.release()));
    t.master.reset();
    CHECK(code_of([&] { (void)slave.recv(20s); }) == errc::end_of_stream);
}

TEST_CASE("tty: a slave that is read while its master closes gives the end")
{
    for (int i = 0; i < 200; ++i) { // one in three meets the moment at which Linux says EIO
        terminal t(true);
        reader slave(adopt(t.slave.release()));
        std::atomic<bool> reads = false;
        std::jthread closes([&] {
            while (!reads)
                std::this_thread::yield();
            t.master.reset();
        });
        CHECK(code_of([&] {
                  for (;;) {
                      (void)slave.try_recv();
                      reads = true;
                  }
              }) == errc::end_of_stream);
    }
}

TEST_CASE("tty: a canonical terminal gives lines, and its empty one is an end that does not last")
{
    terminal t(false);
    duplex master(adopt(t.master.release()));
    duplex slave(adopt(t.slave.release()));
    master.send("half");
    CHECK_FALSE(slave.try_recv());
    master.send(" a line\n\x04");
    CHECK(slave.recv_line(20s) == byte_view("half a line"));
    CHECK(code_of([&] { (void)slave.recv(20s); }) == errc::end_of_stream);
    master.send("more\n");
    CHECK(slave.recv_line(20s) == byte_view("more"));
}

TEST_CASE("tty: with VMIN 0 an empty read means nothing is there")
{
    terminal t(true);
    termios settings;
    ::tcgetattr(t.slave.get(), &settings);
    settings.c_cc[VMIN] = 0;
    settings.c_cc[VTIME] = 0;
    ::tcsetattr(t.slave.get(), TCSANOW, &settings);
    duplex master(adopt(t.master.release()));
    duplex slave(adopt(t.slave.release()));
    CHECK_FALSE(slave.try_recv());
    const std::jthread later([&] { master.send("x"); });
    CHECK(slave.recv(20s) == byte_view("x"));
}

TEST_CASE("file: a regular file is always ready, in every style")
{
    const temporary_folder folder;
    const bytes data = pattern(1'000'000);
    for (const style s : all_styles) {
        const int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
        duplex f(adopt(::open(folder.file().c_str(), flags, 0600)));
        CHECK(send(s, f, data, deadline::now()).value == data.size());
        CHECK(code_of([&] { (void)f.recv(); }) == errc::end_of_stream);
        f.send("more");
        reader again(adopt(::open(folder.file().c_str(), O_RDONLY | O_CLOEXEC)));
        CHECK(recv(s, again, deadline::now()).value.size() != 0);
        CHECK(again.recv_all(deadline::now()).size() + 65'536 == data.size() + 4);
    }
    message_writer<> w(adopt(::open(folder.file().c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC)));
    w.send("one");
    w.send("");
    message_reader<> r(adopt(::open(folder.file().c_str(), O_RDONLY | O_CLOEXEC)));
    CHECK(r.recv() == byte_view("one"));
    CHECK(r.recv().empty());
    CHECK(code_of([&] { (void)r.recv(); }) == errc::end_of_stream);
}

TEST_CASE("file: devices that hold nothing and everything")
{
    duplex null(adopt(::open("/dev/null", O_RDWR | O_CLOEXEC)));
    CHECK(null.send(pattern(10'000), 20s) == 10'000);
    CHECK(code_of([&] { (void)null.recv(20s); }) == errc::end_of_stream);
    reader zero(adopt(::open("/dev/zero", O_RDONLY | O_CLOEXEC)));
    CHECK(zero.recv(3, 20s) == bytes(byte_view(std::string(3, 0))));
}
