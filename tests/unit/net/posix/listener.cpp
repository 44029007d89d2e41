// What a listener asks of a POSIX system.
#include <ferrule/net/listener.hpp>

#include "support/posix/descriptors.hpp"
#include "support/posix/option.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

#include <netinet/tcp.h>
#include <sys/un.h>

namespace {

duplex accepted_with(const char* host, const listen_options& o)
{
    listener here(address::tcp(host, 0), o);
    (void)connect(here.address(), timeout);
    return here.accept(timeout);
}

void check(const address& at, listener<>& here)
{
    duplex d = connect(at, timeout);
    d.send("x", timeout);
    CHECK(here.accept(timeout).recv(timeout) == byte_view("x"));
}

mode_t mode_of(const std::string& path)
{
    struct stat file{};
    must(::lstat(path.c_str(), &file));
    return file.st_mode & 07777;
}

bool exists(const std::string& path)
{
    return std::filesystem::exists(std::filesystem::symlink_status(path));
}

/// Binds a socket, and leaves its file as a process does that dies.
void leave_stale(const std::string& path)
{
    const unique_fd socket(must(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    path.copy(un.sun_path, sizeof un.sun_path - 1);
    must(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&un), sizeof un));
}

unique_fd listening(unique_fd bound)
{
    must(::listen(bound.get(), 5));
    return bound;
}

} // namespace

TEST_CASE("listener: its connections have the options of TCP")
{
    const duplex plain = accepted_with("127.0.0.1", {});
    CHECK(option(plain, IPPROTO_TCP, TCP_NODELAY) != 0);
    CHECK(option(plain, SOL_SOCKET, SO_KEEPALIVE) == 0);
    CHECK(option(plain, IPPROTO_TCP, TCP_USER_TIMEOUT) == 0);
    CHECK(option(plain, IPPROTO_IP, IP_TOS) == 0);

    const duplex d = accepted_with(
        "127.0.0.1", listen_options().no_delay(false).keep_alive(30s, 5s, 4).user_timeout(1500ms).traffic_class(0xb8));
    CHECK(option(d, IPPROTO_TCP, TCP_NODELAY) == 0);
    CHECK(option(d, SOL_SOCKET, SO_KEEPALIVE) != 0);
    CHECK(option(d, IPPROTO_TCP, TCP_KEEPIDLE) == 30);
    CHECK(option(d, IPPROTO_TCP, TCP_KEEPINTVL) == 5);
    CHECK(option(d, IPPROTO_TCP, TCP_KEEPCNT) == 4);
    CHECK(option(d, IPPROTO_TCP, TCP_USER_TIMEOUT) == 1500);
    CHECK(option(d, IPPROTO_IP, IP_TOS) == 0xb8);
    try {
        CHECK(option(accepted_with("::1", listen_options().traffic_class(0xb8)), IPPROTO_IPV6, IPV6_TCLASS) == 0xb8);
    } catch (const error& e) {
        CHECK(e.code() == boost::system::errc::address_not_available); // no IPv6 here
    }
    CHECK(code_of([] { listener<> l("tcp://127.0.0.1:0", listen_options().keep_alive(0s, 5s, 4)); }) ==
          boost::system::errc::invalid_argument);
}

TEST_CASE("listener: several may share a port, if all of them say so")
{
    const auto o = listen_options().reuse_port();
    listener a("tcp://127.0.0.1:0", o);
    listener b(a.address(), o);
    CHECK(code_of([&] { listener<> l(a.address()); }) == boost::system::errc::address_in_use);
    std::vector<duplex> clients;
    int at_b = 0;
    for (int i = 0; i < 64; ++i) {
        clients.push_back(connect(a.address(), timeout));
        at_b += b.try_accept() ? 1 : 0;
    }
    CHECK(at_b > 0);
    CHECK(at_b < 64);
}

TEST_CASE("listener: starts again while a connection of the one before is ending")
{
    std::optional<listener<>> here(std::in_place, "tcp://127.0.0.1:0");
    const address at = here->address();
    const duplex d = connect(at, timeout);
    here->accept(timeout).close(); // ends first, so that its port stays taken for a while
    here.reset();
    CHECK(code_of([&] { listener<> l(at, listen_options().reuse_address(false)); }) ==
          boost::system::errc::address_in_use);
    here.emplace(at);
    check(at, *here);
}

