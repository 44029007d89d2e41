// Children of Windows.
#include "support/windows/pairs.hpp"

#include "support/test.hpp"
#include "support/windows/child_program.hpp"

#include <winsock2.h>

#include <windows.h>

using test::timeout;

namespace {

using command = std::vector<std::string>;

template <class In, class Out>
void converse(In& in, Out& out)
{
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{300'000}}) {
        CAPTURE(n);
        const std::string text(n, 'z');
        const bytes m{byte_view(text)};
        std::jthread sending([&] { out.send(m, timeout); });
        CHECK(in.recv(timeout) == m);
    }
}

error_code refusal(const command& c, std::initializer_list<child_handle> given)
{
    return test::code_of([&] { (void)spawn(c, given); });
}

} // namespace

TEST_CASE("child: talks over inherited pipes")
{
    auto [theirs_in, ours_out] = pipe(varint());
    auto [ours_in, theirs_out] = pipe(varint());
    child c = spawn(test::child_command({"echo pipes"}), {{theirs_in, 3}, {theirs_out, 4}});
    theirs_in.close();
    theirs_out.close();
    converse(ours_in, ours_out);
    ours_out.close();
    CHECK_THROWS_AS(ours_in.recv(timeout), eof_error);
    CHECK(c.wait(timeout).success());
}

TEST_CASE("child: talks over one inherited pipe, of bytes or of messages, also awaiting")
{
    for (const transfer_kind kind : {transfer_kind::stream, transfer_kind::message}) {
        for (const char* const role : {"echo", "echo awaiting"}) {
            CAPTURE(role, kind == transfer_kind::message);
            auto ends = test::named_pipe_pair(kind);
            message_duplex ours(std::move(ends.first), varint());
            duplex theirs(std::move(ends.second));
            child c = spawn(test::child_command({role}), theirs);
            theirs.close();
            converse(ours, ours);
            ours.close();
            CHECK(c.wait(timeout).success());
        }
    }
}

TEST_CASE("child: talks over an inherited socket")
{
    for (const char* const role : {"echo", "echo awaiting"}) {
        auto [c, ours] = spawn_connected(test::child_command({role}), varint());
        converse(ours, ours);
        ours.close();
        CHECK(c.wait(timeout).success());
    }
}

TEST_CASE("child: a coroutine talks to it")
{
    auto [c, ours] = spawn_connected(test::child_command({"echo"}), varint());
    boost::asio::io_context context;
    const auto talk = [](message_duplex<> d) -> boost::asio::awaitable<std::string> {
        co_await d.async_send("hello");
        const bytes m = co_await d.async_recv();
        co_return std::string(m.text());
    };
    auto answer = boost::asio::co_spawn(context, talk(ours), boost::asio::use_future);
    context.run();
    CHECK(answer.get() == "hello");
    ours.close();
    CHECK(c.wait(timeout).success());
}

TEST_CASE("child: an ordinary program's standard streams are pipes")
{
    auto [c, out, in] = spawn_piped(test::child_command({"shout"}));
    in.send("one\n");
    CHECK(out.recv_line(timeout).text() == "ONE\r");
    in.send("two\nthree\n");
    in.close();
    CHECK(out.recv_line(timeout).text() == "TWO\r");
    CHECK(out.recv_line(timeout).text() == "THREE\r");
    CHECK_THROWS_AS(out.recv(timeout), eof_error);
    CHECK(c.wait(timeout).success());
}

TEST_CASE("child: standard streams as ends of their own")
{
    auto [c, out, in] = spawn_piped(test::child_command({"echo streams"}), varint());
    converse(out, in);
    in.close();
    CHECK(c.wait(timeout).success());
}

TEST_CASE("child: arguments arrive as they are")
{
    const command sent{"",        "plain",      "two words", "\"quoted\"", R"(back\slash)", R"(ends in \)",
                       R"(a\"b)", R"(\\"x\\\)", "tab\there", "100%",       "^&|<>"};
    command c = test::child_command({"arguments"});
    c.insert(c.end(), sent.begin(), sent.end());
    auto [r, w] = pipe(varint());
    child process = spawn(c, w);
    w.close();
    for (const std::string& s : sent)
        CHECK(r.recv(timeout).text() == s);
    CHECK(process.wait(timeout).success());
}

