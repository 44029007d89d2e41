// Python's Listener and Client, and ours, in both roles, over every kind of address, with a key and without; and peers that
// mean no good.
#include <ferrule/asio.hpp>
#include <ferrule/python/listener.hpp>

#include "integration/python_peer.hpp"
#include "support/sanitizers.hpp"
#include "support/system.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <filesystem>
#include <thread>
#include <unistd.h>

using namespace ferrule;
using namespace ferrule::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;
namespace py = ferrule::python;

namespace {

const std::string key = "a key that both know";

const std::string conversation = R"(
from multiprocessing import AuthenticationError
def converse(other):
    other.send(("hello", other.recv()))
    try:
        other.recv()
    except EOFError:
        pass
)";

// Both scripts find their orders in `c`.
const std::string client_script = conversation + R"(
from multiprocessing.connection import Client
while True:
    try:
        address, key = c.recv()
    except EOFError:
        break
    try:
        with Client(address, authkey=key) as other:
            converse(other)
        c.send("done")
    except (AuthenticationError, EOFError, OSError) as e:
        c.send(type(e).__name__)
)";

const std::string listener_script = conversation + R"(
from multiprocessing.connection import Listener
while True:
    try:
        address, family, key = c.recv()
    except EOFError:
        break
    listener = Listener(address, family, authkey=key)
    c.send(listener.address)
    try:
        with listener.accept() as other:
            converse(other)
        c.send("done")
    except (AuthenticationError, EOFError, OSError) as e:
        c.send(type(e).__name__)
    try:
        listener.close()
    except ValueError: # 3.6 tries to remove the file of an abstract address
        pass
)";

std::string fresh_name()
{
    static int n = 0;
    return "ferrule-test-" + std::to_string(::getpid()) + "-" + std::to_string(++n);
}

std::vector<address> addresses()
{
    const std::string folder = std::filesystem::temp_directory_path();
    return {address::unix_path(folder + "/" + fresh_name()), address::unix_abstract(fresh_name()),
            address::tcp("127.0.0.1", 0)};
}

py::value key_or_none(const std::string& k)
{
    return k.empty() ? py::value() : py::value(py::type::bytes, k);
}

using connection = message_duplex<multiprocessing>;

// What the scripts say.
void converse(connection other)
{
    other.send(py::value(1, 2), patience);
    CHECK(other.recv(patience) == py::value("hello", py::value(1, 2)));
}

connection accept(py::listener<>& l, style s)
{
    return s == style::blocking ? l.accept(patience) : run(l.async_accept(patience));
}
connection connect(const address& a, const py::connect_options& o, style s)
{
    return s == style::blocking ? py::connect(a, o, patience) : run(py::async_connect(a, o, patience));
}

// A peer that says what it is told to.
duplex raw_peer(const address& a)
{
    return duplex(py::connect<none>(a, {}, patience).channel(), {});
}

std::string frame(const std::string& message)
{
    return std::string(3, '\0') + static_cast<char>(message.size()) + message;
}

} // namespace

TEST_CASE("python listener: Python's clients connect to ours, by every kind of address, with a key and without")
{
    for_each_python([](const test::python& p) {
        child_with_connection child(p, client_script, anything);
        for (const address& a : addresses()) {
            for (const std::string& k : {std::string(), key}) {
                for (const style s : {style::blocking, style::coroutine}) {
                    INFO(a.to_string() << ", " << k);
                    py::listener<> listener(a, py::listener_options().authkey(k));
                    child.connection.send({py::from_address(listener.address()), key_or_none(k)}, patience);
                    converse(accept(listener, s));
                    CHECK(child.connection.recv(patience) == py::value("done"));
                }
            }
        }
        child.expect_success();
    });
}

TEST_CASE("python listener: we connect to Python's listeners, by every kind of address, with a key and without")
{
    for_each_python([](const test::python& p) {
        child_with_connection child(p, listener_script, anything);
        for (const address& a : addresses()) {
            for (const std::string& k : {std::string(), key}) {
                for (const style s : {style::blocking, style::coroutine}) {
                    INFO(a.to_string() << ", " << k);
                    child.connection.send({py::from_address(a), nullptr, key_or_none(k)}, patience);
                    const address theirs = py::to_address(child.connection.recv(patience));
                    converse(connect(theirs, py::connect_options().authkey(k), s));
                    CHECK(child.connection.recv(patience) == py::value("done"));
                }
            }
        }
        // Python listens on IPv6, though its own clients cannot connect there.
        child.connection.send({py::value("::1", 0), "AF_INET6", key_or_none(key)}, patience);
        const py::value where = child.connection.recv(patience);
        converse(py::connect(address::tcp("::1", where[1].as<std::uint16_t>()), py::connect_options().authkey(key),
                             patience));
        CHECK(child.connection.recv(patience) == py::value("done"));
        child.expect_success();
    });
}

