// Listening, connecting, managers and queues when memory or descriptors run out at any point: the call says so or succeeds, nothing
// leaks, and the next one works.
#include "contract/posix/in_want.hpp"
#include "contract/posix/shortage.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"
#include "support/unique_fd.hpp"

#include <ferrule/python/multiprocessing/address.hpp>
#include <ferrule/python/multiprocessing/async_manager.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>
#include <ferrule/python/multiprocessing/manager.hpp>
#include <ferrule/python/multiprocessing/manager_server.hpp>
#include <ferrule/python/multiprocessing/queue.hpp>
#include <ferrule/python/multiprocessing/shared_handle.hpp>

#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using connection = message_duplex<multiprocessing>;

const std::string key = "a key that both know, which is memory of its own";

// Runs beside, from now on; `get` waits for its end, and rethrows what it has thrown.
template <class F>
std::future<void> beside(F f)
{
    return std::async(std::launch::async, std::move(f));
}

// Serves lists of integers in a process of its own, so that its descriptors do not count here.
class list_server {
public:
    list_server() : at_(address::unix_path(folder_.file("manager"))), pid_(::fork())
    {
        if (pid_ == 0) {
            py::manager_server server(at_, py::listener_options().authkey(key));
            server.add<std::vector<int>>("List")
                .method("push", [](std::vector<int>& v, int n) { v.push_back(n); })
                .method("size", [](std::vector<int>& v) { return v.size(); });
            server.serve(60s);
            ::_exit(0);
        }
    }
    list_server(const list_server&) = delete;
    list_server& operator=(const list_server&) = delete;
    ~list_server()
    {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }

    [[nodiscard]] py::manager connect() const
    {
        return py::manager(at_, py::connect_options().authkey(key).wait_for_listener(10s), {}, 10s);
    }

private:
    temporary_folder folder_;
    address at_;
    pid_t pid_;
};

// What was called once has had its effect, unless it has failed; then the connection may have been closed rather than give one call
// the answer of another.
void check_pushed(py::remote& list, const error_code& pushing)
{
    std::size_t size = 0;
    const error_code ec = code_of([&] { size = list.get<std::size_t>("size"); });
    CHECK((!ec || (pushing && ec == errc::closed)));
    if (!pushing)
        CHECK(size == 1);
}

} // namespace

TEST_CASE("exhaustion: a listener that cannot be made leaves nothing behind")
{
    const temporary_folder folder;
    const auto options = py::listener_options().authkey(key);
    const address at = address::unix_path(folder.file("listener"));
    with_each_shortage("listener", [&](shortage& s) {
        CHECK(s.explains(s.during([&] { py::listener<> l(at, options); })));
        CHECK(folder.empty());
    });
    with_each_shortage("listener anywhere",
                       [&](shortage& s) { CHECK(s.explains(s.during([&] { py::listener<> l(options); }))); });
}

TEST_CASE("exhaustion: accepting")
{
    for (const bool with_key : {false, true}) {
        for (const way w : all_ways) {
            with_each_shortage("accept", [&](shortage& s) {
                error_code refused;
                auto options = py::listener_options();
                options.on_refused([&](const error& e) {
                    const plenty p;
                    refused = e.code();
                });
                auto to = py::connect_options();
                if (with_key) {
                    options.authkey(key);
                    to.authkey(key);
                }
                py::listener<> l(options);
                auto peer = beside([&] { // comes again if it is dropped
                    for (;;) {
                        error_code ec;
                        connection c = py::connect(l.address(), to, 10s, ec);
                        if (!ec && c.next(10s, ec))
                            return;
                    }
                });
                std::optional<connection> accepted;
                // Without descriptors, it waits for some.
                const error_code ec = in_want(
                    s, w, 50ms, [&](const until& limit) { return l.accept(limit); },
                    [&](auto... rest) { return l.async_accept(rest...); },
                    [&](connection c) { accepted = std::move(c); });
                CHECK((s.explains(ec) || ec == errc::timed_out));
                CHECK(s.explains(refused));
                if (!accepted)
                    accepted = l.accept(10s); // it goes on
                accepted->send("welcome", 10s);
                peer.get();
            });
        }
    }
}

TEST_CASE("exhaustion: connecting")
{
    for (const bool with_key : {false, true}) {
        for (const way w : all_ways) {
            const auto lo = with_key ? py::listener_options().authkey(key) : py::listener_options();
            const auto co = with_key ? py::connect_options().authkey(key) : py::connect_options();
            with_each_shortage("connect", [&](shortage& s) {
                py::listener<> l(lo);
                auto accepts = beside([&] { // until one has something to say
                    for (;;) {
                        error_code ec;
                        connection c = l.accept(10s);
                        if (const auto message = c.next(10s, ec)) {
                            c.send(*message, 10s);
                            return;
                        }
                    }
                });
                std::optional<connection> here;
                const error_code ec = in_want(
                    s, w, 10s, [&](const until& limit) { return py::connect(l.address(), co, limit); },
                    [&](auto... rest) { return py::async_connect(l.address(), co, rest...); },
                    [&](connection c) { here = std::move(c); });
                CHECK(s.explains(ec));
                if (!here)
                    here = py::connect(l.address(), co, 10s);
                here->send("there and back", 10s);
                CHECK(here->recv(10s).as<std::string>() == "there and back");
                accepts.get();
            });
        }
    }
}

