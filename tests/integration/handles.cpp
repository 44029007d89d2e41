// Handles that travel between processes, beside messages, in C++ and with Python's reduction.send_handle and recv_handle.
#include <ferrule/framing/any_framing.hpp>
#include <ferrule/process/handle_link.hpp>
#include <ferrule/python/multiprocessing/shared_handle.hpp>

#include "integration/python_peer.hpp"
#include "support/posix/descriptors.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/test.hpp"

#include <filesystem>

namespace {

template <class Link>
passed_handle recv_handle(Link& messages, const handles& h, style s)
{
    return s == style::blocking ? messages.with(h).recv(timeout) : run(messages.with(h).async_recv(timeout));
}

// Several descriptors beside one byte, as a peer that is none of ours may send them.
void send_raw(int socket, char byte, const std::vector<int>& fds)
{
    iovec part{&byte, 1};
    std::vector<std::byte> beside(CMSG_SPACE(fds.size() * sizeof(int)));
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = beside.data();
    message.msg_controllen = beside.size();
    cmsghdr* const c = CMSG_FIRSTHDR(&message);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
    REQUIRE(::sendmsg(socket, &message, 0) == 1);
}

} // namespace

TEST_CASE("handles: every kind of endpoint arrives as what it is, between messages, and none is lost by reading ahead")
{
    const auto before = settled_descriptors();
    for (const style s : {style::blocking, style::coroutine}) {
        auto [a, b] = handle_link_pair();
        message_duplex<> ours(a.socket);
        message_duplex<> theirs(b.socket);
        auto pipes = pipe();
        auto sockets = socketpair();
        const std::string path =
            std::filesystem::temp_directory_path() / ("ferrule-handles-" + std::to_string(::getpid()));
        std::ofstream(path) << "in a file";
        reader file(adopt(::open(path.c_str(), O_RDONLY | O_CLOEXEC)));
        std::filesystem::remove(path);

        const auto pass = [&, &l = a](const endpoint& e) {
            auto link = ours.with(l.handles);
            send(link, passed_handle(e), s);
        };
        // All of it before anything is read: what is read of the first message are bytes of all of them.
        ours.send("first", timeout);
        pass(pipes.first);
        ours.send("second", timeout);
        pass(sockets.first);
        pass(file);
        ours.send("last", timeout);
        pipes.first.close(); // what has left is not ours any more
        sockets.first.close();
        file.close();

        CHECK(theirs.recv(timeout).text() == "first");
        reader received_pipe(recv_handle(theirs, b.handles, s).open());
        CHECK(theirs.recv(timeout).text() == "second");
        passed_handle h = recv_handle(theirs, b.handles, s);
        CHECK((::fcntl(h.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        duplex received_socket(h.open());
        reader received_file(recv_handle(theirs, b.handles, s).open());
        CHECK(theirs.recv(timeout).text() == "last");

        pipes.second.send("through the pipe", timeout);
        pipes.second.close();
        CHECK(received_pipe.recv_all(timeout).text() == "through the pipe");
        sockets.second.send("to", timeout);
        CHECK(received_socket.recv(2, timeout).text() == "to");
        received_socket.send("fro", timeout);
        CHECK(sockets.second.recv(3, timeout).text() == "fro");
        CHECK(received_file.recv_all(timeout).text() == "in a file");
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("handles: an endpoint arrives with its framing, in one piece or byte by byte")
{
    const auto before = settled_descriptors();
    for (const style s : {style::blocking, style::coroutine}) {
        auto [a, b] = handle_link_pair();
        message_duplex<> ours(a.socket);
        message_duplex<> theirs(b.socket);
        auto sockets = socketpair(any_framing("lines:\\r\\n"));
        ours.send("first", timeout);
        auto link = ours.with(a.handles);
        send(link, passed_handle(sockets.first, any_framing("lines:\\r\\n").name()), s);
        send(link, passed_handle(sockets.first), s);
        ours.send("last", timeout);
        CHECK(theirs.recv(timeout).text() == "first");
        passed_handle h = recv_handle(theirs, b.handles, s);
        CHECK(h.framing() == "lines:\\r\\n");
        message_duplex received(h.open(), any_framing(h.framing()));
        CHECK(recv_handle(theirs, b.handles, s).framing().empty());
        CHECK(theirs.recv(timeout).text() == "last");
        sockets.second.send("a line", timeout);
        CHECK(received.recv(timeout).text() == "a line");

        CHECK(code_of([&, &l = a] {
                  ours.with(l.handles).send(passed_handle(sockets.first, std::string(256, 'x')), timeout);
              }) == errc::too_large);
        const std::string longest(255, 'x');
        send(link, passed_handle(sockets.first, longest), s);
        CHECK(recv_handle(theirs, b.handles, s).framing() == longest);
        // A peer whose bytes come one by one.
        send_raw(a.socket.native_handle(), '\2', {0});
        for (const char* part : {"\3", "n", "u"}) {
            CHECK(code_of([&, &l = b] { (void)theirs.with(l.handles).recv(1ms); }) == errc::timed_out);
            a.socket.send(part, timeout);
        }
        a.socket.send("l", timeout);
        CHECK(recv_handle(theirs, b.handles, s).framing() == "nul");
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("handles: one that cannot leave stays, and an interrupted receive loses none")
{
    const auto before = settled_descriptors();
    {
        auto [a, b] = handle_link_pair();
        auto pipes = pipe();
        CHECK(code_of([&, &l = b] { (void)message_duplex<>(l.socket).with(l.handles).recv(1ms); }) == errc::timed_out);
        CHECK(code_of([&, &l = a] { message_duplex<>(l.socket).with(l.handles).send(passed_handle(), timeout); }) ==
              errc::bad_descriptor);
        // A full socket: the byte with the handle waits with all others, and then is given up.
        const std::string large(4 << 20, 'x');
        message_duplex<> ours(a.socket);
        CHECK(code_of([&] { ours.send(large, 1ms); }) == errc::timed_out);
        CHECK(code_of([&, &l = a] { ours.with(l.handles).send(passed_handle(pipes.first), 1ms); }) == errc::timed_out);
        message_duplex<> theirs(b.socket);
        std::jthread flushing([&] { ours.flush(timeout); });
        CHECK(theirs.recv(timeout).size() == large.size());
        flushing.join();
        ours.with(a.handles).send(passed_handle(pipes.second), timeout);
        writer received(theirs.with(b.handles).recv(timeout).open());
        received.send("w", timeout);
        CHECK(pipes.first.recv(1, timeout).text() == "w");
        // What was not asked for goes with the link.
        ours.with(a.handles).send(passed_handle(pipes.second), timeout);
        ours.send("behind it", timeout);
        CHECK(code_of([&] { (void)theirs.with(none()).recv(timeout); }) == error_code()); // with what is behind it
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("handles: what is none, or too many, or more than there is room for, is reported and closed")
{
    const auto before = settled_descriptors();
    {
        int fds[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        handle_link link = open_handle_link(fds[0]);
        duplex peer(adopt(fds[1]));
        message_duplex<> messages(link.socket);
        const auto code = [&] { return code_of([&] { (void)messages.with(link.handles).recv(timeout); }); };
        peer.send("\1", timeout); // a byte and nothing beside it
        CHECK(code() == errc::malformed);
        send_raw(fds[1], '\3', {0, 1});
        CHECK(code() == errc::malformed);
        send_raw(fds[1], '\5', {0});
        CHECK(code() == errc::malformed);
        send_raw(fds[1], '\1', {0});
        CHECK(messages.with(link.handles).recv(timeout).native_handle() >= 0);
        send_raw(fds[1], '\1', std::vector<int>(253, 0));
        CHECK(code() == errc::malformed);

        // No descriptor is left: the system drops what it cannot install, and says so.
        settle_descriptors();
        send_raw(fds[1], '\1', {0});
        error_code cut;
        {
            const no_more_descriptors none;
            cut = code();
        }
        CHECK(cut == errc::packet_truncated);
        send_raw(fds[1], '\1', {0});
        CHECK(messages.with(link.handles).recv(timeout).native_handle() >= 0);

        // Nobody asks for them.
        rlimit files{};
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
        files.rlim_cur = files.rlim_max;
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
        const auto room = (std::min<rlim_t>(files.rlim_max, 2200) - before.size()) / 100 - 1;
        for (rlim_t i = 0; i < room; ++i) {
            send_raw(fds[1], 'x', std::vector<int>(100, 0)); // the system limits what one user has on the way
            CHECK(link.socket.recv(1, timeout).size() == 1);
        }
        CHECK(open_descriptors().size() < before.size() + 1100);
    }
    CHECK(open_descriptors() == before);
    auto pipes = pipe();
    CHECK(code_of([&] { (void)open_handle_link(pipes.first.native_handle()); }) == errc::bad_descriptor);
    CHECK(code_of([] { (void)open_handle_link(-1); }) == errc::bad_descriptor);
}

TEST_CASE("python: handles go to Python and come from it, and Connections go on with them")
{
    for_each_python([](const interpreter& p) {
        int fds[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
        handle_link link = open_handle_link(fds[0]);
        duplex theirs(adopt(fds[1]));
        child c = start_python(p.program, R"(
import os
from multiprocessing import Pipe, reduction
from multiprocessing.connection import Connection
c = Connection(3)
assert c.recv() == "take this"
received = Connection(reduction.recv_handle(c))
received.send(("thank you", received.recv()))
assert c.recv() == "and give me one"
mine, yours = Pipe()
c.send("here")
reduction.send_handle(c, yours.fileno(), os.getppid())
yours.close()
assert mine.recv() == "hello"
mine.send("goodbye")
assert c.recv() == "end"
)",
                               theirs);
        message_duplex<multiprocessing> messages(link.socket);
        auto [mine, passed] = socketpair(multiprocessing());
        messages.send("take this", timeout);
        messages.with(link.handles).send(passed_handle(passed), timeout);
        passed.close();
        mine.send(py::value(1, 2), timeout);
        CHECK(mine.recv(timeout) == py::value("thank you", py::value(1, 2)));
        messages.send("and give me one", timeout);
        CHECK(messages.recv(timeout) == py::value("here"));
        message_duplex<multiprocessing> received(recv_handle(messages, link.handles, style::coroutine).open());
        received.send("hello", timeout);
        CHECK(received.recv(timeout) == py::value("goodbye"));
        messages.send("end", timeout);
        expect_success(c);
    });
}

TEST_CASE("python: Connections and sockets that Python sends arrive as such, and Python receives ours")
{
    for_each_python([](const interpreter& p) {
        const multiprocessing offering({}, py::pickle_codec({}, py::offered_handle::allow()));
        child_with_connection child(p, R"(
import multiprocessing, socket
multiprocessing.current_process().authkey = c.recv()
mine, yours = multiprocessing.Pipe()
c.send(yours)
assert mine.recv() == "hello"
mine.send("goodbye")
a, b = socket.socketpair()
c.send(b)
assert a.recv(5) == b"hello"
received = c.recv()
received.send(("thank you", received.recv()))
c.send("end")
)",
                                    offering);
        const std::string key = "a key that both know";
        auto& c = child.connection;
        c.send(py::value(py::type::bytes, key), timeout);
        const py::value sent = c.recv(timeout);
        message_duplex<multiprocessing> pipe_end(py::fetch_handle(sent, key, timeout).open());
        pipe_end.send("hello", timeout);
        CHECK(pipe_end.recv(timeout) == py::value("goodbye"));
        duplex socket(py::fetch_handle(c.recv(timeout), key, timeout).open());
        socket.send("hello", timeout);

        auto [ours, theirs] = socketpair(multiprocessing());
        py::offered_handle offer(theirs, key);
        theirs.close();
        c.send(offer.as_connection(), timeout);
        offer.hand_over(timeout);
        ours.send(py::value(1, 2), timeout);
        CHECK(ours.recv(timeout) == py::value("thank you", py::value(1, 2)));
        CHECK(c.recv(timeout) == py::value("end"));
        CHECK(code_of([&] { (void)py::fetch_handle(sent, key, 5s); })); // each can be fetched once
        CHECK(code_of([&] { (void)py::fetch_handle(py::value(1), key, 5s); }) == errc::invalid_value);
        child.expect_success();
    });
}