TEST_CASE("python listener: whoever does not know the key is refused, and both sides say so")
{
    for_each_python([](const test::python& p) {
        child_with_connection client(p, client_script, anything);
        std::vector<error_code> refused;
        py::listener<> listener(
            py::listener_options().authkey(key).on_refused([&](const error& e) { refused.push_back(e.code()); }));
        client.connection.send({py::from_address(listener.address()), key_or_none("wrong")}, patience);
        std::jthread accepting([&](const std::stop_token& stop) {
            error_code ec;
            (void)listener.accept(stop, ec);
            CHECK(ec == errc::cancelled);
        });
        CHECK(client.connection.recv(patience) == py::value("AuthenticationError"));
        accepting.request_stop();
        accepting.join();
        CHECK(refused == std::vector<error_code>{errc::unauthenticated});
        client.expect_success();

        child_with_connection theirs(p, listener_script, anything);
        theirs.connection.send({py::from_address(addresses()[0]), nullptr, key_or_none(key)}, patience);
        const address a = py::to_address(theirs.connection.recv(patience));
        CHECK(code_of([&] { (void)py::connect(a, py::connect_options().authkey("wrong"), patience); }) ==
              errc::unauthenticated);
        CHECK(theirs.connection.recv(patience) == py::value("AuthenticationError"));
        // Without a key where one is wanted: what arrives is a challenge, and no object.
        theirs.connection.send({py::from_address(addresses()[1]), nullptr, key_or_none(key)}, patience);
        auto without = py::connect(py::to_address(theirs.connection.recv(patience)), {}, patience);
        CHECK(code_of([&] { (void)without.recv(patience); }) == errc::unauthenticated);
        without.close();
        (void)theirs.connection.recv(patience);
        // With a key where none is wanted: nobody ever asks for it.
        theirs.connection.send({py::from_address(addresses()[1]), nullptr, nullptr}, patience);
        const address silent = py::to_address(theirs.connection.recv(patience));
        CHECK(code_of([&] { (void)py::connect(silent, py::connect_options().authkey(key), 50ms); }) == errc::timed_out);
        (void)theirs.connection.recv(patience);
        theirs.expect_success();
    });
}

TEST_CASE("python listener: C++ to C++, in all styles, with what is larger than a socket takes")
{
    const watchdog guard("a listener");
    for (const address& a : {address::tcp("127.0.0.1", 0), address::tcp("::1", 0), address::tcp("localhost", 0),
                             address::unix_abstract(fresh_name())}) {
        INFO(a.to_string());
        py::listener<> listener(a, py::listener_options().authkey(key).least_digest(py::digest::sha256));
        asio::io_context context;
        auto connecting =
            co_spawn(context,
                     py::async_connect(listener.address(),
                                       py::connect_options().authkey(key).least_digest(py::digest::sha256), patience),
                     asio::use_future);
        std::jthread running([&] { context.run(); });
        auto ours = listener.accept(patience);
        auto theirs = connecting.get();
        const std::string large(5 << 20, 'x');
        std::jthread sending([&] { ours.send(large, patience); });
        CHECK(theirs.recv(patience).as<std::string_view>() == large);
    }
    // Raw bytes, and another framing.
    py::listener<none> bytes_only(address::tcp("127.0.0.1", 0));
    auto connected = py::connect<none>(bytes_only.address(), {}, patience);
    auto accepted = bytes_only.accept(patience);
    connected.send("raw", patience);
    CHECK(accepted.recv(patience).text() == "raw");
}

TEST_CASE("python listener: what comes with the end of the handshake is the first message")
{
    const watchdog guard("a listener");
    py::listener<multiprocessing_bytes> listener(py::listener_options().authkey(key));
    std::jthread client([&] {
        duplex raw = raw_peer(listener.address());
        message_duplex<multiprocessing_bytes> messages(raw);
        py::handshake h(py::handshake::role::client, key, py::digest::sha256);
        while (!h.is_done()) {
            if (!h.sends()) {
                h.take(messages.recv(patience));
                continue;
            }
            const bytes next = h.next();
            std::string out = frame(std::string(next.text()));
            if (h.is_done())
                out += frame("first") + frame("second");
            raw.send(out, patience);
        }
    });
    auto peer = listener.accept(patience);
    CHECK(peer.recv(patience).text() == "first");
    CHECK(peer.recv(patience).text() == "second");
}

