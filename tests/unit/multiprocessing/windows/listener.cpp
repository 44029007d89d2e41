// Listeners and clients of Python's multiprocessing over named pipes and TCP; and an end that is not ours, which speaks as CPython
// does on pipes.
#include <ferrule/asio.hpp>
#include <ferrule/python/listener.hpp>

#include "support/calls.hpp"
#include "support/catch.hpp"
#include "support/framing_bytes.hpp"
#include "support/watchdog.hpp"
#include "windows/raw_pipe.hpp"

#include <windows.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

using namespace ferrule;
using namespace ferrule::test;
using namespace std::chrono_literals;
namespace py = ferrule::python;

namespace {

constexpr auto patience = 60s;
const std::string key = "secret-key-0123"; // that of tests/vectors/auth.json
const std::vector<std::string> with_key_and_without = {key, ""};

using connection = message_duplex<multiprocessing>;

std::vector<address> addresses()
{
    return {address::pipe(fresh_pipe_name()), address::tcp("127.0.0.1", 0)};
}

connection accept(py::listener<>& l, bool as_coroutine)
{
    return as_coroutine ? run(l.async_accept(patience)) : l.accept(patience);
}
connection connect(const address& a, const py::connect_options& o, bool as_coroutine)
{
    return as_coroutine ? run(py::async_connect(a, o, patience)) : py::connect(a, o, patience);
}

// Looks at whoever comes, until `over()`. Nobody is to get through.
template <class Over>
void refuse_everybody(py::listener<>& l, Over over)
{
    while (!over()) {
        error_code ec;
        (void)l.accept(10ms, ec);
        REQUIRE(ec == errc::timed_out);
    }
}

// What both say in the first transcript, without the headers, which pipes do not have.
const std::string listeners_challenge =
    from_hex("234348414c4c454e4745237b7368613235367d000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
             "2021222324252627");
const std::string clients_response =
    from_hex("7b7368613235367dd0737cb6632f54900f3b303707a2ed3a698f00a4cac18b422cfe5f1644884add");
const std::string clients_challenge =
    from_hex("234348414c4c454e4745237b7368613235367d404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
             "6061626364656667");
const std::string listeners_response =
    from_hex("7b7368613235367d361dc3274d1acb06c6232c1abf82859dd6a91544466cc9565b3c78807c8ac979");
const std::string welcome = "#WELCOME#";

} // namespace

TEST_CASE("listener: clients get through by pipe and TCP, with a key and without, and both ways objects go")
{
    const watchdog guard("a listener");
    for (const address& a : addresses()) {
        for (const std::string& k : with_key_and_without) {
            for (const bool as_coroutine : {false, true}) {
                INFO(a.to_string() << ", " << k);
                py::listener<> listener(a, py::listener_options().authkey(k));
                std::jthread client([&] {
                    auto c = connect(listener.address(), py::connect_options().authkey(k), as_coroutine);
                    c.send(py::value(1, 2), patience);
                    CHECK(c.recv(patience) == py::value("hello"));
                });
                auto c = accept(listener, as_coroutine);
                CHECK(c.recv(patience) == py::value(1, 2));
                c.send("hello", patience);
                client.join();
                CHECK(code_of([&] { (void)c.recv(patience); }) == errc::end_of_stream);
            }
        }
    }
}

TEST_CASE("listener: the name of a host is looked up, and there may be IPv6")
{
    const watchdog guard("a listener");
    for (const bool as_coroutine : {false, true}) {
        py::listener<> listener(address::tcp("localhost", 0), py::listener_options().authkey(key));
        const address by_name = address::tcp("localhost", listener.address().port());
        std::jthread client(
            [&] { connect(by_name, py::connect_options().authkey(key), as_coroutine).send("found", patience); });
        CHECK(listener.accept(patience).recv(patience) == py::value("found"));
    }
    try {
        py::listener<> listener(address::tcp("::1", 0));
        std::jthread client([&] { py::connect(listener.address(), {}, patience).send("six", patience); });
        CHECK(listener.accept(patience).recv(patience) == py::value("six"));
    } catch (const error& e) {
        WARN(e.what());
    }
}

