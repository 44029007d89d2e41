// Managers: Python programs use C++ objects, C++ programs use Python's, and each other's.
#include "support/test.hpp"

#include <ferrule/python/multiprocessing/address.hpp>
#include <ferrule/python/multiprocessing/async_manager.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/manager_server.hpp>

#include "integration/python_peer.hpp"

#include <latch>

namespace {

const std::string key = "a key that both know";

class engine {
public:
    explicit engine(std::string fuel) : fuel_(std::move(fuel)) {}

    std::string fuel() const { return fuel_; }
    double run(int hours, const std::vector<double>& load)
    {
        double sum = 0;
        for (const double l : load)
            sum += l;
        hours_ += hours;
        return sum * hours;
    }
    int hours() const noexcept { return hours_; }
    void stall() { throw std::runtime_error("out of " + fuel_); }
    void overheat() { throw py::exception("ValueError", {"too hot", 90}); }

private:
    std::string fuel_;
    int hours_ = 0;
};

// Serves as long as it lives.
class service {
public:
    service() : server(py::listener_options().authkey(key))
    {
        server.add<engine, std::string>("Engine")
            .method("fuel", &engine::fuel)
            .method("run", &engine::run)
            .method("hours", &engine::hours)
            .method("stall", &engine::stall)
            .method("overheat", &engine::overheat)
            .method("twice", [](engine&, const std::string& s) { return s + s; })
            .method("everything",
                    [](engine&, const py::value& args, const py::value& kwargs) { return py::value(args, kwargs); })
            .method("function", [](engine&) { return py::value::global("os", "system"); })
            .method("wait_for", [this](engine&, int) {
                ++waiting;
                waiting.notify_all();
                held.wait();
            });
        for (int i = 0; i < 2; ++i)
            threads_.emplace_back([this](const std::stop_token& stop) { server.serve(stop); });
    }

    std::latch held{1};
    std::atomic<int> waiting = 0; // for it
    py::manager_server server;

private:
    std::vector<std::jthread> threads_;
};

py::manager client_of(const service& s)
{
    return py::manager(s.server.address(), py::connect_options().authkey(key), {}, timeout);
}

std::string problem(const std::function<void()>& f)
{
    try {
        f();
    } catch (const py::exception& e) {
        return e.what();
    }
    return "none";
}

} // namespace

TEST_CASE("python manager: a Python program uses C++ objects as if they were Python's")
{
    for_each_python([](const interpreter& p) {
        service s;
        child_with_connection child(p, R"(
from multiprocessing.managers import BaseManager, RemoteError
class Engines(BaseManager):
    pass
Engines.register("Engine")
Engines.register("Unknown")
address, key = c.recv()
m = Engines(address, authkey=key)
m.connect()
e = m.Engine("diesel")
other = m.Engine("steam")
assert e.fuel() == "diesel" and other.fuel() == "steam"
assert e.run(5, [1, 2.5]) == 17.5
assert e.run(2, []) == 0
assert e.hours() == 7 and other.hours() == 0
assert e.twice("ab") == "abab"
assert e.everything(1, "two", three=3.0) == ((1, "two"), {"three": 3.0})
def raised(f, *args):
    try:
        f(*args)
    except Exception as x:
        return x
assert str(raised(e.stall)) == "out of diesel" and type(raised(e.stall)) is RuntimeError
assert raised(e.overheat).args == ("too hot", 90) and type(raised(e.overheat)) is ValueError
assert type(raised(e.run, "not", "numbers")) is TypeError
assert type(raised(e.run, 1)) is TypeError
assert type(raised(e.function)) is RemoteError # its name is not allowed
assert type(raised(m.Unknown)) is RemoteError
assert type(raised(m.Engine)) is RemoteError
assert e.hours() == 7 # and it still answers
assert "C++ object" in str(e)
assert m._number_of_objects() == 2
del other
assert m._number_of_objects() == 1
c.send("done")
)",
                                    anything);
        child.connection.send({py::from_address(s.server.address()), py::value(py::type::bytes, key)}, timeout);
        CHECK(child.connection.recv(timeout) == py::value("done"));
        child.expect_success();
    });
}

