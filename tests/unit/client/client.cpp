#include <ferrule/client/client.hpp>

#include "support/instrument.hpp"
#include "support/memory_pair.hpp"
#include "support/test.hpp"
#include "support/ways.hpp"

#include "src/client/client_core.hpp"
#include "src/net/accept_queue.hpp"
#include "src/testing/until_true.hpp"

namespace {

using testing::kit::until_true;

std::string text(const std::vector<bytes>& lines)
{
    std::string all;
    for (const bytes& line : lines)
        all.append(line.text()).append("|");
    return all;
}

/// What a failed call tells.
struct failure {
    error_code code;
    std::size_t sent = 0;
    std::string data;
    std::string what;
};
template <class Call>
failure failure_of(Call call)
{
    try {
        call();
    } catch (const error& e) {
        return {e.code(), e.transferred(), std::string(e.data().text()), e.what()};
    }
    return {};
}

} // namespace

TEST_CASE("client: it connects at the first call, and calls return their replies in every way")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    CHECK(!c.connected());
    CHECK(c.connections() == 0);
    CHECK(c.name() == peer.address().to_string());
    for (const way w : all_ways) {
        CHECK(ASK(w, c, query, "*IDN?").text() == "maker,model,1");
        CHECK(ASK(w, c, write_read_line, "*IDN?\n").text() == "maker,model,1");
        CHECK(ASK(w, c, write_read_exactly, "bytes 5\n", 5).text() == "xxxxx");
        CHECK(text(ASK(w, c, write_read_lines, "lines 3\n", 3)) == "1|2|3|");
        const std::vector<std::string> two{"say a|", "say b|"};
        CHECK(text(ASK(w, c, write_lines_read_lines, two)) == "a|b|");
        const std::vector<std::string> three{"say a|b|", "set x", "say c|"};
        CHECK(text(ASK(w, c, write_lines_read_lines, three, 3)) == "a|b|c|");
        CHECK(ASK(w, c, write_read, "say some\n").text() == "some");
        ASK(w, c, write, "say more");
        ASK(w, c, write, " and more\n");
        CHECK(ASK(w, c, read_exactly, 4).text() == "more");
        CHECK(ASK(w, c, read, 4).text() == " and");
        CHECK(ASK(w, c, read).text() == " more");
        ASK(w, c, write_line, "say one> two# three|four|five|rest");
        CHECK(ASK(w, c, read_until, detail::separators("> ", "# ")).text() == "one> ");
        CHECK(ASK(w, c, read_until, detail::separators("> ", "# ")).text() == "two# ");
        CHECK(ASK(w, c, read_line).text() == "three");
        CHECK(text(ASK(w, c, read_lines, 2)) == "four|five|");
        CHECK(ASK(w, c, read_until_silence, 50ms).text() == "rest");
        ASK(w, c, write_lines, two);
        CHECK(ASK(w, c, read_exactly, 0).empty());
        CHECK(ASK(w, c, read_lines, 0).empty());
        CHECK(text(ASK(w, c, read_lines, 2)) == "a|b|");
    }
    CHECK(c.connections() == 1);
    CHECK(c.connected());
}

TEST_CASE("client: each call has its own end of line")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout).end_of_line({{"\r\n", ";"}, "\n"}));
    CHECK(c.query("say one;two\r").text() == "one"); // the reply ends with "\r" and no line
    CHECK(c.read_exactly(4).text() == "two\r");
    CHECK(c.query("say one two|", line_end("\n")).text() == "one two");
    CHECK(c.write_read_line("say one two\n", {" ", timeout}).text() == "one");
    CHECK(text(c.read_lines(1, "o")) == "tw|");
}

TEST_CASE("client: buffered input can be looked at, taken and dropped, without waiting or connecting")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    for (const way w : all_ways) {
        c.close();
        CHECK(c.in_waiting() == 0);
        CHECK(ASK(w, c, read_buffer).empty());
        CHECK(ASK(w, c, reset_input) == 0);
        CHECK(!c.connected());
        ASK(w, c, write, "say 123456\n");
        until_true([&] { return c.in_waiting() == 6; });
        CHECK(ASK(w, c, read_exactly, 1).text() == "1");
        CHECK(c.in_waiting() == 5);
        CHECK(ASK(w, c, read_buffer).text() == "23456");
        CHECK(ASK(w, c, read_buffer).empty());
        ASK(w, c, write, "say 123456\n");
        until_true([&] { return c.in_waiting() == 6; });
        CHECK(ASK(w, c, reset_input) == 6);
        CHECK(c.in_waiting() == 0);
        CHECK(c.connected());
    }
}

