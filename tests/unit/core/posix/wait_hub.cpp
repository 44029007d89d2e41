// Many operations that wait in one context: each is woken for its own descriptor, and nothing is woken in vain.
#include "support/test.hpp"

#include "support/posix/descriptors.hpp"

#include <boost/asio/strand.hpp>

#include <sys/wait.h>

namespace {

/// Two descriptors of which a test writes to one and reads from the other with ferrule.
struct connection {
    explicit connection(std::pair<unique_fd, unique_fd> ends)
        : in(adopt(std::exchange(ends.first, {}).release())),
          out(std::move(ends.second))
    {
    }

    void write(std::string_view text, int flags = 0) const
    {
        REQUIRE(::send(out.get(), text.data(), text.size(), flags | MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    }

    duplex in;
    unique_fd out;
};

connection unix_connection()
{
    return connection(raw_socketpair(SOCK_STREAM));
}

connection tcp_connection()
{
    return connection(raw_tcp_pair());
}

/// A receive whose result a test can look at.
struct received {
    void begin(duplex& from, const asio::any_io_executor& on)
    {
        done = false;
        from.async_recv(asio::bind_executor(on, [this](error_code e, bytes b) {
            done = true;
            error = e;
            text = b.text();
        }));
    }

    bool done = false;
    error_code error;
    std::string text;
};

/// A context in which one operation waits all the time, so that it is told of what becomes ready.
struct busy {
    busy() { always.begin(other.in, context.get_executor()); }

    asio::io_context context{1};
    connection other = unix_connection();
    received always;
};

/// A connection in it, where a receive waits already.
struct conversation : busy {
    explicit conversation(connection with) : c(std::move(with))
    {
        receive();
        context.poll();
    }

    void receive() { r.begin(c.in, context.get_executor()); }
    void wait()
    {
        while (!r.done)
            context.run_one();
    }

    connection c;
    received r;
};

} // namespace

TEST_CASE("wait_hub: of many waiting operations, those whose input arrives continue")
{
    asio::io_context context;
    std::vector<connection> all;
    std::vector<received> results(100);
    for (std::size_t i = 0; i < results.size(); ++i) {
        all.push_back(i % 2 == 0 ? unix_connection() : tcp_connection());
        results[i].begin(all[i].in, context.get_executor());
    }
    context.poll();
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < results.size(); i += 7)
            all[i].write(std::to_string(i));
        for (std::size_t i = 0; i < results.size(); i += 7)
            while (!results[i].done)
                context.run_one();
        context.poll();
        for (std::size_t i = 0; i < results.size(); ++i) {
            CHECK(results[i].done == (i % 7 == 0));
            if (!results[i].done)
                continue;
            CHECK(results[i].text == std::to_string(i));
            results[i].begin(all[i].in, context.get_executor());
        }
        context.poll();
    }
    for (connection& c : all)
        c.in.close();
    context.run(); // which ends, since nothing waits any more
    for (const received& r : results)
        CHECK(r.done);
}

TEST_CASE("wait_hub: waiting operations of one context share its descriptors")
{
    asio::io_context context;
    std::vector<connection> all;
    for (int i = 0; i < 50; ++i)
        all.push_back(unix_connection());
    std::vector<received> results(all.size());
    results[0].begin(all[0].in, context.get_executor());
    context.poll();
    const auto descriptors = open_descriptors();
    for (std::size_t i = 1; i < all.size(); ++i)
        results[i].begin(all[i].in, context.get_executor());
    context.poll();
    CHECK(open_descriptors() == descriptors);
    for (connection& c : all)
        c.in.close();
    context.run();
}

TEST_CASE("wait_hub: input that arrives while nobody waits for it is there for the next who does")
{
    conversation t(GENERATE(0, 1) == 0 ? unix_connection() : tcp_connection());
    t.c.write("first");
    t.wait();
    CHECK(t.r.text == "first");

    t.c.write("second");
    t.context.run_one(); // is told of it
    CHECK(t.context.poll() == 0);
    t.receive();
    t.wait();
    CHECK(t.r.text == "second");
}

TEST_CASE("wait_hub: unread input of others wakes nobody again and again")
{
    conversation t(unix_connection());
    t.c.write("first");
    t.wait();
    t.c.write("second");
    t.context.run_one();
    for (int i = 0; i < 10; ++i)
        CHECK(t.context.poll() == 0);
    CHECK(!t.always.done);
}