TEST_CASE("listener: nothing of it stays when it has gone, nor of those who came")
{
    const watchdog guard("a listener");
    const auto once = [](const address& a) {
        py::listener<> listener(a, py::listener_options().authkey(key));
        std::jthread client(
            [&] { (void)py::connect(listener.address(), py::connect_options().authkey(key), patience); });
        (void)listener.accept(patience);
        error_code ec;
        (void)listener.accept(1ms, ec);
    };
    for (const address& a : addresses()) {
        for (int i = 0; i < 5; ++i) // what is made once stays
            once(a);
        const unsigned long before = open_handles();
        for (int i = 0; i < 20; ++i)
            once(a);
        INFO(before << ", then " << open_handles());
        CHECK(open_handles() < before + 20);
    }
}

TEST_CASE("listener: without an address it listens at a pipe of its own, at which others find it")
{
    const watchdog guard("a listener");
    py::listener<> first(py::listener_options().authkey(key));
    py::listener<> second(py::listener_options().authkey(key));
    CHECK(first.address().kind() == address::family::pipe);
    CHECK(!(first.address() == second.address()));
    CHECK(py::to_address(py::from_address(first.address())) == first.address());
    if (!is_wine()) // which lets anybody be the first
        CHECK(code_of([&] { py::listener<> again(first.address()); }) == boost::system::errc::permission_denied);
    // A large message, in pieces for the pipe.
    const std::string large(3 << 20, 'x');
    std::jthread client(
        [&] { py::connect(first.address(), py::connect_options().authkey(key), patience).send(large, patience); });
    CHECK(first.accept(patience).recv(patience).as<std::string_view>() == large);
}

TEST_CASE("listener: several clients at once are told apart")
{
    const watchdog guard("a listener");
    for (const address& a : addresses()) {
        py::listener<> listener(a, py::listener_options().authkey(key));
        constexpr int clients = 8;
        std::vector<std::jthread> threads;
        std::atomic<int> served{0};
        for (int i = 0; i < clients; ++i)
            threads.emplace_back([&, i] {
                auto c = connect(listener.address(), py::connect_options().authkey(key), i % 2 == 0);
                c.send(i, patience);
                if (c.recv(patience) == py::value(10 * i))
                    ++served;
            });
        for (int i = 0; i < clients; ++i) {
            auto c = listener.accept(patience);
            c.send(10 * c.recv(patience).as<int>(), patience);
            CHECK(code_of([&] { (void)c.recv(patience); }) == errc::end_of_stream);
        }
        threads.clear();
        CHECK(served == clients);
    }
}

TEST_CASE("listener: whoever does not know the key is refused, and both sides say so")
{
    const watchdog guard("a listener");
    for (const address& a : addresses()) {
        INFO(a.to_string());
        std::vector<error_code> refused;
        py::listener<> listener(
            a, py::listener_options().authkey(key).on_refused([&](const error& e) { refused.push_back(e.code()); }));
        std::atomic<int> clients = 0;
        std::jthread wrong([&] {
            CHECK(code_of([&] {
                      (void)py::connect(listener.address(), py::connect_options().authkey("wrong"), patience);
                  }) == errc::unauthenticated);
            ++clients;
            // Without a key: what arrives is a challenge, and no object.
            auto c = py::connect(listener.address(), {}, patience);
            CHECK(code_of([&] { (void)c.recv(patience); }) == errc::unauthenticated);
            c.close();
            ++clients;
        });
        refuse_everybody(listener, [&] { return clients == 2 && refused.size() == 2; });
        CHECK(refused[0] == errc::unauthenticated);
        CHECK(refused[1] == condition::end);
        // With a key where none is wanted: nobody ever asks for it.
        py::listener<> open;
        CHECK(code_of([&] { (void)py::connect(open.address(), py::connect_options().authkey(key), 50ms); }) ==
              errc::timed_out);
    }
}