TEST_CASE("client: input that nobody asked for is never the reply")
{
    instrument peer;
    std::string unasked;
    client c(peer.address(), client_options().timeout(timeout).on_unsolicited([&](bytes b) { unasked += b.text(); }));
    for (const way w : all_ways) {
        (void)c.query("*IDN?");
        peer.broadcast("junk\n");
        until_true([&] { return c.in_waiting() == 5; });
        CHECK(ASK(w, c, query, "*IDN?").text() == "maker,model,1");
    }
    CHECK(c.dropped() == 15);
    CHECK(unasked == "junk\njunk\njunk\n");
    // A write alone drops nothing, since a read may follow that wants it.
    peer.broadcast("1\n");
    until_true([&] { return c.in_waiting() == 2; });
    c.write_line("say 2|");
    CHECK(text(c.read_lines(2)) == "1|2|");
    CHECK(c.dropped() == 15);
}

TEST_CASE("client: an end of the connection is found before a request, which then goes to a new one")
{
    instrument peer;
    std::vector<std::string> told;
    client c(peer.address(), client_options()
                                 .timeout(timeout)
                                 .on_end([&] { told.emplace_back("end"); })
                                 .on_lost([&](error_code ec) { told.push_back(ec.message()); })
                                 .on_connected([&](const client_session&) { told.emplace_back("connected"); }));
    for (const way w : all_ways) {
        told.clear();
        (void)c.query("*IDN?");
        peer.broadcast("last words"); // what is left is no reply either
        peer.hang_up();
        until_true([&] { return !c.connected(); });
        CHECK(told.back() == "end of stream");
        CHECK(told[told.size() - 2] == "end");
        told.clear();
        CHECK(ASK(w, c, query, "*IDN?").text() == "maker,model,1");
        CHECK(told == std::vector<std::string>{"connected"});
        c.close();
        CHECK(told.back() == error_code().message());
        CHECK(told.size() == 2);
    }
    CHECK(c.connections() == 6);
}

TEST_CASE("client: a lost reply fails its call alone, says what has left, and is not asked for again")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    for (const way w : all_ways) {
        const std::size_t before = peer.commands().size();
        const failure end = failure_of([&] { (void)ASK(w, c, query, "end"); });
        CHECK(end.code == errc::end_of_stream);
        CHECK(end.sent == 4);
        CHECK(end.what.find(peer.address().to_string() + ": the request has left") != std::string::npos);
        CHECK(!c.connected());
        const failure half = failure_of([&] { (void)ASK(w, c, write_read_lines, "half one|tw\n", 2); });
        CHECK(half.code == errc::truncated);
        CHECK(half.sent == 12);
        CHECK(half.data == "one\ntw");
        CHECK(peer.commands().size() == before + 2);
        CHECK(ASK(w, c, query, "*IDN?").text() == "maker,model,1");
    }
}

TEST_CASE("client: a request that is idempotent is asked for again")
{
    std::atomic<int> times = 0;
    server<> once_deaf(
        "tcp://127.0.0.1:0",
        [&](duplex peer) {
            (void)peer.recv_line();
            if (++times % 2 == 0)
                peer.send("now\n");
        },
        server_options().threads(2));
    client c(once_deaf.address(), client_options().timeout(timeout));
    for (const way w : all_ways) {
        CHECK(ASK(w, c, query, "state?", call_options().idempotent()).text() == "now");
        c.close();
        CHECK(failure_of([&] { (void)ASK(w, c, query, "fire!"); }).sent == 6);
        CHECK(times % 2 == 1);
        ++times;
    }
}