TEST_CASE("wait_hub: an end that arrives together with input is seen")
{
    conversation t(GENERATE(0, 1) == 0 ? unix_connection() : tcp_connection());
    t.c.write("all");
    t.c.out.reset();
    t.wait();
    CHECK(t.r.text == "all");
    t.receive();
    t.wait();
    CHECK(t.r.error == errc::end_of_stream);
}

TEST_CASE("wait_hub: bytes behind a descriptor that was sent are received without new input")
{
    conversation t(unix_connection());
    char control[CMSG_SPACE(sizeof(int))] = {};
    char text[] = "with one";
    iovec part{text, 8};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr& header = *CMSG_FIRSTHDR(&message);
    header.cmsg_level = SOL_SOCKET;
    header.cmsg_type = SCM_RIGHTS;
    header.cmsg_len = CMSG_LEN(sizeof(int));
    const int sent = t.c.out.get();
    std::memcpy(CMSG_DATA(&header), &sent, sizeof sent);
    REQUIRE(::sendmsg(t.c.out.get(), &message, MSG_NOSIGNAL) == 8);
    t.c.write("behind it");
    for (const char* expected : {"with one", "behind it"}) {
        t.wait();
        CHECK(t.r.text == expected);
        t.receive();
        t.context.poll();
    }
    t.c.in.close();
    t.context.poll();
}

TEST_CASE("wait_hub: bytes behind urgent data are received without new input, and it wakes nobody for ever")
{
    conversation t(tcp_connection());
    t.c.write("before!", MSG_OOB); // the last byte is urgent
    t.c.write("behind");
    std::string all;
    while (all != "beforebehind") {
        t.wait();
        all += t.r.text;
        t.receive();
    }
    while (t.context.poll() != 0) {
    }
    CHECK(!t.r.done);
    for (int i = 0; i < 10; ++i)
        CHECK(t.context.poll() == 0);
    t.c.in.close();
    t.context.poll();
}

TEST_CASE("wait_hub: what a cancelled operation was woken for is there for the next one")
{
    busy b;
    connection c = unix_connection();
    const auto strand = asio::make_strand(b.context);
    received first;
    asio::cancellation_signal stop;
    c.in.async_recv(
        asio::bind_cancellation_slot(stop.slot(), asio::bind_executor(strand, [&](error_code e, const bytes&) {
                                         first.done = true;
                                         first.error = e;
                                     })));
    b.context.poll();
    c.write("kept");
    b.context.run_one(); // hands the operation to the strand
    REQUIRE(!first.done);
    stop.emit(asio::cancellation_type::terminal);
    while (!first.done)
        b.context.run_one();
    received second;
    second.begin(c.in, b.context.get_executor());
    while (!second.done)
        b.context.run_one();
    CHECK(second.text + first.text == "kept");
}

TEST_CASE("wait_hub: an exception of a handler leaves `run`, and the others continue after it")
{
    asio::io_context context(1);
    std::vector<connection> all;
    std::vector<received> results(3);
    for (std::size_t i = 0; i < 3; ++i) {
        all.push_back(unix_connection());
        all.push_back(unix_connection());
    }
    for (std::size_t i = 0; i < 3; ++i) {
        all[i].in.async_recv(asio::bind_executor(context.get_executor(), [](error_code, const bytes&) { throw 1; }));
        results[i].begin(all[3 + i].in, context.get_executor());
    }
    context.poll();
    for (const connection& c : all)
        c.write("x");
    int thrown = 0;
    for (;;) {
        try {
            context.run();
            break;
        } catch (int) {
            ++thrown;
        }
    }
    CHECK(thrown == 3);
    for (const received& r : results)
        CHECK(r.text == "x");
}

TEST_CASE("wait_hub: unread input does not wake who waits to send on the same descriptor")
{
    asio::io_context context(1);
    connection c = unix_connection();
    received r;
    r.begin(c.in, context.get_executor());
    context.poll();
    c.write("first");
    while (!r.done)
        context.run_one();
    c.write("unread");
    const std::string large(4 << 20, 'x');
    bool sent = false;
    context.restart();
    c.in.async_send(large, asio::bind_executor(context, [&](error_code, std::size_t) { sent = true; }));
    while (context.poll_one() != 0) {
    }
    for (int i = 0; i < 10; ++i)
        CHECK(context.poll() == 0);
    CHECK(!sent);
    c.in.close();
    context.run();
}