TEST_CASE("python manager: C++ uses the objects of a Python program")
{
    for_each_python([](const interpreter& p) {
        child_with_connection child(p, R"(
from multiprocessing.managers import BaseManager
import os, threading
class Stack:
    def __init__(self, *items, limit=10):
        self.items, self.limit = list(items), limit
    def push(self, item):
        if len(self.items) == self.limit:
            raise OverflowError("full", self.limit)
        self.items.append(item)
        return len(self.items)
    def all(self):
        return self.items
    def lambda_(self):
        return lambda: 0
    def child(self):
        return Stack("of a child")
class Stacks(BaseManager):
    pass
Stacks.register("Inner", None)
Stacks.register("Stack", Stack, method_to_typeid={"child": "Inner"})
server = Stacks(None, authkey=c.recv()).get_server()
c.send(server.address)
def end_with_parent():
    try:
        c.recv()
    except EOFError:
        os._exit(0)
threading.Thread(target=end_with_parent, daemon=True).start()
try:
    server.serve_forever()
except SystemExit:
    pass
)",
                                    anything);
        child.connection.send(py::value(py::type::bytes, key), timeout);
        const address a = py::to_address(child.connection.recv(timeout));
        const py::manager m(a, py::connect_options().authkey(key), {}, timeout);
        py::remote stack = m.create("Stack", {1, "two"}, {{"limit", 4}}, timeout);
        CHECK(std::ranges::count(stack.methods(), "push") == 1);
        CHECK(stack.call("push", {3.0}, {}, timeout) == py::value(3));
        CHECK(run(stack.async_call("push", {4}, {}, timeout)) == py::value(4));
        CHECK(stack.call("all", {}, {}, timeout).repr() == "[1, 'two', 3.0, 4]");
        CHECK(problem([&] { stack.call("push", {5}, {}, timeout); }) == "OverflowError: ('full', 4)");
        CHECK(problem([&] { stack.call("lambda_", {}, {}, timeout); }).find("RemoteError") != std::string::npos);
        CHECK(problem([&] { stack.call("nothing_like_it", {}, {}, timeout); }).find("RemoteError") !=
              std::string::npos);
        // A method that returns an object by reference.
        py::remote inner = m.take(stack.call("child", {}, {}, timeout), timeout);
        CHECK(inner.call("all", {}, {}, timeout).repr() == "['of a child']");
        CHECK(m.size(timeout) == 2);
        inner.release(timeout);
        CHECK(m.size(timeout) == 1);
        CHECK(m.take(stack.token(), timeout).call("all", {}, {}, timeout).size() == 4);
        CHECK(problem([&] { (void)m.create("Nothing", {}, {}, timeout); }).find("RemoteError") != std::string::npos);
        CHECK(code_of([&] { py::manager(a, py::connect_options().authkey("wrong"), {}, timeout); }) ==
              errc::unauthenticated);
        m.shutdown(timeout);
        child.expect_success();
    });
}

TEST_CASE("python manager: a call that is given up is skipped, and takes nothing from the next one")
{
    service s;
    const py::manager m = client_of(s);
    py::remote e = m.create("Engine", {"wood"});
    CHECK(code_of([&] { e.call("wait_for", {1}, {}, 5ms); }) == condition::timeout);
    CHECK(code_of([&] { run(e.async_call("fuel", {}, {}, 5ms)); }) == condition::timeout);
    s.held.count_down();
    CHECK(e.call("twice", {"x"}, {}, timeout) == py::value("xx"));
    CHECK(run(e.async_call("fuel", {}, {}, timeout)) == py::value("wood"));
    CHECK(e.get<double>("run", 3, std::vector<double>{1, 2}) == 9);
}

TEST_CASE("python manager: threads and coroutines call one object, and each gets its own answer")
{
    service s;
    py::remote e = client_of(s).create("Engine", {"coal"});
    std::vector<std::jthread> callers;
    for (int t = 0; t < 4; ++t)
        callers.emplace_back([e, t]() mutable {
            for (int i = 0; i < 50; ++i) {
                const std::string text = std::to_string(t) + "," + std::to_string(i);
                const py::value answer =
                    t % 2 == 0 ? e.call("twice", {text}, {}, timeout) : run(e.async_call("twice", {text}, {}, timeout));
                CHECK(answer == py::value(text + text));
            }
        });
}