TEST_CASE("client: a late reply closes the connection, so that it is nobody else's")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    for (const way w : all_ways) {
        (void)c.query("*IDN?");
        const auto before = c.connections();
        const failure late = failure_of([&] { (void)ASK(w, c, query, "say part", 500ms); });
        CHECK(late.code == errc::timed_out);
        CHECK(late.sent == 9);
        CHECK(late.data == "part");
        CHECK(!c.connected());
        CHECK(ASK(w, c, query, "*IDN?").text() == "maker,model,1");
        CHECK(c.connections() == before + 1);
        // The same if request and reply are two calls.
        ASK(w, c, write_line, "set nothing");
        CHECK(failure_of([&] { (void)ASK(w, c, read_line, 1ms); }).code == errc::timed_out);
        CHECK(!c.connected());
    }
}

TEST_CASE("client: a read that nobody asked the instrument for may time out, and loses nothing")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    for (const way w : all_ways) {
        (void)c.query("*IDN?");
        peer.broadcast("ha");
        const failure late = failure_of([&] { (void)ASK(w, c, read_line, 30ms); });
        CHECK(late.code == errc::timed_out);
        CHECK(late.sent == 0);
        CHECK(late.data == "ha");
        peer.broadcast("lf\nanother\n");
        CHECK(failure_of([&] { (void)ASK(w, c, read_lines, 3, 30ms); }).data == "half\nanother\n");
        CHECK(text(ASK(w, c, read_lines, 2)) == "half|another|");
    }
    CHECK(c.connections() == 1);
}

TEST_CASE("client: a line beyond the limit ends the connection, and the next call works")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout).limits(limits(20)));
    for (const way w : all_ways) {
        CHECK(failure_of([&] { (void)ASK(w, c, query, "bytes 100"); }).code == errc::too_large);
        CHECK(ASK(w, c, query, "*IDN?").text() == "maker,model,1");
    }
}

TEST_CASE("client: one deadline covers the wait for others, connecting and the reply")
{
    instrument peer;
    client c(peer.address());
    for (const way w : all_ways) {
        const std::size_t before = peer.commands().size();
        std::thread other([&] { CHECK(failure_of([&] { (void)c.query("set busy", timeout); }).code == errc::closed); });
        until_true([&] { return peer.commands().size() > before; });
        const auto start = std::chrono::steady_clock::now();
        CHECK(failure_of([&] { (void)ASK(w, c, query, "*IDN?", 20ms); }).code == errc::lock_timed_out);
        CHECK(std::chrono::steady_clock::now() - start < timeout / 2);
        CHECK(failure_of([&] { (void)ASK(w, c, query, "*IDN?", 0ms); }).code == errc::lock_timed_out);
        c.close();
        other.join();
    }
    CHECK(peer.commands() == std::vector<std::string>(3, "set busy"));
}

namespace {

// Answers `n` requests at a time, in their order.
void answer_together(duplex peer, int n)
{
    for (;;) {
        std::vector<std::string> lines;
        for (int i = 0; i < n; ++i)
            lines.emplace_back(peer.recv_line().text());
        for (const std::string& line : lines)
            peer.send("re " + line + "\n");
    }
}

} // namespace

TEST_CASE("client: requests in a row, of which each gets its own reply")
{
    server<> here(
        "tcp://127.0.0.1:0", [](duplex peer) { answer_together(std::move(peer), 4); }, server_options().threads(1));
    client c(here.address(), client_options().timeout(timeout).pipeline(4));
    for (const way w : all_ways) {
        std::vector<std::thread> callers;
        std::atomic<int> right = 0;
        for (int i = 0; i < 4; ++i)
            callers.emplace_back([&, i] {
                for (int k = 0; k < 20; ++k) {
                    const std::string text = std::to_string(i) + "/" + std::to_string(k);
                    right += ASK(w, c, query, text).text() == "re " + text;
                }
            });
        for (std::thread& t : callers)
            t.join();
        CHECK(right == 80);
    }
    CHECK(c.connections() == 1);
}

TEST_CASE("client: no more requests are under way than allowed, and others wait until none is")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout).pipeline(2));
    std::vector<std::thread> callers;
    std::atomic<int> refused = 0;
    for (int i = 0; i < 2; ++i)
        callers.emplace_back([&] { refused += failure_of([&] { (void)c.query("set x"); }).sent == 6; });
    until_true([&] { return peer.commands().size() == 2; });
    CHECK(failure_of([&] { (void)c.query("set y", 20ms); }).code == errc::lock_timed_out);
    CHECK(failure_of([&] { c.write_line("set y", 20ms); }).code == errc::lock_timed_out);
    CHECK(c.connected());
    CHECK(c.in_waiting() == 0);
    CHECK(peer.commands().size() == 2);
    peer.broadcast("ok\n");
    peer.broadcast("ok\n");
    for (std::thread& t : callers)
        t.join();
    CHECK(refused == 0);
    c.write_line("set y");
    until_true([&] { return peer.commands().size() == 3; });
}

