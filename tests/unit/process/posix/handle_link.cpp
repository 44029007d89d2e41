// Which handle belongs to which byte, whatever a peer sends beside which bytes.
#include <ferrule/process/handle_link.hpp>

#include "support/posix/descriptors.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <deque>
#include <malloc.h>
#include <sys/mman.h>

namespace {

ino_t identity(native_handle_type h)
{
    struct stat st{};
    REQUIRE(::fstat(h, &st) == 0);
    return st.st_ino;
}

unique_fd some_file()
{
    return unique_fd(::memfd_create("ferrule", MFD_CLOEXEC));
}

// One call of a peer that is none of ours.
void send_raw(int socket, std::string_view data, const std::vector<int>& fds)
{
    iovec part{const_cast<char*>(data.data()), data.size()};
    std::vector<std::byte> control(CMSG_SPACE(fds.size() * sizeof(int)));
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* const c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
        std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
    }
    REQUIRE(::sendmsg(socket, &message, 0) == static_cast<ssize_t>(data.size()));
}

struct received {
    error_code error{};
    passed_handle handle{};
};

received receive(const handle_link& l, style s, const until& limit = timeout)
{
    received r;
    auto in = message_duplex<>(l.socket).with(l.handles);
    switch (s) {
    case style::blocking: r.error = code_of([&] { r.handle = in.recv(limit); }); break;
    case style::awaitable: r.error = code_of([&] { r.handle = run(in.async_recv(limit)); }); break;
    case style::callback: {
        asio::io_context context;
        in.async_recv(limit, asio::bind_executor(context, [&](error_code ec, passed_handle h) {
                          r.error = ec;
                          r.handle = std::move(h);
                      }));
        context.run();
    }
    }
    return r;
}

class raw_link {
public:
    raw_link() : raw_link(raw_stream_pair()) {}
    void send(std::string_view data, const std::vector<int>& fds = {}) const { send_raw(peer.get(), data, fds); }

    handle_link link;
    unique_fd peer;

private:
    explicit raw_link(std::pair<unique_fd, unique_fd> fds)
        : link(open_handle_link(fds.first.release())),
          peer(std::move(fds.second))
    {
    }
};

// What one call of the peer sends, and what it should come to.
struct item {
    std::string data;
    std::vector<int> beside{};
    std::deque<std::string> messages{};
    bool is_handle = false;
    error_code error{};
    std::string name{};
};

} // namespace