TEST_CASE("listener: the backlog is what the system queues")
{
    const temporary_folder folder;
    const listener here(address::unix_path(folder.file()), listen_options().backlog(2));
    std::vector<duplex> queued;
    error_code ec;
    while (queued.size() < 100 && !ec)
        queued.push_back(connect(here.address(), connect_options(), 1ms, ec));
    CHECK(ec == errc::timed_out);      // the queue is full
    CHECK(queued.size() == 2 + 1 + 1); // Linux takes one more than it is told; the last is the failure
}

TEST_CASE("listener: a file at which nobody listens is replaced, and nothing else is")
{
    const temporary_folder folder;
    const address at = address::unix_path(folder.file());
    leave_stale(at.name());
    {
        listener here(at);
        check(at, here);
        CHECK(code_of([&] { listener<> l(at); }) == boost::system::errc::address_in_use);
        check(at, here);
    }
    CHECK_FALSE(exists(at.name()));

    std::ofstream(at.name()) << "data";
    CHECK(code_of([&] { listener<> l(at); }) == boost::system::errc::address_in_use);
    CHECK(std::filesystem::file_size(at.name()) == 4);

    std::filesystem::remove(at.name());
    const std::string stale = folder.file("stale");
    leave_stale(stale);
    std::filesystem::create_symlink(stale, at.name());
    CHECK(code_of([&] { listener<> l(at); }) == boost::system::errc::address_in_use);
    CHECK(exists(stale));
}

TEST_CASE("listener: of many that find the same old file, one listens")
{
    const temporary_folder folder;
    const address at = address::unix_path(folder.file());
    for (int round = 0; round < 200; ++round) {
        leave_stale(at.name());
        std::atomic<int> missing = 4; // so that all begin at once
        std::mutex m;
        std::vector<listener<>> made;
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < 4; ++i)
                threads.emplace_back([&] {
                    for (--missing; missing != 0;)
                        ;
                    try {
                        listener here(at);
                        const std::lock_guard guard(m);
                        made.push_back(std::move(here));
                    } catch (const error& e) {
                        const std::lock_guard guard(m);
                        CHECK(e.code() == boost::system::errc::address_in_use);
                    }
                });
        }
        REQUIRE(made.size() == 1);
        check(at, made[0]); // and nobody has disturbed it
    }
}

TEST_CASE("listener: the file is removed by whoever has made it, while it is still that file")
{
    const temporary_folder folder;
    const address at = address::unix_path(folder.file());
    std::optional<listener<>> here(std::in_place, at);
    CHECK(in_child([&] {
              here.reset();
              return 0;
          }) == 0);
    check(at, *here);

    std::filesystem::remove(at.name());
    listener another(at);
    here.reset();
    check(at, another);
    another.close();
    CHECK_FALSE(exists(at.name()));

    listener removed(at);
    std::filesystem::remove(at.name());
    removed.close();
    CHECK(folder.empty());
}

TEST_CASE("listener: the file has the permissions that were asked for, whatever the umask")
{
    const temporary_folder folder;
    const std::string path = folder.file();
    for (const mode_t mask : {mode_t{077}, mode_t{0}}) {
        const mode_t before = ::umask(mask);
        for (const mode_t mode : {mode_t{0600}, mode_t{0660}, mode_t{0777}, mode_t{0}}) {
            const listener here(address::unix_path(path), listen_options().permissions(mode));
            CHECK(mode_of(path) == mode);
        }
        {
            const listener here(address::unix_path(path));
            CHECK(mode_of(path) == (0777 & ~mask));
        }
        ::umask(before);
    }
}

TEST_CASE("listener: takes over a socket that listens already")
{
    for (unique_fd& fd : std::array{listening(bound_tcp()), listening(bound_unix())}) {
        const int number = fd.get();
        listener here(address::fd(number));
        (void)fd.release();
        CHECK(closes_on_exec(number));
        CHECK((::fcntl(number, F_GETFL) & O_NONBLOCK) != 0); // another process may take a peer before it is accepted
        CHECK(here.address().kind() != address::family::fd);
        check(here.address(), here);
        here.close();
        CHECK_FALSE(is_open(number));
    }
}

