#include <ferrule/net/shared_memory.hpp>

#include "platform/handle_socket.hpp"
#include "platform/shared_memory/memory.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>
#include <ferrule/framing/varint.hpp>
#include <ferrule/net/connect.hpp>
#include <ferrule/net/listener.hpp>
#include <ferrule/pair.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace std::string_literals;

namespace {

/// Both ends, each of which has called `share_memory`.
std::pair<duplex, duplex> shared(const shared_memory_options& o = {})
{
    auto [here, there] = socketpair();
    auto other = std::async(std::launch::async, [&] { return share_memory(there, o, timeout); });
    duplex mine = share_memory(here, o, timeout);
    return {std::move(mine), other.get()};
}

/// How a call ends while the peer does `f` with its end of the link.
template <class F>
error_code outcome_beside(F f, const shared_memory_options& o = {})
{
    auto [here, there] = socketpair();
    auto peer = std::async(std::launch::async, [&] { f(there); });
    const error_code ec = code_of([&] { (void)share_memory(here, o, timeout); });
    peer.get();
    return ec;
}

std::string hello(std::uint64_t capacity)
{
    std::string s("ferrule shm\0\1\0\0\0", 16);
    for (int i = 0; i < 8; ++i)
        s += static_cast<char>(capacity >> 8 * i);
    return s;
}

/// Says what `share_memory` says, with these handles.
void say(duplex& link, std::uint64_t capacity, const std::vector<int>& fds)
{
    link.send(hello(capacity), timeout);
    descriptor socket =
        os::open_handle_socket(::dup(link.native_handle()), std::make_shared<detail::handle_arrivals>());
    for (const int fd : fds) {
        const byte_view one("\1");
        REQUIRE(socket.get()->try_write({&one, 1}, fd).status() == io_status::moved);
    }
}

unique_fd memory_of(std::size_t size, int seals)
{
    unique_fd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    must(::ftruncate(fd.get(), static_cast<off_t>(size)));
    must(::fcntl(fd.get(), F_ADD_SEALS, seals));
    return fd;
}

} // namespace

TEST_CASE("share_memory: bytes and messages pass both ways, and the link stays as it was")
{
    for (const style how : {style::blocking, style::awaitable}) {
        auto [here, there] = socketpair();
        auto other = std::async(std::launch::async, [&] { return share_memory(there, {}, timeout); });
        duplex mine =
            how == style::blocking ? share_memory(here, {}, timeout) : run(async_share_memory(here, {}, timeout));
        duplex theirs = other.get();
        mine.send("a line\n", timeout);
        CHECK(theirs.recv_line(timeout) == byte_view("a line"));
        run(theirs.async_send("and another\n"s, timeout));
        CHECK(run(mine.async_recv_line(timeout)) == byte_view("and another"));

        here.send("beside", timeout);
        CHECK(there.recv(6, timeout) == byte_view("beside"));
        here.close();
        there.close();
        const std::string much(5'000'000, 'm'); // more than the ring holds
        auto sending = std::async(std::launch::async, [&] { message_writer<varint>(mine).send(much, timeout); });
        CHECK((message_reader<varint>(theirs).recv(timeout) == byte_view(much)));
        sending.get();
        mine.close();
        CHECK(code_of([&] { (void)theirs.recv(timeout); }) == errc::end_of_stream);
        CHECK(code_of([&] { theirs.send("x", timeout); }) == condition::broken);
    }
}

