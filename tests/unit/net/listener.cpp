#include <ferrule/net/listener.hpp>

#include "support/addresses.hpp"
#include "support/test.hpp"

namespace {

/// The two ends of a connection. Braces evaluate their members in order, unlike the arguments of a call.
template <class End>
struct connection {
    End client;
    End server;
};

/// Sends bytes both ways.
void check(connection<duplex> e)
{
    e.client.send("there", timeout);
    CHECK(e.server.recv(5, timeout) == byte_view("there"));
    e.server.send("back", timeout);
    CHECK(e.client.recv(4, timeout) == byte_view("back"));
}
template <class Framing>
void check(const connection<message_duplex<Framing>>& e)
{
    check(connection{e.client.as_bytes(), e.server.as_bytes()});
}

bool is_taken(const error_code& ec)
{
    return ec == boost::system::errc::address_in_use || ec == boost::system::errc::permission_denied; // Windows
}

} // namespace

TEST_CASE("listener: bytes and messages at every kind of address, by every form of the call")
{
    for (const address& a : addresses()) {
        INFO(a.to_string());
        listener plain(a);
        const auto next = [&] { return connect(plain.address(), timeout); };
        error_code ec;
        check(connection{next(), plain.accept()});
        check(connection{next(), plain.accept(timeout)});
        check(connection{next(), plain.accept(timeout, ec)});
        check(connection{next(), run(plain.async_accept())});
        check(connection{next(), run(plain.async_accept(timeout, asio::use_awaitable))});
        check(connection{next(), plain.async_accept(asio::use_future).get()});
        const duplex d = next();
        std::optional<duplex> accepted;
        while (!accepted)
            accepted = plain.try_accept();
        check(connection{d, *accepted});
        CHECK_FALSE(ec);
    }
    for (const address& a : addresses()) {
        listener messages(a, varint());
        const auto m = connect(messages.address(), varint(), timeout);
        check(connection{m, messages.accept(timeout)});
    }
}

TEST_CASE("listener: options and limits are those of its connections")
{
    listener here("tcp://127.0.0.1:0", varint(), listen_options().backlog(3).no_delay(false), limits(10));
    auto c = connect(here.address(), varint(), timeout);
    auto accepted = here.accept(timeout);
    CHECK(code_of([&] { accepted.send(std::string(11, 'x'), timeout); }) == errc::too_large);
    check(connection{c, accepted});
    CHECK(code_of([] { listener<> l("tcp://127.0.0.1:0", listen_options().same_user()); }) == errc::unsupported);
}

TEST_CASE("listener: where TLS is to be spoken nobody listens in clear, and the cure is named")
{
    const auto names_it = Catch::Matchers::Contains("tls://127.0.0.1:0");
    const auto names_cure = Catch::Matchers::Contains("ferrule::tls::listener");
    const auto names_both = names_it && names_cure; // refers to them
    CHECK_THROWS_WITH(listener("tls://127.0.0.1:0"), names_both);
    CHECK_THROWS_WITH(listener("tls://127.0.0.1:0", varint()), names_both);
    CHECK_THROWS_WITH(listener(std::vector<address>{"tcp://127.0.0.1:0", "tls://127.0.0.1:0"}), names_both);
    CHECK_THROWS_AS(listener("tls://127.0.0.1:0"), usage_error);
    CHECK(code_of([] { listener<> l("tls://127.0.0.1:0"); }) == errc::unsupported);
}

TEST_CASE("listener: there may be several addresses, and none in particular")
{
    listener here({"tcp://127.0.0.1:0", local_address(), "tcp://127.0.0.1:0"});
    REQUIRE(here.addresses().size() == 3);
    CHECK(here.address() == here.addresses()[0]);
    CHECK(here.addresses()[0] != here.addresses()[2]);
    for (const address& a : here.addresses()) {
        const duplex d = connect(a, timeout);
        check(connection{d, here.accept(timeout)});
    }
    listener messages({"tcp://127.0.0.1:0", local_address()}, varint());
    check(connection{connect(messages.addresses()[1], varint(), timeout), messages.accept(timeout)});

    listener anywhere;
    CHECK(anywhere.address().is_local());
    check(connection{connect(anywhere.address(), timeout), anywhere.accept(timeout)});
    listener<varint> own({}, varint(), listen_options().same_user());
    check(connection{connect(own.address(), varint(), timeout), own.accept(timeout)});
}

