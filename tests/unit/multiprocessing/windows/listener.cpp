// What is different where Python's multiprocessing listens at named pipes; and an end that is not ours, which speaks as CPython does.
#include <ferrule/python/multiprocessing/address.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include "support/test.hpp"
#include "support/windows/raw_pipe.hpp"

#include <windows.h>

namespace {

const std::string key = "secret-key-0123"; // that of tests/vectors/auth.json
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

TEST_CASE("listener: without an address it listens at a pipe of its own, at which others find it")
{
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
        [&] { py::connect(first.address(), py::connect_options().authkey(key), timeout).send(large, timeout); });
    CHECK(first.accept(timeout).recv(timeout).as<std::string_view>() == large);
}

TEST_CASE("listener: peers that say nothing, or too much, keep nobody out")
{
    std::vector<error_code> refused;
    py::listener<> listener(py::listener_options().authkey(key).handshake_timeout(2s).max_handshakes(4).on_refused(
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
        py::connect(listener.address(), py::connect_options().authkey(key), timeout).send("honest", timeout);
    });
    auto c = listener.accept(timeout);
    CHECK(c.recv(timeout) == py::value("honest"));
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
    py::listener<> listener(
        py::listener_options().authkey(key).handshake_timeout(timeout).max_handshakes(2 * MAXIMUM_WAIT_OBJECTS));
    std::jthread client([&] {
        std::vector<raw_pipe> crowd;
        for (int i = 0; i < MAXIMUM_WAIT_OBJECTS + 20; ++i) {
            crowd.push_back(raw_pipe::connect(listener.address().name()));
            CHECK(crowd.back().recv().starts_with("#CHALLENGE#"));
        }
        py::connect(listener.address(), py::connect_options().authkey(key), timeout).send("honest", timeout);
        py::connect(listener.address(), py::connect_options().authkey(key), timeout).send("too", timeout);
    });
    for (const char* word : {"honest", "too"}) {
        auto c = listener.accept(timeout);
        CHECK(c.recv(timeout) == py::value(word));
    }
}

TEST_CASE("listener: where nobody listens at a pipe connecting fails immediately, and where others connect it waits "
          "for its turn")
{
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

    py::listener<> listener(nowhere);
    // A pipe has room for one; the others come when that one is taken.
    std::atomic<int> arrived = 0;
    std::vector<std::jthread> crowd;
    for (int i = 0; i < 4; ++i)
        crowd.emplace_back([&] {
            auto c = py::connect(nowhere, {}, timeout);
            ++arrived;
            (void)c.recv(timeout);
        });
    for (int i = 0; i < 4; ++i)
        listener.accept(timeout).send("taken", timeout);
    crowd.clear();
    CHECK(arrived == 4);
    CHECK(code_of([&] {
              auto first = py::connect(nowhere, {}, timeout);
              (void)py::connect(nowhere, {}, 50ms);
          }) == errc::timed_out);
}

TEST_CASE("listener: who has written and gone before anybody looked is served all the same")
{
    py::listener<multiprocessing_bytes> listener(address::pipe(fresh_pipe_name()));
    {
        raw_pipe gone = raw_pipe::connect(listener.address().name());
        gone.send("I was");
        gone.send("");
        gone.send("here");
    }
    auto c = listener.accept(timeout);
    CHECK(c.recv(timeout).text() == "I was");
    CHECK(c.recv(timeout).text().empty());
    CHECK(c.recv(timeout).text() == "here");
    CHECK(code_of([&] { (void)c.recv(timeout); }) == errc::end_of_stream);
}

TEST_CASE("listener: CPython's client by hand, message for message")
{
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
    auto c = listener.accept(timeout);
    CHECK(c.recv(timeout).text() == "first");
    CHECK(c.recv(timeout).text().empty());
    CHECK(c.recv(timeout).text() == std::string(100'000, 'x'));
    c.send("answer", timeout);
    c.send("", timeout);
    c.send(std::string(100'000, 'y'), timeout);
    client.join();
}

TEST_CASE("listener: CPython's listener by hand, message for message")
{
    const address a = address::pipe(fresh_pipe_name());
    raw_pipe raw = raw_pipe::listen(a.name());
    std::jthread client([&] {
        auto c = py::connect<multiprocessing_bytes>(a, py::connect_options().authkey(key), timeout);
        c.send("first", timeout);
        CHECK(c.recv(timeout).text() == "answer");
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
