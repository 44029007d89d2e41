// Several addresses of one host: which is tried when, and what becomes of the others (RFC 8305).
#include "src/net/connector.hpp"
#include "src/net/accept_queue.hpp"
#include "src/net/resolve.hpp"

#include "support/posix/descriptors.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/test.hpp"

namespace {

using namespace ferrule::detail;

os::native_address resolved(const address& a)
{
    return resolve_now(a).front();
}

// `ask` is getsockname or getpeername.
address name_of(int socket, decltype(::getsockname) ask)
{
    sockaddr_in a{};
    socklen_t size = sizeof a;
    must(ask(socket, reinterpret_cast<sockaddr*>(&a), &size));
    return address::tcp("127.0.0.1", ntohs(a.sin_port));
}

os::native_address of(const unique_fd& bound)
{
    return resolved(name_of(bound.get(), ::getsockname));
}

// Answers.
class open_port {
public:
    open_port() { must(::listen(fd_.get(), 8)); }
    [[nodiscard]] os::native_address where() const { return of(fd_); }

private:
    unique_fd fd_ = bound_tcp();
};

// Its queue is full, so that Linux answers nothing.
class silent_port {
public:
    silent_port()
    {
        must(::listen(fd_.get(), 0));
        first_ = ferrule::connect(address_of(where()), timeout);
    }
    [[nodiscard]] os::native_address where() const { return of(fd_); }

private:
    unique_fd fd_ = bound_tcp();
    duplex first_;
};

// Refuses.
os::native_address closed_port()
{
    return of(bound_tcp());
}

struct outcome {
    message_reader<accepted<void>> connecting; // owns what has not lost yet
    duplex end;
    error_code error;
    std::string explanation;
};

outcome connect_to(std::vector<os::native_address> to, const connect_options& o, const until& limit)
{
    outcome r;
    std::shared_ptr<accept_queue> queue;
    r.connecting = connections<void>([&](auto& q) {
        descriptor d = start_connecting(std::move(to), o.settings(), {}, q);
        queue = q;
        return d;
    });
    r.end = r.connecting.recv(limit, r.error);
    r.explanation = queue->explanation();
    return r;
}

const auto slowly = connect_options().attempt_delay(1h);
const auto quickly = connect_options().attempt_delay(1ms);

} // namespace

TEST_CASE("connector: the address after one that refuses is tried immediately")
{
    const open_port there;
    const outcome r = connect_to({closed_port(), closed_port(), there.where()}, slowly, timeout);
    CHECK_FALSE(r.error);
    CHECK(name_of(r.end.native_handle(), ::getpeername) == address_of(there.where()));
}

TEST_CASE("connector: the address after one that does not answer is tried after the delay")
{
    const silent_port silent;
    const open_port there;
    CHECK(connect_to({silent.where(), there.where()}, slowly, 50ms).error == errc::timed_out);
    const outcome r = connect_to({silent.where(), there.where()}, quickly, timeout);
    CHECK_FALSE(r.error);
    CHECK(name_of(r.end.native_handle(), ::getpeername) == address_of(there.where()));
}

TEST_CASE("connector: those that lose are closed")
{
    const silent_port silent;
    const open_port there;
    const auto before = settled_descriptors();
    constexpr std::size_t connection = 1;
    constexpr std::size_t connecting = 2; // epoll and its timer
    {
        const outcome r = connect_to({silent.where(), silent.where(), there.where()}, quickly, timeout);
        CHECK_FALSE(r.error);
        CHECK(open_descriptors().size() == before.size() + connection + connecting);
    }
    CHECK(connect_to({silent.where(), silent.where()}, quickly, 20ms).error == errc::timed_out);
    CHECK(open_descriptors() == before);
}