TEST_CASE("listener: at a host with several addresses there is one port for all")
{
    listener here("tcp://localhost:0");
    const std::uint16_t port = here.address().port();
    CHECK(port != 0);
    for (const address& a : here.addresses()) {
        CHECK(a.port() == port);
        check(connection{connect(a, timeout), here.accept(timeout)});
    }
    check(connection{connect(address::tcp("localhost", port), timeout), here.accept(timeout)});
}

TEST_CASE("listener: IPv4 arrives at the address of IPv6 that stands for all, unless that is unwanted")
{
    std::optional<listener<>> both;
    try {
        both.emplace("tcp://[::]:0");
    } catch (const error&) {
        return; // no IPv6 here
    }
    const std::uint16_t port = both->address().port();
    check(connection{connect(address::tcp("127.0.0.1", port), timeout), both->accept(timeout)});
    check(connection{connect(address::tcp("::1", port), timeout), both->accept(timeout)});

    listener six("tcp://[::]:0", listen_options().only_ipv6());
    CHECK(code_of([&] { (void)connect(address::tcp("127.0.0.1", six.address().port()), timeout); }) ==
          boost::system::errc::connection_refused);
    check(connection{connect(address::tcp("::1", six.address().port()), timeout), six.accept(timeout)});
}

TEST_CASE("listener: whoever comes after a timeout or a cancel is accepted by the next call")
{
    for (const address& a : addresses()) {
        INFO(a.to_string());
        listener here(a);
        CHECK_THROWS_AS(here.accept(1ms), timeout_error);
        CHECK_FALSE(here.try_accept());
        std::stop_source stop;
        stop.request_stop();
        CHECK_THROWS_AS(here.accept(stop.get_token()), cancelled_error);
        error_code ec;
        CHECK_FALSE(here.accept(deadline::now(), ec).is_open());
        CHECK(ec == errc::timed_out);
        CHECK(code_of([&] { (void)run(here.async_accept(1ms)); }) == errc::timed_out);
        check(connection{connect(here.address(), timeout), here.accept(timeout)});
    }
}

TEST_CASE("listener: close answers everybody, and the address is free again")
{
    for (const address& a : addresses()) {
        INFO(a.to_string());
        listener here(a);
        const address at = here.address();
        if (a.kind() != address::family::pipe) // Wine knows no FILE_FLAG_FIRST_PIPE_INSTANCE
            CHECK(is_taken(code_of([&] { listener again(at); })));
        auto blocked = std::async(std::launch::async, [&] { return code_of([&] { (void)here.accept(); }); });
        auto waiting = here.async_accept(asio::use_future);
        here.close();
        CHECK(blocked.get() == errc::closed);
        CHECK(code_of([&] { (void)waiting.get(); }) == errc::closed);
        CHECK(code_of([&] { (void)here.accept(); }) == errc::closed);
        listener again(at);
        check(connection{connect(at, timeout), again.accept(timeout)});
    }
}

TEST_CASE("listener: a peer that has gone before it is accepted is no error")
{
    for (const address& a : addresses()) {
        if (a.kind() == address::family::pipe)
            continue; // which queues one peer only
        INFO(a.to_string());
        listener here(a);
        connect(here.address(), timeout).close();
        const duplex d = connect(here.address(), timeout);
        duplex first = here.accept(timeout);
        error_code ec;
        CHECK(first.recv(timeout, ec).size() == 0);
        CHECK(ec == errc::end_of_stream);
        check(connection{d, here.accept(timeout)});
    }
}

TEST_CASE("listener: errors name the address")
{
    listener here("tcp://127.0.0.1:0");
    const std::pair<address, const char*> table[] = {
        {here.address(), "tcp://127.0.0.1:"},
        {"tcp://192.0.2.1:0", "192.0.2.1"}, // is nobody's, RFC 5737
        {"tcp://no-such-host.invalid:80", "no-such-host"},
        {"tcp://127.0.0.1:no-such-service", "no-such-service"},
        {"unix:/no/such/folder/socket", "/no/such/folder/socket"},
        {address::unix_path(std::string(200, 'x')), "xxx"},
    };
    for (const auto& [a, part] : table) {
        CAPTURE(part);
        CHECK_THROWS_WITH(listener<>(a), Catch::Matchers::Contains(part));
        CHECK_THROWS_WITH(listener(a, varint()), Catch::Matchers::Contains(part));
    }
}
