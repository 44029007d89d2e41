// Asynchronous calls as people write them, with temporaries of every type of ours inside the statement with `co_await`. g++ 12
// destroys some kinds of temporaries twice there, which AddressSanitizer sees; <ferrule/asio.hpp> has the list. Texts are
// long, so that they have memory to be freed. No co_await inside an assertion, which is more than a statement.
#include "support/test.hpp"

#include <ferrule/framing/any_framing.hpp>
#include <ferrule/framing/content_length.hpp>
#include <ferrule/framing/delimited.hpp>
#include <ferrule/framing/fixed_size.hpp>
#include <ferrule/framing/generated.hpp>
#include <ferrule/framing/json.hpp>
#include <ferrule/framing/length_prefix.hpp>
#include <ferrule/framing/limited.hpp>
#include <ferrule/framing/lines.hpp>
#include <ferrule/framing/msgpack.hpp>
#include <ferrule/framing/netstring.hpp>
#include <ferrule/framing/nul.hpp>
#include <ferrule/framing/progress.hpp>
#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/multiprocessing/address.hpp>
#include <ferrule/python/multiprocessing/async_manager.hpp>
#include <ferrule/python/multiprocessing/client.hpp>
#include <ferrule/python/multiprocessing/listener.hpp>
#include <ferrule/python/multiprocessing/manager_server.hpp>
#include <ferrule/python/numpy.hpp>
#include <ferrule/python/standard.hpp>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/json/parse.hpp>

namespace {

std::string text(const char* end)
{
    return std::string(60, '-') + end;
}

/// A length that is written with a mark in front.
class marked {
public:
    using message_type = bytes;

    explicit marked(std::string mark) : mark_(std::move(mark)) {}

