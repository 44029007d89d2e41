// Python's Listener and Client, and ours, in both roles, over every kind of address, with a key and without; and peers that
// mean no good.
#include <ferrule/python/multiprocessing/address.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>

#include "integration/python_peer.hpp"
#include "support/addresses.hpp"
#include "support/posix/descriptors.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/test.hpp"

#include <filesystem>

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

py::value key_or_none(const std::string& k)
{
    return k.empty() ? py::value() : py::value(py::type::bytes, k);
}

using connection = message_duplex<multiprocessing>;

// What the scripts say.
void converse(connection other)
{
    other.send(py::value(1, 2), timeout);
    CHECK(other.recv(timeout) == py::value("hello", py::value(1, 2)));
}

connection accept(py::listener<>& l, style s)
{
    return s == style::blocking ? l.accept(timeout) : run(l.async_accept(timeout));
}
connection connect(const address& a, const py::connect_options& o, style s)
{
    return s == style::blocking ? py::connect(a, o, timeout) : run(py::async_connect(a, o, timeout));
}

// A peer that says what it is told to.
duplex raw_peer(const address& a)
{
    return duplex(py::connect<none>(a, {}, timeout).channel(), {});
}

std::string frame(const std::string& message)
{
    return std::string(3, '\0') + static_cast<char>(message.size()) + message;
}

} // namespace

TEST_CASE("python listener: Python's clients connect to ours, by every kind of address, with a key and without")
{
    for_each_python([](const interpreter& p) {
        child_with_connection child(p, client_script, anything);
        for (const address& a : addresses()) {
            for (const std::string& k : {std::string(), key}) {
                for (const style s : {style::blocking, style::coroutine}) {
                    INFO(a.to_string() << ", " << k);
                    py::listener<> listener(a, py::listener_options().authkey(k));
                    child.connection.send({py::from_address(listener.address()), key_or_none(k)}, timeout);
                    converse(accept(listener, s));
                    CHECK(child.connection.recv(timeout) == py::value("done"));
                }
            }
        }
        child.expect_success();
    });
}

TEST_CASE("python listener: we connect to Python's listeners, by every kind of address, with a key and without")
{
    for_each_python([](const interpreter& p) {
        child_with_connection child(p, listener_script, anything);
        for (const address& a : addresses()) {
            for (const std::string& k : {std::string(), key}) {
                for (const style s : {style::blocking, style::coroutine}) {
                    INFO(a.to_string() << ", " << k);
                    child.connection.send({py::from_address(a), nullptr, key_or_none(k)}, timeout);
                    const address theirs = py::to_address(child.connection.recv(timeout));
                    converse(connect(theirs, py::connect_options().authkey(k), s));
                    CHECK(child.connection.recv(timeout) == py::value("done"));
                }
            }
        }
        // Python listens on IPv6, though its own clients cannot connect there.
        child.connection.send({py::value("::1", 0), "AF_INET6", key_or_none(key)}, timeout);
        const py::value where = child.connection.recv(timeout);
        converse(py::connect(address::tcp("::1", where[1].as<std::uint16_t>()), py::connect_options().authkey(key),
                             timeout));
        CHECK(child.connection.recv(timeout) == py::value("done"));
        child.expect_success();
    });
}