TEST_CASE("listener: peers that say nothing, or too much, keep nobody out")
{
    const watchdog guard("a listener");
    std::vector<error_code> refused;
    py::listener<> listener(
        py::listener_options().authkey(key).handshake_timeout(2s).unauthenticated_at_most(4).on_refused(
            [&](const error& e) { refused.push_back(e.code()); }));
    std::atomic<int> connected = 0;
    std::vector<raw_pipe> crowd;
    std::jthread client([&] {
        for (int i = 0; i < 10; ++i) {
            crowd.push_back(raw_pipe::connect(listener.address().name()));
            ++connected;
        }
        raw_pipe talker = raw_pipe::connect(listener.address().name());
        talker.send(std::string(257, '#'));
        py::connect(listener.address(), py::connect_options().authkey(key), patience).send("honest", patience);
    });
    auto c = listener.accept(patience);
    CHECK(c.recv(patience) == py::value("honest"));
    client.join();
    CHECK(connected == 10);
    refuse_everybody(listener, [&] { return refused.size() == 11; });
    CHECK(std::count(refused.begin(), refused.end(), make_error_code(errc::too_large)) == 1);
    CHECK(std::count(refused.begin(), refused.end(), make_error_code(errc::timed_out)) == 10);
    CHECK(crowd.back().recv().starts_with("#CHALLENGE#{sha256}"));
    CHECK_THROWS(crowd.back().recv()); // hung up
}

TEST_CASE("listener: more peers are waited for than one wait of Windows takes handles")
{
    const watchdog guard("a listener with a crowd");
    py::listener<> listener(py::listener_options().authkey(key).handshake_timeout(patience).unauthenticated_at_most(
        2 * MAXIMUM_WAIT_OBJECTS));
    std::jthread client([&] {
        std::vector<raw_pipe> crowd;
        for (int i = 0; i < MAXIMUM_WAIT_OBJECTS + 20; ++i) {
            crowd.push_back(raw_pipe::connect(listener.address().name()));
            CHECK(crowd.back().recv().starts_with("#CHALLENGE#"));
        }
        py::connect(listener.address(), py::connect_options().authkey(key), patience).send("honest", patience);
        py::connect(listener.address(), py::connect_options().authkey(key), patience).send("too", patience);
    });
    for (const char* word : {"honest", "too"}) {
        auto c = listener.accept(patience);
        CHECK(c.recv(patience) == py::value(word));
    }
}

TEST_CASE("listener: close answers whoever accepts, and the address is free again")
{
    const watchdog guard("a listener");
    for (const address& a : addresses()) {
        for (const bool as_coroutine : {false, true}) {
            py::listener<> listener(a, py::listener_options().authkey(key));
            error_code ec;
            (void)listener.accept(1ms, ec);
            CHECK(ec == errc::timed_out);
            CHECK(!listener.try_accept());
            std::jthread waiting(
                [&] { CHECK(code_of([&] { (void)accept(listener, as_coroutine); }) == errc::closed); });
            std::this_thread::yield();
            listener.close();
            waiting.join();
            // What was accepted before lives on, and one who has connected but was not taken sees the end.
            py::listener<> next(a);
            auto pending = py::connect(next.address(), {}, patience);
            next.close();
            const error_code end = code_of([&] { (void)pending.recv(patience); });
            CHECK((end == condition::end || end == condition::broken));
        }
    }
}

TEST_CASE("listener: where nobody listens, connecting fails at once or waits, as told, and for its turn")
{
    const watchdog guard("a listener");
    const address nowhere = address::pipe(fresh_pipe_name());
    CHECK(code_of([&] { (void)py::connect(nowhere); }) == boost::system::errc::no_such_file_or_directory);
    CHECK(code_of([&] { (void)py::connect(nowhere, py::connect_options().wait_for_listener(20ms)); }) ==
          boost::system::errc::no_such_file_or_directory);
    CHECK(code_of([&] { (void)py::connect(address::tcp("no.such.host.invalid", 1)); }));
    // Names that others may have chosen: another machine, a disk, a device.
    for (const char* name : {R"(\\server\pipe\name)", R"(\\server\share\file)", R"(\\.\C:)", R"(\\.\pipe\)", "name"})
        CHECK(code_of([&] { (void)py::connect(address::pipe(name)); }) == errc::invalid_argument);
    CHECK(code_of([&] { (void)py::connect(address::unix_abstract("name")); }) == errc::unsupported);
    CHECK(code_of([&] { py::listener<> l(address::unix_abstract("name")); }) == errc::unsupported);

    boost::asio::io_context context;
    auto connecting =
        co_spawn(context, py::async_connect(nowhere, py::connect_options().wait_for_listener(60s), patience),
                 boost::asio::use_future);
    context.run_for(20ms); // it has tried in vain
    py::listener<> listener(nowhere);
    std::jthread running([&] { context.run(); });
    CHECK(listener.accept(patience).is_open());
    CHECK(connecting.get().is_open());

    // A pipe has room for one; the others come when that one is taken.
    std::atomic<int> arrived = 0;
    std::vector<std::jthread> crowd;
    for (int i = 0; i < 4; ++i)
        crowd.emplace_back([&] {
            auto c = py::connect(nowhere, {}, patience);
            ++arrived;
            (void)c.recv(patience);
        });
    for (int i = 0; i < 4; ++i)
        listener.accept(patience).send("taken", patience);
    crowd.clear();
    CHECK(arrived == 4);
    CHECK(code_of([&] {
              auto first = py::connect(nowhere, {}, patience);
              (void)py::connect(nowhere, {}, 50ms);
          }) == errc::timed_out);
}