    frame_reads frames(const arrived& in) const
    {
        co_yield mark_.size() + 1;
        const std::size_t size = in[mark_.size()];
        co_yield size;
        co_return decode_result::frame(mark_.size() + 1, size);
    }
    error_code encode(std::span<const byte_view> payload, const limits&, encoded& out) const
    {
        const auto size = static_cast<std::byte>(total_size(payload));
        out.append_copy(mark_);
        out.append_copy(std::span(&size, 1));
        out.append_view(payload);
        return {};
    }

private:
    std::string mark_;
};

asio::awaitable<void> bytes_are_sent(duplex a, duplex b)
{
    std::size_t sent = co_await a.async_send("a literal\n");
    sent += co_await a.async_send(text("a string\n"), timeout);
    sent += co_await a.async_send(std::string_view("a view\n"), until(timeout, std::stop_source().get_token()));
    sent += co_await a.async_send(bytes(byte_view(text("bytes\n"))), deadline(timeout));
    sent += co_await a.async_send({text("several "), "of them", bytes(byte_view("\n"))}, deadline::never());
    sent += co_await a.async_send({"1", "2", "3", "4", "5", "6", text("7"), "\n"}, std::stop_source().get_token());
    sent += co_await a.async_send(std::vector<char>(3, '\n'), std::chrono::steady_clock::now() + timeout);
    co_await a.async_flush(until(timeout, std::stop_source().get_token()));
    co_await a.async_shutdown_send(asio::as_tuple(asio::use_awaitable));
    const bytes got = co_await b.async_recv_all(until(timeout));
    CHECK(got == byte_view("a literal\n" + text("a string\n") + "a view\n" + text("bytes\n") + text("several ") +
                           "of them\n123456" + text("7\n\n\n\n")));
    CHECK(sent == got.size());
}

asio::awaitable<void> bytes_are_received(duplex a, duplex b)
{
    co_await a.async_send(text("|") + "four" + text("\r\n") + text("\n") + "into");
    const bytes separated = co_await b.async_recv_until(std::string("|"), until(timeout, std::stop_token()));
    CHECK(separated == byte_view(text("|")));
    const bytes of_several = co_await b.async_recv_until({"o", "fo"}, until(timeout));
    CHECK(of_several == byte_view("fo"));
    const bytes four = co_await b.async_recv(2, until(timeout, std::stop_source().get_token()));
    CHECK(four == byte_view("ur"));
    const bytes line = co_await b.async_recv_line(std::string("\r\n"), deadline(timeout));
    CHECK(line == byte_view(text("")));
    const bytes copied = (co_await b.async_recv_line(timeout)).clone();
    CHECK(copied == byte_view(text("")));
    std::vector<std::byte> space(4);
    const std::size_t n = co_await b.async_recv_into(std::span(space), until(timeout));
    CHECK(n == 4);
    const auto [late, nothing] =
        co_await b.async_recv(until(1ms, std::stop_source().get_token()), asio::as_tuple(asio::use_awaitable));
    CHECK(late == errc::timed_out);
    error_code ec;
    const bytes partial = co_await b.async_recv(until(1ms), asio::redirect_error(asio::use_awaitable, ec));
    CHECK(ec == errc::timed_out);
    const bytes rest = co_await b.async_take_partial(until(timeout));
    CHECK(rest.empty());
    const std::size_t unsent = co_await b.async_close(until(timeout, std::stop_source().get_token()));
    CHECK(unsent == 0);
}

asio::awaitable<void> endpoints_are_temporary(duplex a, duplex b)
{
    co_await writer(a).async_send(text("\n"));
    const bytes line = co_await reader(b).async_recv_line(timeout);
    CHECK(line == byte_view(text("")));
    co_await message_writer<lines>(writer(a), lines("\r\n"), limits(100)).async_send(text("framed"), timeout);
    const bytes framed = co_await message_reader<lines>(reader(b), lines("\r\n"), limits(100)).async_recv(timeout);
    CHECK(framed == byte_view(text("framed")));
    co_await message_duplex<any_framing>(a, any_framing("lines:END"), limits(100)).async_send(text(""), until(timeout));
    const bytes any = co_await message_duplex<any_framing>(b, any_framing("lines:END")).async_recv(until(timeout));
    CHECK(any == byte_view(text("")));

    auto [r, w] = pipe();
    w.close();
    const auto [end, nothing] = co_await std::move(r).async_recv(asio::as_tuple(asio::use_awaitable));
    CHECK(end == errc::end_of_stream);
}

asio::awaitable<void> framings_are_temporary(message_duplex<> a, message_duplex<> b)
{
    const std::string message = text("message");
    std::vector<bytes> all;
    co_await a.with(lines("\r")).async_send(message, timeout);
    all.push_back(co_await b.with(lines(std::string("\r"))).async_recv(timeout));
    co_await a.with(lines()).async_send({message}, timeout);
    all.push_back(co_await b.with(lines()).async_recv(timeout));
    co_await a.with(delimited(text("--"))).async_send({message.substr(0, 3), message.substr(3)}, timeout);
    all.push_back(co_await b.with(delimited(text("--"), delimited::separator::strip)).async_recv(timeout));
    co_await a.with(delimited(std::vector<std::string>(2, text("/")))).async_send(message, timeout);
    all.push_back(co_await b.with(delimited(std::vector<std::string>(2, text("/")))).async_recv(timeout));
    co_await a.with(any_framing("delimited:END")).async_send(message, timeout);
    all.push_back(co_await b.with(any_framing(delimited("END"))).async_recv(timeout));
    co_await a.with(nul()).async_send(message, timeout);
    all.push_back(co_await b.with(limited<nul>(100)).async_recv(timeout));
    co_await a.with(limited<lines>(100, lines("!"))).async_send(message, timeout);
    all.push_back(co_await b.with(limited<lines>(100, lines("!"))).async_recv(timeout));
    co_await a.with(fixed_size<>(message.size())).async_send(message, timeout);
    all.push_back(co_await b.with(fixed_size<>(message.size())).async_recv(timeout));
    co_await a.with(generated<marked>(marked(text("mark")))).async_send(message, timeout);
    all.push_back(co_await b.with(generated<marked>(marked(text("mark")))).async_recv(timeout));
    co_await a.with(content_length()).async_send(message, timeout);
    all.push_back(co_await b.with(json_dialect(json_dialect::dialect::content_length)).async_recv(timeout));
    co_await a.with(netstring{}).async_send(message, timeout);
    all.push_back(co_await b.with(netstring{}).async_recv(timeout));
    co_await a.with(length_prefix<u32>{}).async_send(message, timeout);
    all.push_back(co_await b.with(length_prefix<u32, std::endian::big>()).async_recv(timeout));
    co_await a.with(multiprocessing_bytes{}).async_send(message, timeout);
    all.push_back(co_await b.with(any_framing(multiprocessing_bytes{})).async_recv(timeout));

    // Lambdas may refer to what is there, but not own it.
    std::size_t sent = 0;
    std::size_t received = 0;
    co_await a.with(progress<lines>(
                        {}, [&](std::size_t n, std::size_t) { sent = n; }, lines("\r")))
        .async_send(message);
    all.push_back(co_await b.with(progress<lines>([&](std::size_t n, std::size_t) { received = n; }, {}, lines("\r")))
                      .async_recv());
    CHECK(sent == message.size() + 1);
    CHECK(received == message.size() + 1);
    for (const bytes& m : all)
        CHECK(m == byte_view(message));
}

/// With a constructor, as our own have.
class person {
public:
    person() = default;
    person(std::string n, int a) : name(std::move(n)), age(a) {}