TEST_CASE("python listener: where nobody listens, connecting fails at once or waits, as told")
{
    const watchdog guard("a listener");
    const address nowhere = address::unix_abstract(fresh_name());
    CHECK(code_of([&] { (void)py::connect(nowhere); }) == condition::broken);
    error_code why;
    CHECK(!py::connect(nowhere, {}, patience, why).is_open());
    CHECK(why == condition::broken);
    CHECK(!py::connect(address::unix_path(std::string(200, 'x')), {}, patience, why).is_open());
    CHECK(why == errc::invalid_argument);
    CHECK(code_of([&] { (void)py::connect(nowhere, py::connect_options().wait_for_listener(20ms)); }) ==
          condition::broken);
    CHECK(code_of([&] { (void)py::connect(address::unix_path("/nowhere/at/all")); }) ==
          boost::system::errc::no_such_file_or_directory);
    CHECK(code_of([&] { (void)py::connect(address::unix_path(std::string(200, 'x'))); }) == errc::invalid_argument);
    for (const style s : {style::blocking, style::coroutine}) {
        const error_code unknown = code_of([&] { (void)connect(address::tcp("no.such.host.invalid", 1), {}, s); });
        CHECK((unknown == asio::error::host_not_found || unknown == asio::error::host_not_found_try_again));
    }

    asio::io_context context;
    auto connecting = co_spawn(
        context, py::async_connect(nowhere, py::connect_options().wait_for_listener(60s), patience), asio::use_future);
    context.run_for(20ms); // it has tried in vain
    py::listener<> listener(nowhere);
    std::jthread running([&] { context.run(); });
    CHECK(listener.accept(patience).is_open());
    CHECK(connecting.get().is_open());

    // A full queue is not "nobody": Python fails here, we wait.
    py::listener<> full(address::unix_abstract(fresh_name()), py::listener_options().backlog(0));
    std::vector<connection> connected;
    connected.push_back(py::connect(full.address(), {}, patience));
    std::jthread one_more([&, a = full.address()] { connected.push_back(py::connect(a, {}, patience)); });
    CHECK(full.accept(patience).is_open());
    CHECK(full.accept(patience).is_open());
}

TEST_CASE("python listener: a cancelled accept has taken nobody, and close answers everybody")
{
    const watchdog guard("a listener");
    py::listener<> listener;
    error_code ec;
    (void)listener.accept(1ms, ec);
    CHECK(ec == errc::timed_out);
    CHECK(!listener.try_accept());
    auto connected = py::connect(listener.address(), {}, patience);
    connected.send("for whoever takes it", patience);
    std::optional<connection> taken;
    while (!(taken = listener.try_accept())) {
        CHECK(!listener.arm().is_now());
    }
    CHECK(taken->recv(patience) == py::value("for whoever takes it"));

    const std::filesystem::path file = listener.address().name();
    CHECK(std::filesystem::exists(file));
    std::jthread waiting([&] { CHECK(code_of([&] { (void)listener.accept(); }) == errc::closed); });
    listener.close();
    waiting.join();
    CHECK(!std::filesystem::exists(file));
    CHECK(!std::filesystem::exists(file.parent_path()));
}