TEST_CASE("client: requests in a row fail together, say what has left, and the next works")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout).pipeline(3));
    for (const way w : all_ways) {
        const std::size_t before = peer.commands().size();
        std::vector<std::thread> callers;
        std::atomic<int> late = 0;
        std::atomic<int> failed = 0;
        callers.emplace_back([&] { late += failure_of([&] { (void)ASK(w, c, query, "set x", 500ms); }).sent == 6; });
        until_true([&] { return peer.commands().size() == before + 1 || late != 0; });
        for (int i = 0; i < 2; ++i)
            callers.emplace_back([&] {
                const failure f = failure_of([&] { (void)ASK(w, c, query, "set x"); });
                // One that came too late for the first connection waits on the next, until that is closed.
                failed += f.code == boost::system::errc::connection_aborted || f.code == errc::closed;
            });
        callers[0].join();
        until_true([&] {
            c.close();
            return failed == 2;
        });
        for (std::size_t i = 1; i < callers.size(); ++i)
            callers[i].join();
        CHECK(late == 1);
        CHECK(c.query("*IDN?").text() == "maker,model,1");
    }
}

TEST_CASE("client: twenty callers each get their own reply")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    asio::io_context context;
    std::vector<std::future<void>> coroutines;
    for (int i = 0; i < 10; ++i) {
        const std::string text = "reply" + std::to_string(i);
        threads.emplace_back([&c, &right, text] {
            for (int k = 0; k < 20; ++k)
                right += c.query("say " + text + "|").text() == text;
        });
        auto ask = [](client own, std::atomic<int>& count, std::string wanted) -> asio::awaitable<void> {
            for (int k = 0; k < 20; ++k) {
                const bytes reply = co_await own.async_query("say " + wanted + "!|");
                count += reply.text() == wanted + "!";
            }
        };
        coroutines.push_back(asio::co_spawn(context, ask(c, right, text), asio::use_future));
    }
    context.run();
    for (std::thread& t : threads)
        t.join();
    for (auto& f : coroutines)
        f.get();
    CHECK(right == 400);
    CHECK(c.connections() == 1);
}

TEST_CASE("client: close ends all calls, waiting or connecting, and the next call connects")
{
    instrument peer;
    client c(peer.address());
    for (const way w : all_ways) {
        (void)c.query("*IDN?", timeout);
        const std::size_t before = peer.commands().size();
        std::vector<std::thread> callers;
        std::atomic<int> closed = 0;
        for (int i = 0; i < 4; ++i)
            callers.emplace_back(
                [&] { closed += failure_of([&] { (void)ASK(w, c, query, "set x", timeout); }).code == errc::closed; });
        until_true([&] { return peer.commands().size() > before; });
        until_true([&] {
            c.close(); // again, for those that had not begun
            return closed == 4;
        });
        for (std::thread& t : callers)
            t.join();
    }
}

TEST_CASE("client: close ends a call that waits for its turn, even if a later call has connected meanwhile")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    cross_lock& turn = c.as_caller().client->turn;
    turn.lock();
    asio::io_context context;
    auto waiting = asio::co_spawn(context, c.async_query("*IDN?"), asio::use_future);
    (void)context.poll();
    c.close();
    turn.unlock();
    CHECK(c.query("say later|").text() == "later"); // it overtakes, since the context does not run
    context.run();
    CHECK(code_of([&] { (void)waiting.get(); }) == errc::closed);
    CHECK(peer.commands() == std::vector<std::string>{"say later|"});
}