    std::string name;
    int age = 0;

    MSGPACK_DEFINE(name, age)
};

asio::awaitable<void> values_are_temporary(duplex a, duplex b)
{
    message_duplex<json_lines<>> json_a(a);
    message_duplex<json_lines<>> json_b(b);
    co_await json_a.async_send(boost::json::parse("[1, \"" + text("two") + "\"]"), until(timeout));
    const std::string second((co_await json_b.async_recv(until(timeout))).at(1).as_string());
    CHECK(second == text("two"));
    co_await json_a.async_send(boost::json::value_from(std::map<std::string, int>()), timeout);
    co_await json_a.async_send(boost::json::value(text("three")));
    const boost::json::value empty = co_await json_b.async_recv(timeout);
    CHECK(empty.as_object().empty());
    const std::string third = co_await json_b.with(json_messages<std::string>(json_dialect())).async_recv();
    CHECK(third == text("three"));
    co_await json_a.with(json_content_length<std::string>(content_length(), json_codec<std::string>{}))
        .async_send(text("four"));
    const std::string fourth = co_await json_b.with(json_content_length<std::string>()).async_recv();
    CHECK(fourth == text("four"));

    using msgpack_any = msgpack_messages<>;
    using msgpack_person = msgpack_messages<person>;
    co_await message_duplex<msgpack_person>(a).async_send(person(text("Ada"), 36), until(timeout));
    co_await message_duplex<msgpack_person>(a).async_send({text("Ada"), 36}, until(timeout));
    const person ada = co_await message_duplex<msgpack_person>(b, msgpack_person(msgpack_bytes(4))).async_recv(timeout);
    CHECK(ada.name == text("Ada"));
    const auto same = (co_await message_duplex<msgpack_any>(b).async_recv(timeout)).as<std::tuple<std::string, int>>();
    CHECK(same == std::tuple(text("Ada"), 36));
    co_await message_duplex<msgpack_any>(a).async_send(msgpack_object(std::tuple(text("x"), 1)));
    co_await message_duplex<msgpack_any>(a).async_send(text("converted"));
    const msgpack_object tuple = co_await message_duplex<msgpack_any>(b).async_recv();
    CHECK(tuple == msgpack_object(std::tuple(text("x"), 1)));
    const msgpack_object converted = co_await message_duplex<msgpack_any>(b).async_recv();
    CHECK(converted.as<std::string>() == text("converted"));
}

asio::awaitable<void> python_is_temporary(message_duplex<multiprocessing> a, message_duplex<multiprocessing> b)
{
    const auto names = [] { return py::globals().allow("shapes", "Color"); };
    std::vector<py::value> got;
    co_await a.async_send({1, text("two"), nullptr}, until(timeout));
    got.push_back(co_await b.async_recv(until(timeout)));
    CHECK(got.back()[1].as<std::string>() == text("two"));
    co_await a.async_send(py::from(std::pair(text("a"), std::optional<int>())));
    got.push_back((co_await b.async_recv())[0]);
    CHECK(got.back().as<std::string>() == text("a"));
    co_await a.async_send(py::from(py::decimal(std::string(40, '1'))));
    const auto decimal = py::to<py::decimal>(co_await b.async_recv());
    CHECK(decimal.text == std::string(40, '1'));
    co_await a.async_send(
        py::from(py::datetime(2024y / 12 / 31, py::time(1h, false, py::from(py::timezone(2h, text("zone")))))));
    const auto when = py::to<py::datetime>(co_await b.async_recv());
    CHECK(when == py::datetime(2024y / 12 / 31, py::time(1h, false, py::from(py::timezone(2h, text("zone"))))));
    co_await a.with(multiprocessing(multiprocessing_bytes(), py::pickle_codec(py::pickle_limits(), names())))
        .async_send(py::from(py::enum_member("shapes", "Color", "", py::value(text("red")))), timeout);
    const auto member = py::to<py::enum_member>(co_await b.async_recv());
    CHECK(member.value.as<std::string>() == text("red"));
    co_await a.async_send(py::from(
        py::ndarray(py::dtype('M', 8, false, "ns"), std::vector<std::size_t>(2, 1), bytes(byte_view("8 bytes.")))));
    const auto array = py::to<py::ndarray>(co_await b.async_recv());
    CHECK(array.dtype() == py::dtype('M', 8, false, "ns"));
    co_await a.async_send(py::value::object("datetime", "date", py::tuple(3, py::value(1))));
    const bool is_date = (co_await b.async_recv()).is("datetime", "date");
    CHECK(is_date);
    co_await a.async_send(py::value(py::type::bytearray, byte_view(text("array"))));
    const std::size_t size = (co_await b.async_recv()).size();
    CHECK(size == 65);
}

asio::awaitable<void> python_connects(std::string key)
{
    using namespace asio::experimental::awaitable_operators;
    py::listener<> here(py::listener_options()
                            .authkey(key)
                            .handshake_timeout(timeout)
                            .backlog(3)
                            .max_handshakes(5)
                            .min_digest(py::digest::sha256)
                            .on_refused([](const error&) {}));
    const bool has_unix = here.address().kind() != address::family::pipe;
    const address nowhere =
        has_unix ? address::unix_path("/nowhere" + text("")) : address::pipe(R"(\\.\pipe\nowhere)" + text(""));
    auto [accepted, connected] = co_await (
        here.async_accept(until(timeout, std::stop_source().get_token())) &&
        py::async_connect(address(here.address()), py::connect_options().authkey(key).same_user(), until(timeout)));
    co_await connected.async_send({1, text("hello")}, timeout);
    const py::value got = co_await accepted.async_recv(timeout);
    CHECK(got[1].as<std::string>() == text("hello"));
    const auto [ec, none] =
        co_await py::async_connect(address(nowhere), py::connect_options().authkey(key).wait_for_listener(1ms),
                                   until(timeout), asio::as_tuple(asio::use_awaitable));
    CHECK(ec == boost::system::errc::no_such_file_or_directory);
    const bool is_thrown = co_await [](std::string k, address a) -> asio::awaitable<bool> {
        try {
            co_await py::async_connect(address(a), py::connect_options().authkey(k));
        } catch (const error& e) {
            co_return e.code() == boost::system::errc::no_such_file_or_directory;
        }
        co_return false;
    }(key, nowhere);
    CHECK(is_thrown);
}

class counter {
public:
    explicit counter(std::string name) : name_(std::move(name)) {}
    std::string add(std::string more) { return name_ += more; }
    std::string name() const { return name_; }

private:
    std::string name_;
};

asio::awaitable<void> remotes_are_called(py::manager manager)
{
    const py::value sum = co_await manager.create("Counter", py::tuple(1, py::value(text("a"))))
                              .async_call("add", py::tuple(1, py::value(text("b"))), py::dict(), until(timeout));
    CHECK(sum.as<std::string>() == text("a") + text("b"));
    const py::tuple named{text("c")}; // g++ 12 does not compile such lists in a statement with co_await
    py::remote other = manager.create("Counter", named);
    const std::string name = (co_await other.async_call("name")).as<std::string>();
    CHECK(name == text("c"));
}

asio::awaitable<void> locks_are_taken(cross_lock& lock)
{
    co_await lock.async_lock(until(timeout, std::stop_source().get_token()));
    const auto [late] = co_await lock.async_lock(until(1ms), asio::as_tuple(asio::use_awaitable));
    CHECK(late == errc::lock_timed_out);
    lock.unlock();
}

} // namespace