TEST_CASE("listener: who has written and gone before anybody looked is served all the same")
{
    const watchdog guard("a listener");
    py::listener<multiprocessing_bytes> listener(address::pipe(fresh_pipe_name()));
    {
        raw_pipe gone = raw_pipe::connect(listener.address().name());
        gone.send("I was");
        gone.send("");
        gone.send("here");
    }
    auto c = listener.accept(patience);
    CHECK(c.recv(patience).text() == "I was");
    CHECK(c.recv(patience).text().empty());
    CHECK(c.recv(patience).text() == "here");
    CHECK(code_of([&] { (void)c.recv(patience); }) == errc::end_of_stream);
}

TEST_CASE("listener: where only this user is welcome, this user is")
{
    const watchdog guard("a listener");
    const address tcp = address::tcp("127.0.0.1", 0);
    CHECK(code_of([&] { py::listener<> l(tcp, py::listener_options().same_user()); }) == errc::unsupported);
    CHECK(code_of([&] { (void)py::connect(tcp, py::connect_options().same_user()); }) == errc::unsupported);
    py::listener<> listener(py::listener_options().authkey(key).same_user());
    std::jthread client([&] {
        py::connect(listener.address(), py::connect_options().authkey(key).same_user(), patience)
            .send("it is me", patience);
    });
    CHECK(listener.accept(patience).recv(patience) == py::value("it is me"));
}

TEST_CASE("listener: CPython's client by hand, message for message")
{
    const watchdog guard("a listener");
    py::listener<multiprocessing_bytes> listener(address::pipe(fresh_pipe_name()), py::listener_options().authkey(key));
    std::jthread client([&] {
        raw_pipe raw = raw_pipe::connect(listener.address().name());
        py::handshake brain(py::handshake::role::client, key);
        brain.take(raw.recv());
        raw.send(std::string(brain.next().text()));
        CHECK(raw.recv() == welcome);
        raw.send(clients_challenge);
        CHECK(raw.recv() == listeners_response);
        raw.send(welcome);
        raw.send("first"); // which nobody has read ahead
        raw.send("");
        raw.send(std::string(100'000, 'x'));
        CHECK(raw.recv() == "answer");
        CHECK(raw.recv().empty());
        CHECK(raw.recv() == std::string(100'000, 'y'));
    });
    auto c = listener.accept(patience);
    CHECK(c.recv(patience).text() == "first");
    CHECK(c.recv(patience).text().empty());
    CHECK(c.recv(patience).text() == std::string(100'000, 'x'));
    c.send("answer", patience);
    c.send("", patience);
    c.send(std::string(100'000, 'y'), patience);
    client.join();
}

TEST_CASE("listener: CPython's listener by hand, message for message")
{
    const watchdog guard("a listener");
    const address a = address::pipe(fresh_pipe_name());
    raw_pipe raw = raw_pipe::listen(a.name());
    std::jthread client([&] {
        auto c = py::connect<multiprocessing_bytes>(a, py::connect_options().authkey(key), patience);
        c.send("first", patience);
        CHECK(c.recv(patience).text() == "answer");
    });
    raw.accept();
    raw.send(listeners_challenge);
    CHECK(raw.recv() == clients_response);
    raw.send(welcome);
    py::handshake brain(py::handshake::role::client, key); // which answers first, as we do now
    brain.take(raw.recv());
    raw.send(std::string(brain.next().text()));
    CHECK(raw.recv() == welcome);
    CHECK(raw.recv() == "first");
    raw.send("answer");
    client.join();
}