TEST_CASE("client: never connecting by itself, it says that it is not connected")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout).reconnect(reconnect::never()));
    for (const way w : all_ways) {
        const failure none = failure_of([&] { (void)ASK(w, c, query, "*IDN?"); });
        CHECK(none.code == boost::system::errc::not_connected);
        CHECK(none.code == condition::broken);
        CHECK(none.sent == 0);
        ASK(w, c, open);
        CHECK(failure_of([&] { ASK(w, c, open); }).code == boost::system::errc::already_connected);
        CHECK(ASK(w, c, query, "*IDN?").text() == "maker,model,1");
        c.close();
    }
    CHECK(c.connections() == 3);
}

TEST_CASE("client: a refused connection is told to the caller, and leaves no trace")
{
    address nobody = "tcp://127.0.0.1:1";
    {
        const listener<> here("tcp://127.0.0.1:0");
        nobody = here.address();
    }
    client c(nobody);
    for (const way w : all_ways) {
        const failure refused = failure_of([&] { ASK(w, c, open, timeout); });
        CHECK(refused.code == boost::system::errc::connection_refused);
        CHECK(refused.what.find(nobody.to_string()) != std::string::npos);
        CHECK(failure_of([&] { (void)ASK(w, c, query, "*IDN?", timeout); }).code ==
              boost::system::errc::connection_refused);
    }
    CHECK(c.connections() == 0);
    CHECK(!c.connected());
}

TEST_CASE("client: with retries a call outlasts the absence of its instrument")
{
    for (const way w : all_ways) {
        address there = "tcp://127.0.0.1:1";
        {
            const listener<> here("tcp://127.0.0.1:0");
            there = here.address();
        }
        client c(there, client_options().reconnect(reconnect::retry(1ms, 5ms)));
        const failure late = failure_of([&] { (void)ASK(w, c, query, "*IDN?", 300ms); });
        CHECK(late.code == condition::timeout);
        CHECK(late.what.find("refused") != std::string::npos); // the reason of the last attempt
        std::thread caller([&] { CHECK(ASK(w, c, query, "*IDN?", timeout).text() == "maker,model,1"); });
        instrument peer(there);
        caller.join();
        CHECK(c.connections() == 1);
    }
}

TEST_CASE("client: retries end by themselves, by a stop and by close")
{
    address there = "tcp://127.0.0.1:1";
    {
        const listener<> here("tcp://127.0.0.1:0");
        there = here.address();
    }
    for (const way w : all_ways) {
        client brief(there, client_options().reconnect(reconnect::retry(1ms, 2ms, 0.5, 20ms)));
        CHECK(failure_of([&] { (void)ASK(w, brief, query, "*IDN?"); }).code == boost::system::errc::connection_refused);

        client c(there, client_options().reconnect(reconnect::retry(1h, 1h, 0)));
        std::stop_source stop;
        std::thread stopper([&] { stop.request_stop(); });
        CHECK(failure_of([&] { (void)ASK(w, c, query, "*IDN?", stop.get_token()); }).code == errc::cancelled);
        stopper.join();

        std::atomic<bool> ended = false;
        std::thread caller([&] {
            CHECK(failure_of([&] { (void)ASK(w, c, query, "*IDN?"); }).code == errc::closed);
            ended = true;
        });
        until_true([&] {
            c.close();
            return ended.load();
        });
        caller.join();
    }
}

TEST_CASE("client: on_connected may talk while the caller waits, and its failure is the caller's")
{
    instrument peer;
    std::vector<std::string> greeting;
    std::optional<client_session> kept;
    int failing = 0;
    client c(peer.address(), client_options().timeout(timeout).on_connected([&](client_session s) {
        greeting.emplace_back(s.query("*IDN?").text());
        s.write_line("set up");
        if (failing == 1)
            throw std::runtime_error("not this one");
        if (failing == 2)
            (void)s.query("end");
        kept = s;
    }));
    for (const way w : all_ways) {
        failing = 0;
        CHECK(ASK(w, c, query, "say hello|").text() == "hello");
        CHECK(greeting.size() == 1);
        CHECK(failure_of([&] { (void)kept->query("*IDN?"); }).code == errc::closed);
        failing = 1;
        c.close();
        CHECK_THROWS_WITH((void)ASK(w, c, query, "say hello|"), "not this one");
        error_code ec;
        CHECK(c.query("*IDN?", {}, ec).empty());
        CHECK(ec == errc::callback_failed);
        failing = 2;
        CHECK(failure_of([&] { (void)ASK(w, c, query, "say hello|"); }).code == errc::end_of_stream);
        CHECK(!c.connected());
        greeting.clear();
    }
    CHECK(c.connections() == 3);
}