TEST_CASE("share_memory: two processes talk through it, and each of them ends as it likes")
{
    auto [here, there] = socketpair();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        here = {};
        error_code ec;
        message_duplex<lines> m(share_memory(there, {}, timeout, ec));
        while (!ec) {
            const bytes line = m.recv(timeout, ec);
            if (!ec)
                m.send(line, timeout, ec);
        }
        ::_exit(ec == errc::end_of_stream ? 7 : 1); // without closing
    }
    there = {};
    message_duplex<lines> m(share_memory(here, {}, timeout));
    for (int i = 0; i < 1000; ++i) {
        m.send(std::to_string(i), timeout);
        REQUIRE(m.recv(timeout).text() == std::to_string(i));
    }
    m.shutdown_send(timeout);
    CHECK(code_of([&] { (void)m.recv(timeout); }) == boost::system::errc::connection_reset);
    int status = 0;
    must(::waitpid(child, &status, 0));
    CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("share_memory: who only polls learns as well that the peer has died")
{
    auto [here, there] = socketpair();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        here = {};
        const duplex theirs = share_memory(there, {}, timeout);
        ::_exit(0); // without closing
    }
    there = {};
    duplex mine = share_memory(here, {}, timeout);
    must(::waitpid(child, nullptr, 0));
    error_code ec = errc::timed_out;
    for (int polls = 0; polls < 1000 && ec == errc::timed_out; ++polls)
        (void)mine.recv(0s, ec);
    CHECK(ec == boost::system::errc::connection_reset);
}

TEST_CASE("share_memory: what cannot be shared is refused before anything is said")
{
    const auto refusal = [](duplex d) { return code_of([&] { (void)share_memory(d, {}, timeout); }); };
    listener<> tcp(address("tcp://127.0.0.1:0"));
    CHECK(refusal(connect(tcp.address(), timeout)) == errc::unsupported);
    auto [packets, other] = raw_socketpair(SOCK_SEQPACKET);
    CHECK(refusal(duplex(adopt(packets.release()))) == errc::unsupported);
    CHECK(refusal(shared().first) == errc::unsupported);
    CHECK(refusal(duplex()) == errc::closed);

    auto [here, there] = socketpair();
    there.send("a line\nread ahead", timeout);
    CHECK(here.recv_line(timeout) == byte_view("a line"));
    CHECK(refusal(here) == errc::read_ahead);
    CHECK(here.recv(10, timeout) == byte_view("read ahead"));
    CHECK(code_of([&] { run(async_share_memory(duplex(), {})); }) == errc::closed);
    error_code ec;
    CHECK_FALSE(share_memory(duplex(), {}, timeout, ec).is_open());
    CHECK(ec == errc::closed);
    for (const std::size_t impossible : {std::size_t{0}, std::size_t{4095}, (std::size_t{1} << 40) + 1})
        CHECK(code_of([&] { (void)shared_memory_options().capacity(impossible); }) == errc::invalid_argument);
    CHECK(shared_memory_options().capacity(5000).capacity() == 8192);
}

TEST_CASE("share_memory: a capacity that either side refuses is an error on both, and the link goes on")
{
    auto [here, there] = socketpair();
    auto other = std::async(std::launch::async, [&] {
        return code_of([&] { (void)share_memory(there, shared_memory_options().capacity(1 << 21), timeout); });
    });
    const auto small = shared_memory_options().max_peer_capacity(1 << 20);
    CHECK(code_of([&] { (void)share_memory(here, small, timeout); }) == errc::too_large);
    CHECK(other.get() == errc::too_large);
    here.send("as before", timeout);
    CHECK(there.recv(9, timeout) == byte_view("as before"));
    auto again = std::async(std::launch::async, [&] { return share_memory(there, {}, timeout); });
    CHECK(share_memory(here, small, timeout).is_open());
    CHECK(again.get().is_open());
}