TEST_CASE("python manager: what clients release is freed, and shutdown ends the service")
{
    py::manager_server server(py::listener_options().authkey(key));
    const auto shared = std::make_shared<engine>("sun");
    server.add<engine>("TheEngine", [&](const py::value&, const py::value&) { return shared; })
        .method("fuel", &engine::fuel);
    std::jthread serving([&] { server.serve(); });
    const py::manager m(server.address(), py::connect_options().authkey(key), {}, timeout);
    py::remote one = m.create("TheEngine", {}, {}, timeout);
    py::remote two = m.create("TheEngine", {}, {}, timeout);
    CHECK(shared.use_count() == 3);
    one.release(timeout);
    CHECK(shared.use_count() == 2);
    CHECK(server.size() == 1);
    CHECK(two.call("fuel", {}, {}, timeout) == py::value("sun"));
    CHECK(problem([&] { one.call("fuel", {}, {}, timeout); }).find("RemoteError") != std::string::npos);
    m.shutdown(timeout);
    serving.join();
}

namespace {

// A manager with one type, which answers some calls as no manager would.
const std::string odd_manager = R"(
from multiprocessing.connection import Listener
import os, struct, threading, time
def nested(n):
    r = []
    for _ in range(n): r = [r]
    return r
def long_name(): pass
long_name.__name__ = long_name.__qualname__ = "n" * 300
globals()["n" * 300] = long_name
def answer(conn, name, args):
    say = lambda what: conn.send(("#RETURN", what))
    if name == "add": say(args[0] + args[1])
    elif name == "raise": conn.send(("#ERROR", ValueError("what")))
    elif name == "traceback": conn.send(("#TRACEBACK", "Traceback"))
    elif name == "deep": say(nested(400))
    elif name == "wide": say([None] * 2000)
    elif name == "integer": say(1 << 20000)
    elif name == "long_name": say(long_name)
    elif name == "garbage": conn.send_bytes(b"no pickle")
    elif name == "empty": conn.send_bytes(b"")
    elif name == "shape": conn.send(5)
    elif name == "kind": conn.send(("#ODD", 5))
    elif name == "no_exception": conn.send(("#ERROR", 5))
    elif name == "persistent": conn.send_bytes(b"\x80\x04K\x01Q.")
    elif name == "late": say("late") if late.wait(60) else None
    elif name == "size": say(len(args[0]))
    elif name == "beyond": os.write(conn.fileno(), struct.pack("!iQ", -1, 1 << 40))
    elif name == "negative": os.write(conn.fileno(), struct.pack("!i", -2))
    elif name == "half": os.write(conn.fileno(), struct.pack("!i", 100) + b"half"); raise EOFError
    elif name == "hang_up": raise EOFError
def serve(conn):
    try:
        while True:
            ident, name, args, kwargs = conn.recv()
            if name == "create": conn.send(("#RETURN", ("1", ("add",)))); break
            elif name == "let_go": late.set(); conn.send(("#RETURN", None)); break
            elif name == "dummy": conn.send(("#RETURN", None)); break
            elif name == "accept_connection": conn.send(("#RETURN", None))
            else: answer(conn, name, args)
    except (EOFError, OSError):
        pass
    conn.close()
late = threading.Event()
listener = Listener(None, authkey=c.recv())
c.send(listener.address)
def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept(),), daemon=True).start()
threading.Thread(target=accept, daemon=True).start()
while True:
    try:
        late.clear() if c.recv() == "hold" else late.set()
        c.send("done")
    except EOFError:
        os._exit(0)
)";

using call_function = std::function<py::value(py::remote&, const std::string&, const py::tuple&, const until&)>;

py::value call_blocking(py::remote& r, const std::string& method, const py::tuple& args, const until& limit)
{
    return r.call(method, args, {}, limit);
}

py::value call_as_coroutine(py::remote& r, const std::string& method, const py::tuple& args, const until& limit)
{
    return run(r.async_call(method, args, {}, limit));
}

} // namespace