TEST_CASE("python listener: whoever does not know the key is refused, and both sides say so")
{
    for_each_python([](const interpreter& p) {
        child_with_connection client(p, client_script, anything);
        std::vector<error_code> refused;
        py::listener<> listener(
            py::listener_options().authkey(key).on_refused([&](const error& e) { refused.push_back(e.code()); }));
        client.connection.send({py::from_address(listener.address()), key_or_none("wrong")}, timeout);
        std::jthread accepting([&](const std::stop_token& stop) {
            error_code ec;
            (void)listener.accept(stop, ec);
            CHECK(ec == errc::cancelled);
        });
        CHECK(client.connection.recv(timeout) == py::value("AuthenticationError"));
        accepting.request_stop();
        accepting.join();
        CHECK(refused == std::vector<error_code>{errc::unauthenticated});
        client.expect_success();

        child_with_connection theirs(p, listener_script, anything);
        theirs.connection.send({py::from_address(addresses()[0]), nullptr, key_or_none(key)}, timeout);
        const address a = py::to_address(theirs.connection.recv(timeout));
        CHECK(code_of([&] { (void)py::connect(a, py::connect_options().authkey("wrong"), timeout); }) ==
              errc::unauthenticated);
        CHECK(theirs.connection.recv(timeout) == py::value("AuthenticationError"));
        // Without a key where one is wanted: what arrives is a challenge, and no object.
        theirs.connection.send({py::from_address(addresses()[1]), nullptr, key_or_none(key)}, timeout);
        auto without = py::connect(py::to_address(theirs.connection.recv(timeout)), {}, timeout);
        CHECK(code_of([&] { (void)without.recv(timeout); }) == errc::unauthenticated);
        without.close();
        (void)theirs.connection.recv(timeout);
        // With a key where none is wanted: nobody ever asks for it.
        theirs.connection.send({py::from_address(addresses()[1]), nullptr, nullptr}, timeout);
        const address silent = py::to_address(theirs.connection.recv(timeout));
        CHECK(code_of([&] { (void)py::connect(silent, py::connect_options().authkey(key), 50ms); }) == errc::timed_out);
        (void)theirs.connection.recv(timeout);
        theirs.expect_success();
    });
}

TEST_CASE("python listener: what comes with the end of the handshake is the first message")
{
    py::listener<multiprocessing_bytes> listener(py::listener_options().authkey(key));
    std::jthread client([&] {
        duplex raw = raw_peer(listener.address());
        message_duplex<multiprocessing_bytes> messages(raw);
        py::handshake h(py::handshake::role::client, key, py::digest::sha256);
        while (!h.is_done()) {
            if (!h.sends()) {
                h.take(messages.recv(timeout));
                continue;
            }
            const bytes next = h.next();
            std::string out = frame(std::string(next.text()));
            if (h.is_done())
                out += frame("first") + frame("second");
            raw.send(out, timeout);
        }
    });
    auto peer = listener.accept(timeout);
    CHECK(peer.recv(timeout).text() == "first");
    CHECK(peer.recv(timeout).text() == "second");
}

TEST_CASE("python listener: where nobody listens, connecting fails immediately, and a full queue is waited for")
{
    const address nowhere = local_address();
    CHECK(code_of([&] { (void)py::connect(nowhere); }) == condition::broken);
    error_code why;
    CHECK(!py::connect(nowhere, {}, timeout, why).is_open());
    CHECK(why == condition::broken);
    CHECK(!py::connect(address::unix_path(std::string(200, 'x')), {}, timeout, why).is_open());
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

    // A full queue is not "nobody": Python fails here, we wait.
    py::listener<> full(local_address(), py::listener_options().backlog(0));
    std::vector<connection> connected;
    connected.push_back(py::connect(full.address(), {}, timeout));
    std::jthread one_more([&, a = full.address()] { connected.push_back(py::connect(a, {}, timeout)); });
    CHECK(full.accept(timeout).is_open());
    CHECK(full.accept(timeout).is_open());
}