TEST_CASE("connector: the failure of every address is told")
{
    const os::native_address one = closed_port();
    const os::native_address other = resolved(address::tcp("127.0.0.1", 0)); // nobody can listen at port 0
    const outcome r = connect_to({one, other}, slowly, timeout);
    CHECK(r.error == boost::system::errc::connection_refused);
    CHECK(r.explanation.find(address_of(one).to_string() + ": ") != std::string::npos);
    CHECK(r.explanation.find("tcp://127.0.0.1:0: ") != std::string::npos);
    CHECK(connect_to({one}, slowly, timeout).explanation.empty());
}

TEST_CASE("connector: whoever gives up is told how far each address has come")
{
    const silent_port silent;
    const os::native_address closed = closed_port();
    const auto at = [](const os::native_address& a) { return address_of(a).to_string() + ": "; };
    outcome r = connect_to({closed, silent.where(), closed}, slowly, 20ms);
    CHECK(r.error == errc::timed_out);
    CAPTURE(r.explanation);
    CHECK(r.explanation.find(at(silent.where()) + "no answer yet; " + at(closed) + "not tried yet") !=
          std::string::npos);
    CHECK(r.explanation.starts_with(" (" + at(closed)));
    CHECK_FALSE(r.explanation.starts_with(" (" + at(closed) + "no"));
    CHECK_THROWS_WITH(r.connecting.recv(1ms), Catch::Matchers::Contains(r.explanation));
}

TEST_CASE("connector: all addresses are tried again while nobody listens")
{
    unique_fd later = bound_tcp();
    const os::native_address there = of(later);
    const os::native_address nobody = closed_port();
    auto connecting = std::async(std::launch::async, [&] {
        return connect_to({nobody, there}, connect_options(slowly).wait_for_listener(1h), timeout);
    });
    CHECK(connect_to({nobody, there}, connect_options(slowly).wait_for_listener(1h), 5ms).error == errc::timed_out);
    must(::listen(later.get(), 8));
    CHECK_FALSE(connecting.get().error);
}

TEST_CASE("connector: with a local address only those of its family are tried")
{
    const auto v6 = resolved(address::tcp("::1", 0));
    const auto from = [](const char* local) { return connect_options(slowly).local(local); };
    const open_port there;
    const outcome r = connect_to({v6, there.where(), v6}, from("tcp://127.0.0.2:0"), timeout);
    CHECK_FALSE(r.error);
    CHECK(name_of(r.end.native_handle(), ::getpeername) == address_of(there.where()));

    const auto v4 = resolved(address::tcp("127.0.0.1", 0));
    const outcome failed = connect_to({v6, v4, v6, v4}, from("tcp://127.0.0.2:0"), timeout);
    CHECK(failed.error);
    CHECK(failed.explanation.find("127.0.0.1") != std::string::npos);
    CHECK(failed.explanation.find("::1") == std::string::npos);
    for (const auto& [to, local] : {std::pair(v6, "tcp://127.0.0.2:0"), {v4, "tcp://[::1]:0"}, {v4, "unix:/x"}}) {
        CHECK_THROWS_AS(connect_to({to, to}, from(local), timeout), usage_error);
        CHECK_THROWS_WITH(connect_to({to, to}, from(local), timeout), Catch::Matchers::Contains(local));
    }
}

TEST_CASE("connector: IPv6 and IPv4 take turns")
{
    // Each fails in its own way, so that the explanation shows the order.
    const auto v4 = [](int last) { return resolved(address::tcp("127.0.0." + std::to_string(last), 0)); };
    const auto v6 = resolved(address::tcp("::1", 0));
    const outcome r = connect_to({v6, v6, v6, v4(1), v4(2)}, slowly, timeout);
    REQUIRE(r.error);
    std::vector<std::size_t> places;
    for (const char* const host : {"[::1]", "127.0.0.1", "[::1]", "127.0.0.2", "[::1]"})
        places.push_back(r.explanation.find(host, places.empty() ? 0 : places.back() + 1));
    CAPTURE(r.explanation);
    CHECK(std::ranges::find(places, std::string::npos) == places.end());
}