TEST_CASE("wait_hub: a handler that blocks keeps no other operation of the context waiting")
{
    asio::io_context context;
    connection slow = unix_connection();
    connection quick = unix_connection();
    std::promise<void> go_on;
    std::promise<void> blocked;
    const auto executor = [&](bool of_its_own) {
        return of_its_own ? asio::any_io_executor(asio::make_strand(context))
                          : asio::any_io_executor(context.get_executor());
    };
    slow.in.async_recv(asio::bind_executor(executor(GENERATE(false, true)), [&](error_code, const bytes&) {
        blocked.set_value();
        go_on.get_future().wait();
    }));
    std::promise<std::string> answer;
    quick.in.async_recv(asio::bind_executor(
        executor(GENERATE(false, true)), [&](error_code, const bytes& b) { answer.set_value(std::string(b.text())); }));
    const bool at_once = GENERATE(false, true);
    if (at_once) {
        quick.write("answer");
        slow.write("x");
    }
    std::jthread one([&] { context.run(); });
    std::jthread two([&] { context.run(); });
    if (!at_once)
        slow.write("x");
    blocked.get_future().wait();
    if (!at_once)
        quick.write("answer");
    auto arrived = answer.get_future();
    CHECK(arrived.wait_for(10s) == std::future_status::ready);
    go_on.set_value();
    CHECK(arrived.get() == "answer");
}

TEST_CASE("wait_hub: operations that are ready together are shared by the threads of the context")
{
    asio::io_context context;
    std::vector<connection> all;
    std::vector<std::promise<void>> begun(3);
    std::promise<void> go_on;
    const std::shared_future<void> may_go_on = go_on.get_future().share();
    for (std::promise<void>& mine : begun) {
        all.push_back(unix_connection());
        all.back().in.async_recv(asio::bind_executor(context, [&](error_code, const bytes&) {
            mine.set_value();
            may_go_on.wait();
        }));
        all.back().write("x");
    }
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < begun.size(); ++i)
        threads.emplace_back([&] { context.run(); });
    for (std::promise<void>& one : begun)
        CHECK(one.get_future().wait_for(10s) == std::future_status::ready);
    go_on.set_value();
}

TEST_CASE("wait_hub: a context that a handler stops is soon left, and the rest continues after it")
{
    asio::io_context context(1);
    std::vector<connection> all;
    std::size_t done = 0;
    for (int i = 0; i < 30; ++i) {
        all.push_back(unix_connection());
        all.back().in.async_recv(asio::bind_executor(context, [&](error_code, const bytes&) {
            if (++done == 1)
                context.stop();
        }));
    }
    context.poll();
    for (const connection& c : all)
        c.write("x");
    context.run();
    CHECK(done <= 4);
    context.restart();
    context.run();
    CHECK(done == all.size());
}

TEST_CASE("wait_hub: the child of a fork inside a handler continues none of the parent's operations")
{
    asio::io_context context(1);
    std::vector<connection> all;
    const pid_t parent = ::getpid();
    pid_t child = -1;
    bool continued = false;
    for (int i = 0; i < 3; ++i) {
        all.push_back(unix_connection());
        all.back().in.async_recv(asio::bind_executor(context, [&](error_code, const bytes&) {
            if (child < 0)
                child = ::fork();
            else
                continued = true;
        }));
    }
    context.poll();
    for (const connection& c : all)
        c.write("x");
    context.poll();
    if (::getpid() != parent)
        ::_exit(continued ? 1 : 0);
    CHECK(continued);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("wait_hub: an endpoint that the system refuses to watch is forgotten")
{
    // Of which a read never finds anything, and whose second wait is for a file.
    class fickle {
    public:
        explicit fickle(unique_fd first) : first_(std::move(first)) {}
        io_result try_read(std::span<std::byte>) noexcept { return io_result::would_block(); }
        io_result try_write(std::span<const byte_view>) noexcept { return io_result::would_block(); }
        readiness arm(direction) noexcept { return readiness::readable(waits_++ == 0 ? first_.get() : file_.get()); }
        void close() noexcept
        {
            first_.reset();
            file_.reset();
        }

    private:
        unique_fd first_;
        unique_fd file_{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
        int waits_ = 0;
    };
    std::optional<busy> b(std::in_place);
    auto [in, out] = raw_socketpair(SOCK_STREAM);
    received r;
    {
        duplex d(fickle(std::move(in)));
        r.begin(d, b->context.get_executor());
        b->context.poll();
        write_all(out.get(), "x");
        while (!r.done)
            b->context.run_one();
        CHECK(r.error == std::errc::operation_not_permitted);
    }
    b->other.write("x");
    while (!b->always.done)
        b->context.run_one();
    b.reset(); // ends what the hub still knows
}