TEST_CASE("python listener: close answers everybody, and removes its file and the folder")
{
    py::listener<> listener;
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
    const auto before = settled_descriptors();
    {
        std::vector<error_code> refused;
        py::listener<> listener(py::listener_options().authkey(key).handshake_timeout(1s).on_refused(
            [&](const error& e) { refused.push_back(e.code()); }));
        std::vector<duplex> bad;
        const auto says = [&](const std::string& bytes, bool hangs_up) {
            bad.push_back(raw_peer(listener.address()));
            bad.back().send(bytes, timeout);
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
            [a = listener.address()] { converse(py::connect(a, py::connect_options().authkey(key), timeout)); });
        auto other = listener.accept(timeout);
        CHECK(other.recv(timeout) == py::value(1, 2));
        other.send({"hello", py::value(1, 2)}, timeout);
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
        CHECK(wrong.recv(timeout).text().starts_with("#CHALLENGE#"));
        CHECK(wrong.recv(timeout).text() == "#FAILURE#");
        CHECK(code_of([&] { (void)wrong.recv(timeout); }) == errc::end_of_stream);
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("python listener: a thousand clients that say nothing keep nobody out")
{
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
                other.send("served", timeout);
            }
        });
        std::vector<duplex> crowd;
        for (int i = 0; i < 1000; ++i) {
            crowd.push_back(raw_peer(listener.address()));
            if (i % 100 == 50)
                CHECK(py::connect(listener.address(), py::connect_options().authkey(key), timeout).recv(timeout) ==
                      py::value("served"));
            if (crowd.size() > 200) // they need not stay, to be a nuisance
                crowd.erase(crowd.begin());
        }
        CHECK(py::connect(listener.address(), py::connect_options().authkey(key), timeout).recv(timeout) ==
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
    std::vector<error_code> refused;
    py::listener<> listener(py::listener_options().on_refused([&](const error& e) { refused.push_back(e.code()); }));
    settle_descriptors();
    auto first = py::connect(listener.address(), {}, timeout);
    auto second = py::connect(listener.address(), {}, timeout);
    first.send("first", timeout);
    second.send("second", timeout);
    {
        const no_more_descriptors none;
        error_code ec;
        (void)listener.accept(250ms, ec);
        CHECK(ec == errc::timed_out);
    }
    REQUIRE(!refused.empty());
    CHECK(refused.size() < 10); // it looks again now and then, not all the time
    for (const error_code& r : refused)
        CHECK(r == boost::system::errc::too_many_files_open);
    CHECK(listener.accept(timeout).recv(timeout) == py::value("first"));
    CHECK(listener.accept(timeout).recv(timeout) == py::value("second"));
}

#endif

TEST_CASE("python listener: where only this user is welcome, others are refused, in both roles")
{
    const auto options = py::listener_options().authkey(key).same_user();
    CHECK(code_of([&] { py::listener<>(address::tcp("127.0.0.1", 0), options); }) == errc::unsupported);
    CHECK(code_of([] { (void)py::connect(address::tcp("127.0.0.1", 1), py::connect_options().same_user()); }) ==
          errc::unsupported);
    std::vector<error_code> refused;
    py::listener_options telling = options;
    telling.on_refused([&](const error& e) { refused.push_back(e.code()); });
    py::listener<> listener(local_address(), telling);
    {
        std::jthread client([a = listener.address()] {
            converse(py::connect(a, py::connect_options().authkey(key).same_user(), timeout));
        });
        auto other = listener.accept(timeout);
        CHECK(other.recv(timeout) == py::value(1, 2));
        other.send({"hello", py::value(1, 2)}, timeout);
    }
    CHECK(refused.empty());
    if (::geteuid() != 0)
        skip("only the superuser can start programs of other users");
    for_each_python([&](const interpreter& p) {
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
        const address theirs = local_address();
        child.connection.send({py::from_address(listener.address()), key_or_none(key), py::from_address(theirs)},
                              timeout);
        refused.clear();
        error_code ec;
        while (refused.empty()) {
            (void)listener.accept(10ms, ec);
            REQUIRE(ec == errc::timed_out);
        }
        CHECK(refused.front() == errc::unauthenticated);
        CHECK(child.connection.recv(timeout) == py::value("refused"));
        CHECK(child.connection.recv(timeout) == py::value("listening"));
        CHECK(code_of([&] { (void)py::connect(theirs, py::connect_options().authkey(key).same_user(), timeout); }) ==
              errc::unauthenticated);
        CHECK(child.connection.recv(timeout) == py::value("refused us"));
    });
}

TEST_CASE("python listener: Windows pipes are unsupported elsewhere")
{
    CHECK(code_of([] { (void)py::connect("pipe:name"); }) == errc::unsupported);
    CHECK(code_of([] { py::listener<> listener("pipe:name"); }) == errc::unsupported);
}