TEST_CASE("natural calls: bytes")
{
    const auto call = [](auto f) {
        auto [a, b] = socketpair();
        run(f(a, b));
    };
    call(bytes_are_sent);
    call(bytes_are_received);
    call(endpoints_are_temporary);
}

TEST_CASE("natural calls: framings")
{
    auto [a, b] = socketpair(varint());
    run(framings_are_temporary(a, b));
}

TEST_CASE("natural calls: values")
{
    auto [a, b] = socketpair();
    run(values_are_temporary(a, b));
}

TEST_CASE("natural calls: Python's values")
{
    auto [a, b] = socketpair(multiprocessing());
    run(python_is_temporary(a, b));
}

TEST_CASE("natural calls: connecting as Python does")
{
    run(python_connects(text("a key")));
}

TEST_CASE("natural calls: remote objects")
{
    py::manager_server server(py::listener_options().authkey(text("a key")));
    server.add<counter, std::string>("Counter").method("add", &counter::add).method("name", &counter::name);
    std::jthread serving([&] { server.serve(); });
    run(remotes_are_called(py::manager(server.address(), py::connect_options().authkey(text("a key")), {}, timeout)));
    server.stop();
}

TEST_CASE("natural calls: locks")
{
    cross_lock lock;
    run(locks_are_taken(lock));
}

TEST_CASE("natural calls: up to eight buffers are listed")
{
    CHECK(buffers{}.list().empty());
    CHECK(buffers({"a", std::string_view("b")}).list().size() == 2);
    const std::vector<byte_view> nine(9, byte_view("x"));
    CHECK(buffers(std::span(nine)).list().data() == nine.data());
    static_assert(!std::is_constructible_v<buffers, int, int>);
}