TEST_CASE("python manager: after any call that fails the next one is answered, or says at once that it cannot be")
{
    for_each_python([](const interpreter& p) {
        child_with_connection child(p, odd_manager, anything);
        child.connection.send(py::value(py::type::bytes, key), timeout);
        const address a = py::to_address(child.connection.recv(timeout));
        py::pickle_limits small;
        small.depth = 100;
        small.values = 1000;
        small.integer = 1000;
        small.name = 100;
        const multiprocessing limited({}, py::pickle_codec(small));
        const py::manager m(a, py::connect_options().authkey(key), limited, timeout);
        const auto tell = [&](const char* what) {
            child.connection.send(what, timeout);
            CHECK(child.connection.recv(timeout) == py::value("done"));
        };
        for (const call_function& call : {call_function(call_blocking), call_function(call_as_coroutine)}) {
            const auto add = [&](py::remote& r) { return call(r, "add", {1, 2}, timeout); };

            // The call alone has failed.
            py::remote r = m.create("Thing", {}, {}, timeout);
            for (const char* method : {"deep", "wide", "integer", "long_name"}) {
                CAPTURE(method);
                CHECK_THROWS(call(r, method, {}, timeout));
                CHECK(add(r) == py::value(3));
            }
            for (const char* method : {"garbage", "empty", "shape", "kind", "no_exception", "persistent"}) {
                CAPTURE(method);
                CHECK(code_of([&] { call(r, method, {}, timeout); }) == errc::invalid_value);
                CHECK(add(r) == py::value(3));
            }
            for (const char* method : {"raise", "traceback"}) {
                CAPTURE(method);
                CHECK_THROWS_AS(call(r, method, {}, timeout), py::exception);
                CHECK(add(r) == py::value(3));
            }
            CHECK(code_of([&] { call(r, "size", {py::value::global("os", "system")}, timeout); }) == errc::unencodable);
            CHECK(add(r) == py::value(3));

            // It is given up, in the queue, while it is sent, and while it is answered; then its answer is none.
            const py::value much(std::string(16 << 20, 'x'));
            tell("hold");
            CHECK(code_of([&] { call(r, "late", {}, 5ms); }) == condition::timeout);
            std::stop_source stopped;
            stopped.request_stop();
            CHECK(code_of([&] { call(r, "add", {5, 6}, stopped.get_token()); }) == condition::cancelled);
            CHECK(code_of([&] { call(r, "size", {much}, 5ms); }) == condition::timeout);
            CHECK(code_of([&] { call(r, "garbage", {}, 5ms); }) == condition::timeout);
            tell("go on");
            CHECK(add(r) == py::value(3));
            CHECK(call(r, "size", {py::value("four")}, timeout) == py::value(4));

            // The connection has failed.
            for (const char* method : {"beyond", "negative"}) {
                CAPTURE(method);
                py::remote lost = m.create("Thing", {}, {}, timeout);
                const error_code ec = code_of([&] { call(lost, method, {}, timeout); });
                CHECK((ec == errc::too_large || ec == errc::malformed));
                for (int i = 0; i < 2; ++i)
                    CHECK(code_of([&] { add(lost); }) == errc::closed);
            }
            for (const char* method : {"half", "hang_up"}) {
                CAPTURE(method);
                py::remote lost = m.create("Thing", {}, {}, timeout);
                CHECK(code_of([&] { call(lost, method, {}, timeout); }) == condition::end);
                for (int i = 0; i < 2; ++i) {
                    const error_code ec = code_of([&] { add(lost); });
                    CHECK((ec == condition::end || ec == condition::broken));
                }
            }
            CHECK(add(r) == py::value(3)); // the others have nothing to do with it
        }
        child.expect_success();
    });
}

TEST_CASE("python manager: a coroutine that is destroyed leaves no doubt about whose answer comes next")
{
    service s;
    const py::manager m = client_of(s);
    py::remote waiting = m.create("Engine", {"wood"});
    py::remote sending = m.create("Engine", {"coal"});
    const py::value much(std::string(32 << 20, 'x'));
    {
        boost::asio::io_context context;
        const auto start = [&](boost::asio::awaitable<py::value> a) {
            co_spawn(context, std::move(a), boost::asio::detached);
        };
        py::remote other = m.create("Engine", {"oil"});
        start(waiting.async_call("wait_for", {1}));
        start(other.async_call("wait_for", {1}));
        context.poll();
        for (int n = 0; n < 2; n = s.waiting)
            s.waiting.wait(n);
        // Both threads of the service are busy, so nobody reads what is sent now.
        start(sending.async_call("twice", {much}));
        context.poll();
    }
    s.held.count_down();
    CHECK(waiting.call("fuel", {}, {}, timeout) == py::value("wood")); // the answer to the first call is skipped
    CHECK(code_of([&] { sending.call("fuel", {}, {}, timeout); }) == errc::closed);
}