TEST_CASE("client: calls of a session are bounded by the call that connects")
{
    instrument peer;
    client c(peer.address(), client_options().on_connected([](client_session s) { (void)s.query("set x"); }));
    for (const way w : all_ways)
        CHECK(failure_of([&] { (void)ASK(w, c, query, "*IDN?", 30ms); }).code == errc::timed_out);
    CHECK(c.connections() == 0);
}

TEST_CASE("client: what arrives by itself is a stream of lines, of blocks and of parts")
{
    for (const way w : all_ways) {
        instrument peer;
        client c(peer.address(), client_options().timeout(timeout));
        const auto all = [&](reply_stream s) {
            std::string found;
            if (w == way::blocking) {
                for (const bytes& piece : s)
                    found.append(piece.text()).append("|");
            } else {
                while (const auto piece = ASK(w, s, next))
                    found.append(piece->text()).append("|");
            }
            return found;
        };
        c.write_line("half one|two|");
        CHECK(all(c.lines()) == "one|two|");
        CHECK(!c.connected());
        c.write_line("half 123456");
        CHECK(all(c.blocks(2)) == "12|34|56|");
        c.write_line("half a;b;");
        CHECK(all(c.parts(";")) == "a;|b;|");
        c.write_line("half one|tw");
        const failure cut = failure_of([&] { (void)all(c.lines()); });
        CHECK(cut.code == errc::truncated);
        CHECK(cut.data == "tw");
        CHECK(c.connections() == 4);
    }
}

TEST_CASE("client: read_all takes everything up to the end")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    for (const way w : all_ways) {
        c.write_line("half all of it");
        CHECK(ASK(w, c, read_all).text() == "all of it");
        CHECK(!c.connected());
    }
}

TEST_CASE("client: errors as codes")
{
    instrument peer;
    client c(peer.address(), client_options().timeout(timeout));
    error_code ec = errc::busy;
    CHECK(c.query("*IDN?", {}, ec).text() == "maker,model,1");
    CHECK(!ec);
    CHECK(c.query("end", {}, ec).empty());
    CHECK(ec == errc::end_of_stream);
    CHECK(c.read_lines(1, 0ms, ec).empty());
    CHECK(ec == condition::timeout);
    c.write_line("two\nlines", {}, ec);
    CHECK(ec == errc::unencodable);
    auto stream = c.lines(0ms);
    CHECK(!stream.next(ec));
    CHECK(ec == condition::timeout);
}

TEST_CASE("client: an endpoint with packets is refused, and a closed one is as good as none")
{
    client packets(connector("packets", [] { return duplex(memory_packet_pair().first); }));
    CHECK(failure_of([&] { packets.write_line("one", timeout); }).code == errc::unsupported);
    client closed(connector("closed", [] { return duplex(); }));
    CHECK(failure_of([&] { closed.write_line("one", timeout); }).code == errc::end_of_stream);
    CHECK(failure_of([&] { (void)closed.read_line(timeout); }).code == condition::broken);
}

TEST_CASE("client: an attempt to connect has a timeout of its own")
{
    // A connection that is never made: its stream has nothing to read.
    writer other_end;
    const auto never = [&] {
        auto [ours, theirs] = pipe();
        other_end = theirs;
        return message_reader<detail::accepted<void>>(ours,
                                                      detail::accepted<void>(std::make_shared<detail::accept_queue>()));
    };
    for (const way w : all_ways) {
        client c(connector("nobody", never), client_options().connect_timeout(20ms));
        CHECK(code_of([&] { (void)ASK(w, c, query, "*IDN?"); }) == errc::timed_out);
        CHECK(code_of([&] { other_end.send("late"); }) == condition::broken); // the attempt has ended
        CHECK(code_of([&] { ASK(w, c, open, 10ms); }) == errc::timed_out);
    }
}

TEST_CASE("client: the last handle closes the connection")
{
    instrument peer;
    {
        client c(peer.address(), client_options().timeout(timeout));
        (void)c.query("*IDN?");
        const client other = c;
        CHECK(other.connected());
    }
    until_true([&] { return peer.connections() == 0; });
}