TEST_CASE("child: how it ended, and waiting for it")
{
    CHECK(spawn(test::child_command({"exit", "7"}), {}).wait(timeout).code() == 7);

    auto [r, w] = pipe();
    child c = spawn(test::child_command({"wait"}), r);
    r.close();
    CHECK_THROWS_AS(c.wait(1ms), timeout_error);
    std::stop_source stop;
    std::jthread stopping([&] { stop.request_stop(); });
    CHECK_THROWS_AS(c.wait({timeout, stop.get_token()}), cancelled_error);
    c.kill();
    const exit_status s = c.wait(timeout);
    CHECK(s.code() == 1);
    CHECK(s.signal() == 0);
    CHECK(c.wait().code() == 1);
}

TEST_CASE("child: each sees the other go")
{
    SECTION("the child is killed")
    {
        auto [c, ours] = spawn_connected(test::child_command({"echo"}), varint());
        ours.send("x");
        CHECK(ours.recv(timeout).text() == "x");
        child& killed = c;
        std::jthread killing([&killed] { killed.kill(); });
        error_code ec;
        (void)ours.recv(timeout, ec);
        CHECK((ec == errc::end_of_stream || ec == condition::broken)); // TCP may say either
    }
    SECTION("the child is killed, a pipe")
    {
        auto ends = test::named_pipe_pair(transfer_kind::stream);
        message_duplex ours(std::move(ends.first), varint());
        duplex theirs(std::move(ends.second));
        child c = spawn(test::child_command({"echo"}), theirs);
        theirs.close();
        ours.send("x");
        CHECK(ours.recv(timeout).text() == "x");
        std::jthread killing([&] { c.kill(); });
        CHECK_THROWS_AS(ours.recv(timeout), eof_error);
    }
    SECTION("the parent closes")
    {
        auto [c, ours] = spawn_connected(test::child_command({"echo awaiting"}), varint());
        ours.close();
        CHECK(c.wait(timeout).success());
    }
}

TEST_CASE("child: gets no handle that it was not given")
{
    SECURITY_ATTRIBUTES inheritable{sizeof inheritable, nullptr, TRUE};
    const HANDLE leaky = ::CreateEventW(&inheritable, TRUE, FALSE, nullptr);
    REQUIRE(leaky != nullptr);
    const auto number = std::to_string(reinterpret_cast<std::uintptr_t>(leaky));
    CHECK(spawn(test::child_command({"signal", number}), {}).wait(timeout).success());
    CHECK(::WaitForSingleObject(leaky, 0) == WAIT_TIMEOUT);
    ::CloseHandle(leaky);
}

TEST_CASE("child: ends with its parent, when asked")
{
    auto [theirs_in, ours_out] = pipe();
    auto [ours_in, theirs_out] = pipe();
    child c = spawn(test::child_command({"parent"}), {{theirs_in, 3}, {theirs_out, 4}});
    theirs_in.close();
    theirs_out.close();
    CHECK(ours_in.recv(7, timeout).text() == "started");
    c.kill(); // its own child holds the pipe as well
    CHECK_THROWS_AS(ours_in.recv(timeout), eof_error);
}

TEST_CASE("child: what cannot be started")
{
    auto [r, w] = pipe();
    CHECK_THROWS_AS(spawn({"no-such-program-anywhere"}, w), error);
    CHECK(refusal({}, {}) == errc::invalid_argument);
    CHECK(refusal(test::child_command({"exit", "0"}), {{r, 3}, {w, 3}}) == errc::invalid_argument);
    CHECK(refusal(test::child_command({"exit", "0"}), {{r, -1}}) == errc::invalid_argument);
    CHECK(refusal({"x.BAT", "argument"}, {}) == errc::invalid_argument);
    CHECK(refusal({"\xff"}, {}) == errc::invalid_argument);
    auto sockets = socketpair();
    CHECK(refusal(test::child_command({"exit", "0"}), {{sockets.first, 0}}) == errc::unsupported);
    w.close();
    CHECK(refusal(test::child_command({"exit", "0"}), {{w, 3}}) == errc::closed);
    CHECK_THROWS_AS(inherited(), usage_error);
}