TEST_CASE("share_memory: a peer that does something else is an error in time")
{
    CHECK(outcome_beside([](duplex& d) { d.send(std::string(100, 'x'), timeout); }) == errc::malformed);
    CHECK(outcome_beside([](duplex& d) { d.send(hello(4096).replace(12, 1, "\2"), timeout); }) == errc::malformed);
    for (const std::string& said : {""s, hello(4096)}) {
        const error_code ec = outcome_beside([&](duplex& d) {
            d.send(said, timeout);
            d.close();
        });
        CHECK((ec == condition::end || ec == condition::broken)); // which depends on what it had read
    }
    CHECK(outcome_beside([](duplex& d) { d.send(hello(4096) + "\1\1\1"s, timeout); }) == errc::malformed); // no handles

    auto [here, there] = socketpair();
    CHECK(code_of([&] { (void)share_memory(here, {}, 20ms); }) == errc::timed_out);
    auto [mine, silent] = socketpair();
    CHECK(code_of([&] { run(async_share_memory(mine, {}, 20ms)); }) == errc::timed_out);
    std::stop_source stop;
    auto [stopped, peer] = socketpair();
    auto waiting = std::async(
        std::launch::async, [&, s = stopped] { return code_of([&] { (void)share_memory(s, {}, stop.get_token()); }); });
    stop.request_stop();
    CHECK(waiting.get() == errc::cancelled);
}

TEST_CASE("share_memory: handles that are no such memory and pipes are refused, and none stays open")
{
    const auto before = settled_descriptors().size();
    constexpr std::size_t size = 8192;
    constexpr int good = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    const unique_fd fit = memory_of(size, good);
    const unique_fd shrinks = memory_of(size, F_SEAL_GROW);
    const unique_fd too_small = memory_of(size - 1, good);
    const unique_fd constant = memory_of(size, good | F_SEAL_WRITE);
    const unique_fd null(must(::open("/dev/null", O_RDWR | O_CLOEXEC)));
    const auto [reading, writing] = raw_pipe();
    const int r = reading.get();
    const int w = writing.get();
    const std::vector<std::vector<int>> wrong = {
        {shrinks.get(), w, w},     {too_small.get(), w, w}, {constant.get(), w, w},    {null.get(), w, w}, {w, w, w},
        {fit.get(), fit.get(), w}, {fit.get(), w, r},       {fit.get(), null.get(), w}};
    for (const auto& fds : wrong) {
        CAPTURE(&fds - wrong.data());
        CHECK(outcome_beside([&](duplex& d) {
                  say(d, 4096, fds);
                  (void)d.recv(28, timeout); // its half, and its verdict
              }) == errc::malformed);
    }
    for (const std::uint64_t capacity : {std::uint64_t{0}, std::uint64_t{2048}, std::uint64_t{4097}})
        CHECK(outcome_beside([&](duplex& d) { say(d, capacity, {fit.get(), w, w}); }) == errc::malformed);
    CHECK(outcome_beside([&](duplex& d) {
              say(d, 4096, {fit.get(), w, w});
              d.send("\2", timeout); // it cannot
          }) == errc::unsupported);
    CHECK(settled_descriptors().size() == before + 7);
}

TEST_CASE("share_memory: the end comes behind what was sent, whatever its sender has not read")
{
    auto [mine, theirs] = shared(shared_memory_options().capacity(4096));
    mine.send("unread", timeout);
    theirs.send("last words", timeout);
    theirs.close();
    CHECK(code_of([&] { mine.send("x", timeout); }) == condition::broken);
    CHECK(mine.recv(10, timeout) == byte_view("last words"));
    CHECK(code_of([&] { (void)mine.recv(timeout); }) == errc::end_of_stream);
}

TEST_CASE("share_memory: a child of fork leaves the stream to its parent")
{
    auto [mine, theirs] = shared();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const bool refused = code_of([&] { mine.send("no", 0s); }) == errc::forked &&
                             code_of([&] { (void)mine.recv(0s); }) == errc::forked;
        mine = {};
        ::_exit(refused ? 7 : 1);
    }
    int status = 0;
    must(::waitpid(child, &status, 0));
    CHECK(WEXITSTATUS(status) == 7);
    mine.send("still here", timeout);
    CHECK(theirs.recv(10, timeout) == byte_view("still here"));
    theirs.send("and back", timeout);
    CHECK(mine.recv(8, timeout) == byte_view("and back"));
}