TEST_CASE("exhaustion: calls of remote objects")
{
    const list_server server;
    const py::manager manager = server.connect();
    with_each_shortage("manager", [&](shortage& s) { CHECK(s.explains(s.during([&] { (void)server.connect(); }))); });
    with_each_shortage("create", [&](shortage& s) {
        CHECK(s.explains(s.during([&] { (void)manager.create("List", {}, {}, 10s); })));
    });
    with_each_shortage("call", [&](shortage& s) {
        py::remote list = manager.create("List", {}, {}, 10s);
        const py::tuple arguments{7};
        const error_code ec = s.during([&] { (void)list.call("push", arguments, {}, 10s); });
        CHECK(s.explains(ec));
        check_pushed(list, ec);
    });
    with_each_shortage("async_call", [&](shortage& s) {
        py::remote list = manager.create("List", {}, {}, 10s);
        asio::io_context context;
        error_code ec;
        const auto body = [&]() -> asio::awaitable<void> {
            try {
                const py::tuple arguments{7};
                const until limit(10s);
                s.begin();
                (void)co_await list.async_call("push", arguments, {}, limit);
                s.end();
            } catch (...) {
                s.end();
                ec = detail::thrown_code();
            }
        };
        asio::co_spawn(context, body(), asio::detached);
        context.run();
        CHECK(s.explains(ec));
        check_pushed(list, ec);
    });
}

TEST_CASE("exhaustion: a server of managed objects goes on when it has had no descriptors")
{
    for_each_shortage({resource::descriptors}, 100, [&](shortage& s) {
        py::manager_server server(py::listener_options().authkey(key));
        const auto options = py::connect_options().authkey(key);
        std::size_t size = 1;
        s.begin();
        auto asks = beside([&] {
            for (;;) { // it may be refused in the meantime
                try {
                    size = py::manager(server.address(), options, {}, 10s).size(10s);
                    break;
                } catch (const error&) {
                }
            }
            server.stop();
        });
        server.serve(20ms);
        s.end();
        server.serve(); // until it was asked
        asks.get();
        CHECK(size == 0);
        return s.has_refused();
    });
}

TEST_CASE("exhaustion: a handle for another program is handed over, or can be fetched again")
{
    with_each_shortage("offered_handle", [](shortage& s) {
        auto given = pipe();
        CHECK(s.explains(s.during([&] {
            const py::offered_handle offer(given.second, key);
            (void)offer.as_connection();
        })));
    });
    with_each_shortage("hand_over", [](shortage& s) {
        auto given = pipe();
        py::offered_handle offer(given.second, key);
        const py::value sent = offer.as_connection();
        std::optional<passed_handle> fetched;
        auto fetches = beside([&] {
            while (!fetched) { // it may be sent away
                try {
                    fetched = py::fetch_handle(sent, key, 10s);
                } catch (const error&) {
                }
            }
        });
        // Refuses whoever comes while it has no memory for them; or the fetching end has gone away in the middle.
        const error_code ec = s.during([&] { offer.hand_over(50ms); });
        CHECK((!ec || s.has_refused() || ec == errc::timed_out));
        if (ec)
            offer.hand_over(10s);
        fetches.get();
        writer(fetched->open()).send("through it");
        CHECK(given.first.recv(10s).text() == "through it");
    });
    with_each_shortage("fetch_handle", [](shortage& s) {
        auto given = pipe();
        py::offered_handle offer(given.second, key);
        const py::value sent = offer.as_connection();
        auto hands_over = beside([&] {
            for (bool done = false; !done;) { // whoever fetches it may go away
                try {
                    offer.hand_over(10s);
                    done = true;
                } catch (const error&) {
                }
            }
        });
        std::optional<passed_handle> fetched;
        const error_code ec = s.during([&] { fetched = py::fetch_handle(sent, key, 10s); });
        CHECK(s.explains(ec));
        if (ec && code_of([&] { fetched = py::fetch_handle(sent, key, 10s); })) { // it had come, and was lost
            hands_over.get();
            return;
        }
        hands_over.get();
        writer(fetched->open()).send("through it");
        CHECK(given.first.recv(10s).text() == "through it");
    });
}

TEST_CASE("exhaustion: queues")
{
    with_each_shortage("put", [](shortage& s) {
        auto [r, w] = raw_pipe();
        py::queue_reader from(adopt(r.release()));
        py::queue_writer to(adopt(w.release()));
        error_code ec;
        const py::value message{"first", 1};
        const error_code thrown = s.during([&] { to.put(message, 10s, ec); });
        CHECK(!thrown);
        CHECK(s.explains(ec));
        to.put("next", 10s);
        if (!ec)
            CHECK(from.get(10s) == message);
        CHECK(from.get(10s) == py::value("next"));
    });
    with_each_shortage("get", [](shortage& s) {
        auto [r, w] = raw_pipe();
        py::queue_reader from(adopt(r.release()));
        py::queue_writer to(adopt(w.release()));
        const py::value message{"first", 1};
        to.put(message, 10s);
        to.put("next", 10s);
        error_code ec;
        py::value got;
        const error_code thrown = s.during([&] { got = from.get(10s, ec); });
        CHECK(!thrown);
        CHECK(s.explains(ec));
        if (!ec)
            CHECK(got == message);
        got = from.get(10s);
        if (ec && got == message) // else it was taken off the stream, and no value could be made of it
            got = from.get(10s);
        CHECK(got == py::value("next"));
    });
}