TEST_CASE("python listener: peers that mean no good are dropped, others are served, and no descriptor is left")
{
    const watchdog guard("a listener");
    const auto before = settled_descriptors();
    {
        std::vector<error_code> refused;
        py::listener<> listener(py::listener_options().authkey(key).handshake_timeout(1s).on_refused(
            [&](const error& e) { refused.push_back(e.code()); }));
        std::vector<duplex> bad;
        const auto says = [&](const std::string& bytes, bool hangs_up) {
            bad.push_back(raw_peer(listener.address()));
            bad.back().send(bytes, patience);
            if (hangs_up)
                bad.back().close();
        };
        says("", true);                                        // gone at once
        says(std::string(2, '\0'), true);                      // gone within a header
        says(frame("{sha256}").substr(0, 8), true);            // gone within a message
        says(frame("{sha256}" + std::string(32, 'x')), false); // does not know the key
        says(frame(std::string(200, 'x')), false);             // whatever that is
        says(std::string("\0\0\1\1", 4), false);               // longer than any message may be
        says(std::string(4, '\xff'), false);                   // the long form, and no length
        says("GET / HTTP/1.1\r\n\r\n", false);                 // lost
        says("", false);                                       // stalls from the beginning
        says(std::string("\0\0", 2), false);                   // stalls in the middle
        // One who is honest gets through at once.
        std::jthread honest(
            [a = listener.address()] { converse(py::connect(a, py::connect_options().authkey(key), patience)); });
        auto other = listener.accept(patience);
        CHECK(other.recv(patience) == py::value(1, 2));
        other.send({"hello", py::value(1, 2)}, patience);
        honest.join();
        // All others are refused in time.
        while (refused.size() < bad.size()) {
            error_code ec;
            (void)listener.accept(10ms, ec);
            REQUIRE(ec == errc::timed_out);
        }
        CHECK(refused.size() == bad.size());
        CHECK(std::ranges::count(refused, make_error_code(errc::timed_out)) == 3);
        // They were told, where Python tells: the one whose answer was wrong.
        message_duplex<multiprocessing_bytes> wrong(bad[3]);
        CHECK(wrong.recv(patience).text().starts_with("#CHALLENGE#"));
        CHECK(wrong.recv(patience).text() == "#FAILURE#");
        CHECK(code_of([&] { (void)wrong.recv(patience); }) == errc::end_of_stream);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("python listener: peers that are ready at the same moment are accepted one after the other")
{
    struct client {
        message_duplex<multiprocessing_bytes> connection;
        py::handshake hands{py::handshake::role::client, key};
        bytes last; // what ends the handshake
    };
    py::listener<> listener(py::listener_options().authkey(key));
    std::array<client, 3> clients;
    for (client& c : clients) {
        c.connection = py::connect<multiprocessing_bytes>(listener.address(), {}, 20s);
        while (c.last.empty()) {
            if (!c.hands.sends()) {
                std::optional<bytes> message;
                while (!(message = c.connection.try_recv()))
                    CHECK_FALSE(listener.try_accept()); // which goes on with its part
                c.hands.take(*message);
                continue;
            }
            bytes message = c.hands.next();
            if (c.hands.is_done())
                c.last = std::move(message);
            else
                c.connection.send(message, 20s);
        }
    }
    for (client& c : clients)
        c.connection.send(c.last, 20s);
    for (std::size_t i = 0; i < clients.size(); ++i)
        CHECK_NOTHROW(listener.accept(20s));
}

TEST_CASE("python listener: a thousand clients that say nothing keep nobody out")
{
    const watchdog guard("a listener");
    const auto before = settled_descriptors();
    {
        std::size_t refused = 0;
        py::listener<> listener(py::listener_options().authkey(key).on_refused([&](const error&) { ++refused; }));
        std::jthread accepting([&](const std::stop_token& stop) {
            for (;;) {
                error_code ec;
                auto other = listener.accept(stop, ec);
                if (ec)
                    break;
                other.send("served", patience);
            }
        });
        std::vector<duplex> crowd;
        for (int i = 0; i < 1000; ++i) {
            crowd.push_back(raw_peer(listener.address()));
            if (i % 100 == 50)
                CHECK(py::connect(listener.address(), py::connect_options().authkey(key), patience).recv(patience) ==
                      py::value("served"));
            if (crowd.size() > 200) // they need not stay, to be a nuisance
                crowd.erase(crowd.begin());
        }
        CHECK(py::connect(listener.address(), py::connect_options().authkey(key), patience).recv(patience) ==
              py::value("served"));
        accepting.request_stop();
        accepting.join();
        CHECK(refused > 900);
    }
    CHECK(open_descriptors() == before);
}

#if !defined(FERRULE_ADDRESS_SANITIZER) // whose check of virtual calls needs descriptors

TEST_CASE("python listener: without descriptors nobody is accepted, and then everybody is")
{
    const watchdog guard("a listener");
    std::vector<error_code> refused;
    py::listener<> listener(py::listener_options().on_refused([&](const error& e) { refused.push_back(e.code()); }));
    error_code ec;
    (void)listener.accept(1ms, ec); // what waiting takes of them, it has now
    auto first = py::connect(listener.address(), {}, patience);
    auto second = py::connect(listener.address(), {}, patience);
    first.send("first", patience);
    second.send("second", patience);
    {
        const no_more_descriptors none;
        (void)listener.accept(250ms, ec);
        CHECK(ec == errc::timed_out);
    }
    REQUIRE(!refused.empty());
    CHECK(refused.size() < 10); // it looks again now and then, not all the time
    for (const error_code& r : refused)
        CHECK(r == boost::system::errc::too_many_files_open);
    CHECK(listener.accept(patience).recv(patience) == py::value("first"));
    CHECK(listener.accept(patience).recv(patience) == py::value("second"));
}

#endif

TEST_CASE("python listener: where only this user is welcome, others are refused, in both roles")
{
    const watchdog guard("a listener");
    const auto options = py::listener_options().authkey(key).same_user();
    CHECK(code_of([&] { py::listener<>(address::tcp("127.0.0.1", 0), options); }) == errc::unsupported);
    CHECK(code_of([] { (void)py::connect(address::tcp("127.0.0.1", 1), py::connect_options().same_user()); }) ==
          errc::unsupported);
    std::vector<error_code> refused;
    py::listener_options telling = options;
    telling.on_refused([&](const error& e) { refused.push_back(e.code()); });
    py::listener<> listener(address::unix_abstract(fresh_name()), telling);
    {
        std::jthread client([a = listener.address()] {
            converse(py::connect(a, py::connect_options().authkey(key).same_user(), patience));
        });
        auto other = listener.accept(patience);
        CHECK(other.recv(patience) == py::value(1, 2));
        other.send({"hello", py::value(1, 2)}, patience);
    }
    CHECK(refused.empty());
    if (::geteuid() != 0)
        skip("only the superuser can start programs of other users");
    for_each_python([&](const test::python& p) {
        child_with_connection child(p, R"(
import hashlib, hmac, os # before nothing can be read any more
from multiprocessing.connection import Client, Listener
os.setuid(65534)
address, key, ours = c.recv()
try:
    Client(address, authkey=key)
    c.send("welcome")
except (EOFError, OSError):
    c.send("refused")
listener = Listener(ours, "AF_UNIX", authkey=key)
c.send("listening")
try:
    listener.accept()
except (EOFError, OSError):
    c.send("refused us")
)",
                                    anything);
        const address theirs = address::unix_abstract(fresh_name());
        child.connection.send({py::from_address(listener.address()), key_or_none(key), py::from_address(theirs)},
                              patience);
        refused.clear();
        error_code ec;
        while (refused.empty()) {
            (void)listener.accept(10ms, ec);
            REQUIRE(ec == errc::timed_out);
        }
        CHECK(refused.front() == errc::unauthenticated);
        CHECK(child.connection.recv(patience) == py::value("refused"));
        CHECK(child.connection.recv(patience) == py::value("listening"));
        CHECK(code_of([&] { (void)py::connect(theirs, py::connect_options().authkey(key).same_user(), patience); }) ==
              errc::unauthenticated);
        CHECK(child.connection.recv(patience) == py::value("refused us"));
    });
}

TEST_CASE("python listener: addresses are Python's, and back")
{
    const address pipe = address::pipe(R"(\\.\pipe\name)");
    for (const address& a :
         {address::unix_path("/a/b"), address::unix_abstract("name"), address::tcp("127.0.0.1", 80), pipe})
        CHECK(py::to_address(py::from_address(a)) == a);
    CHECK(py::from_address(address::unix_abstract("n")).repr() == "'\\x00n'");
    CHECK(py::to_address({py::type::bytes, std::string_view("\0n", 2)}) == address::unix_abstract("n"));
    for (const py::value& v :
         {py::value(1), py::value(py::type::bytes, "/path"), py::value("host", "port"), py::value(1, 2, 3)})
        CHECK(code_of([&] { (void)py::to_address(v); }) == errc::invalid_value);
    CHECK(pipe.to_string() == R"(\\.\pipe\name)");
    CHECK(code_of([&] { (void)py::connect(pipe); }) == errc::unsupported); // but on Windows
    CHECK(code_of([&] { py::listener<> listener(pipe); }) == errc::unsupported);
    CHECK(address::tcp("::1", 5).to_string() == "[::1]:5");
    CHECK(address::tcp("127.9.9.9", 5).is_local());
    CHECK(!address::tcp("192.168.0.1", 5).is_local());
}