TEST_CASE("handle_link: a handle belongs to the byte that it came with, whatever is sent together and read together")
{
    dice roll(1);
    std::vector<unique_fd> files(4);
    std::ranges::generate(files, some_file);
    const auto any_file = [&] { return files[roll(4)].get(); };
    const auto before = settled_descriptors();
    for (const style s : all_styles) {
        const raw_link r;
        message_duplex<> messages(r.link.socket);
        std::deque<item> expected;
        const auto take = [&] {
            item& next = expected.front();
            if (next.is_handle) {
                const received got = receive(r.link, s);
                CHECK(got.error == next.error);
                if (!next.error) {
                    CHECK(identity(got.handle.native_handle()) == identity(next.beside[0]));
                    CHECK(got.handle.framing() == next.name);
                }
            }
            for (const std::string& m : next.messages)
                CHECK(messages.recv(timeout).text() == m);
            expected.pop_front();
        };
        for (int i = 0; i < 300; ++i) {
            item next;
            const auto add_message = [&] {
                next.messages.emplace_back(roll(100), 'm');
                next.data += static_cast<char>(next.messages.back().size());
                next.data += next.messages.back();
            };
            if (roll.one_in(2)) { // messages, perhaps with a handle that nobody expects
                add_message();
                if (roll.one_in(3))
                    next.beside.push_back(any_file());
            } else {
                next.is_handle = true;
                next.data = "\1";
                if (roll.one_in(2)) {
                    next.name = std::string(roll(5), 'n');
                    next.data = "\2" + std::string(1, static_cast<char>(next.name.size())) + next.name;
                }
                for (std::uint32_t n = roll.one_in(4) ? roll(3) : 1; n > 0; --n)
                    next.beside.push_back(any_file());
                if (next.beside.size() != 1)
                    next.error = errc::malformed;
                if (roll.one_in(3)) // in the same call
                    add_message();
            }
            r.send(next.data, next.beside);
            expected.push_back(std::move(next));
            if (roll.one_in(2))
                continue; // more of it together
            for (std::uint32_t n = roll(static_cast<std::uint32_t>(expected.size()) + 1); n > 0; --n)
                take();
        }
        while (!expected.empty())
            take();
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("handle_link: a byte without a handle is malformed, and takes none that came with another byte")
{
    const unique_fd stranger = some_file();
    const unique_fd wanted = some_file();
    for (const style s : all_styles) {
        const raw_link r;
        message_duplex<> messages(r.link.socket);
        r.send("\3abc", {stranger.get()}); // beside an ordinary message
        r.send("\1");                      // none where one should be
        r.send("\1", {wanted.get()});
        CHECK(messages.recv(timeout).text() == "abc");
        CHECK(receive(r.link, s).error == errc::malformed);
        CHECK(identity(receive(r.link, s).handle.native_handle()) == identity(wanted.get()));
    }
}

TEST_CASE("handle_link: a receive that ends early leaves the handle with its byte")
{
    const unique_fd wanted = some_file();
    const auto before = settled_descriptors();
    for (const style s : all_styles) {
        const raw_link r;
        r.send("\2", {wanted.get()}); // the handle is there, its name is not
        CHECK(receive(r.link, s, deadline::now()).error == errc::timed_out);
        CHECK(receive(r.link, s, 1ms).error == errc::timed_out);
        std::stop_source stopped;
        stopped.request_stop();
        CHECK(receive(r.link, s, stopped.get_token()).error == errc::cancelled);
        r.send("\1");
        CHECK_FALSE(message_duplex<>(r.link.socket).with(r.link.handles).try_recv());
        r.send("n");
        const received got = receive(r.link, s);
        CHECK(identity(got.handle.native_handle()) == identity(wanted.get()));
        CHECK(got.handle.framing() == "n");
        // A handler that is never called takes it along: nobody else gets it.
        r.send("\1", {some_file().get()});
        r.send("\1", {wanted.get()});
        {
            asio::io_context never_run;
            message_duplex<>(r.link.socket)
                .with(r.link.handles)
                .async_recv(asio::bind_executor(never_run, [](error_code, const passed_handle&) {}));
        }
        while (identity(receive(r.link, s).handle.native_handle()) != identity(wanted.get())) {
        }
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("handle_link: a receive that is cancelled at any step has taken the handle or left it with its byte")
{
    const unique_fd wanted = some_file();
    const auto before = settled_descriptors();
    int cancelled = 0;
    for (int i = 0; i < 24; ++i) {
        const int steps = i / 2;
        const bool is_there = i % 2 != 0; // before anybody asks
        CAPTURE(steps, is_there);
        const raw_link r;
        if (is_there)
            r.send("\1", {wanted.get()});
        asio::io_context context;
        asio::cancellation_signal signal;
        received got;
        bool called = false;
        const auto note = [&](error_code ec, passed_handle h) {
            called = true;
            got.error = ec;
            got.handle = std::move(h);
        };
        message_duplex<>(r.link.socket)
            .with(r.link.handles)
            .async_recv(asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(context, note)));
        if (!is_there)
            r.send("\1", {wanted.get()});
        for (int n = 0; n < steps; ++n)
            (void)context.poll_one();
        signal.emit(asio::cancellation_type::terminal);
        context.run();
        REQUIRE(called);
        if (got.error) {
            CHECK(got.error == errc::cancelled);
            ++cancelled;
            got = receive(r.link, style::blocking);
        }
        CHECK(identity(got.handle.native_handle()) == identity(wanted.get()));
    }
    CHECK(cancelled > 0);
    CHECK(cancelled < 24);
    CHECK(open_descriptors() == before);
}

TEST_CASE("handle_link: handles that nobody asks for are closed in time, and cost neither memory nor descriptors")
{
    const unique_fd stranger = some_file();
    const unique_fd wanted = some_file();
    const auto before = settled_descriptors().size();
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit low{std::min<rlim_t>(256, limit.rlim_max), limit.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &low);
    {
        const raw_link r;
        message_duplex<> messages(r.link.socket);
        const auto one = [&] {
            r.send(std::string_view("\0", 1), {stranger.get()});
            CHECK(messages.recv(timeout).empty());
        };
        for (int i = 0; i < 500; ++i)
            one();
        CHECK(open_descriptors().size() <= before + low.rlim_cur / 4 + 3);
        if (!sanitized) {
            const std::size_t used = ::mallinfo2().uordblks;
            for (int i = 0; i < 2000; ++i)
                one();
            CHECK(::mallinfo2().uordblks < used + 4096);
        }
        // The one that somebody asks for comes all the same, and the others are gone.
        r.send("\1", {wanted.get()});
        CHECK(identity(receive(r.link, style::blocking).handle.native_handle()) == identity(wanted.get()));
        CHECK(open_descriptors().size() <= before + 4);

        // More than are held, before anybody asks: the first are reported as lost, the others come.
        for (int i = 0; i < 100; ++i)
            r.send("\1", {wanted.get()});
        reader all(messages.channel(), {});
        CHECK(code_of([&] { (void)all.recv(101, deadline::now()); }) == errc::timed_out); // all are there
        int lost = 0;
        for (int i = 0; i < 100; ++i) {
            const received got = receive(r.link, style::blocking);
            if (got.error)
                CHECK(got.error == errc::packet_truncated);
            CHECK((lost == i) >= got.error.failed()); // the first ones
            lost += got.error.failed();
        }
        CHECK(lost > 0);
        CHECK(lost < 100);
    }
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

TEST_CASE("handle_link: closing frees what was not asked for")
{
    const unique_fd stranger = some_file();
    const auto before = settled_descriptors();
    raw_link r;
    const handles kept = r.link.handles;
    message_duplex<> messages(r.link.socket);
    r.send(std::string_view("\0", 1), {stranger.get()});
    CHECK(messages.recv(timeout).empty());
    messages.close();
    r.peer.reset();
    CHECK(open_descriptors() == before);
}