TEST_CASE("listener: what does not listen is refused, and stays its owner's")
{
    const unique_fd bound = bound_tcp();
    const auto [a, b] = raw_socketpair(SOCK_STREAM);
    const auto [in, out] = raw_pipe();
    for (const int fd : {bound.get(), a.get()}) {
        CHECK(code_of([&] { listener<> l(address::fd(fd)); }) == errc::bad_descriptor);
        CHECK(is_open(fd));
    }
    CHECK(code_of([&] { listener<> l(address::fd(in.get())); }) == boost::system::errc::not_a_socket);
    CHECK_THROWS_WITH(listener<>(address::fd(closed_number())), Catch::Matchers::Contains("fd:"));
}

TEST_CASE("listener: sockets that systemd has passed are found by name, each once")
{
    const unique_fd first = listening(bound_tcp());
    const unique_fd second = listening(bound_unix());
    const auto failure = [](const address& at) { return code_of([&] { listener<> l(at); }); };
    const error_code nothing = make_error_code(boost::system::errc::address_not_available);
    CHECK(failure("systemd:") == nothing);
    CHECK(in_child([&] {
              must(::dup2(first.get(), 100)); // none of them has to be where it should go
              must(::dup2(second.get(), 101));
              must(::dup2(100, 3));
              must(::dup2(101, 4));
              must(::dup2(101, 5));
              must(::setenv("LISTEN_FDS", "3", 1));
              must(::setenv("LISTEN_FDNAMES", "one:two:two", 1));
              must(::setenv("LISTEN_PID", "1", 1));
              if (failure("systemd:") != nothing)
                  return 1; // they are another process's
              must(::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1));
              if (failure("systemd:three") != nothing)
                  return 2;
              listener<> one("systemd:one");
              if (one.addresses().size() != 1 || one.address().kind() != address::family::tcp)
                  return 3;
              if (failure("systemd:one") != nothing)
                  return 4; // it is taken
              const listener<> rest("systemd:");
              if (rest.addresses().size() != 2 || rest.address().kind() != address::family::unix_abstract)
                  return 5;
              const duplex d = connect(one.address(), timeout);
              return one.accept(timeout).is_open() ? 0 : 6;
          }) == 0);
}

TEST_CASE("connect: a descriptor that is open already is an address, too")
{
    for (const bool as_coroutine : {false, true}) {
        auto [a, b] = raw_socketpair(SOCK_STREAM);
        const address at = address::fd(a.release());
        duplex d = as_coroutine ? run(async_connect(at, timeout)) : connect(at, timeout);
        duplex other(adopt(b.release()));
        d.send("x", timeout);
        CHECK(other.recv(timeout) == byte_view("x"));
    }
    CHECK(code_of([] { (void)connect(address::fd(closed_number())); }) == errc::bad_descriptor);
    CHECK(code_of([] { (void)connect("systemd:x"); }) == errc::invalid_argument);
}

TEST_CASE("listener: without descriptors it says so once, and goes on when there are some")
{
    std::atomic<int> refused = 0;
    listener here("tcp://127.0.0.1:0", listen_options().on_refused([&](const error& e) {
        CHECK(e.code() == boost::system::errc::too_many_files_open);
        ++refused;
    }));
    CHECK_THROWS_AS(here.accept(1ms), timeout_error); // its descriptors are made by now
    const unique_fd client(must(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(here.address().port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to));
    std::optional<no_more_descriptors> none(std::in_place);
    const auto used = [] {
        timespec t{};
        must(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t));
        return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
    };
    const auto before = used();
    error_code ec;
    (void)here.accept(350ms, ec); // three attempts
    const auto cpu = used() - before;
    none.reset();
    CHECK(ec == errc::timed_out);
    CHECK(refused == 1);
    CHECK(cpu < 100ms);
    CHECK(here.accept(timeout).is_open());
}
