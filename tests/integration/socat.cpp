// socat as a peer: TCP, unix sockets of bytes, of packets and of datagrams, and UDP.
#include "integration/peers.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

#include <ferrule/framing/lines.hpp>
#include <ferrule/net/datagrams.hpp>

namespace {

std::vector<std::string> socat(const std::string& one, const std::string& other)
{
    // For long it waits for the second direction to end, once the first has.
    return {program_in_path("socat"), "-t", "30", one, other};
}

/// A socat that listens, and connects whoever comes with `other`.
class socat_listener {
public:
    socat_listener(const std::string& at, const std::string& other) : program_(spawn_piped(command(at, other), lines()))
    {
        // "… N listening on AF=2 127.0.0.1:port", or "receiving on"
        std::string line;
        while (line.find(" N listening on ") == line.npos && line.find(" N receiving on ") == line.npos)
            line = program_.output.recv(timeout).text();
        port_ = line.substr(line.rfind(':') + 1);
    }
    socat_listener(const socat_listener&) = delete;
    socat_listener& operator=(const socat_listener&) = delete;
    ~socat_listener() { program_.process.kill(); }

    [[nodiscard]] const std::string& port() const { return port_; }
    [[nodiscard]] child& process() { return program_.process; }

private:
    static std::vector<std::string> command(const std::string& at, const std::string& other)
    {
        std::vector<std::string> c = {"/bin/sh", "-c", "exec \"$0\" -d -d \"$@\" 2>&1"};
        const std::vector<std::string> program = socat(at, other);
        c.insert(c.end(), program.begin(), program.end());
        return c;
    }

    piped_child<message_reader<lines>, message_writer<lines>> program_;
    std::string port_;
};

duplex connect_to(const address& at, style s)
{
    return s == style::blocking ? connect(at, timeout) : run(async_connect(at, timeout));
}

// Not socat's own PIPE, into which it writes until nobody but itself could make room.
const char* const echo = "EXEC:cat";

constexpr style styles[] = {style::blocking, style::coroutine};

/// A stream that comes back, to its end.
void expect_echo(duplex d)
{
    const std::string big = text(1'000'000);
    auto sending = std::async(std::launch::async, [&] {
        d.send(big, timeout);
        d.shutdown_send(timeout);
    });
    CHECK((d.recv_all(timeout) == byte_view(big)));
    sending.get();
}

/// What comes from socat's standard input, and what goes to its standard output, up to both ends.
template <class End>
void converse(piped_child<reader, writer>& c, End peer)
{
    c.input.send("from socat", timeout);
    CHECK(peer.recv(timeout) == byte_view("from socat"));
    peer.send("to socat", timeout);
    CHECK(c.output.recv(8, timeout) == byte_view("to socat"));
    c.input.close();
    CHECK(code_of([&] { (void)peer.recv(timeout); }) == errc::end_of_stream);
    peer.send("last", timeout); // the other direction goes on
    peer.close();
    CHECK(c.output.recv_all(timeout) == byte_view("last"));
    expect_success(c.process);
}

} // namespace

TEST_CASE("socat: its listeners and our clients, over TCP and unix sockets")
{
    for (const style s : styles) {
        socat_listener tcp("TCP-LISTEN:0,bind=127.0.0.1", echo);
        expect_echo(connect_to("tcp://127.0.0.1:" + tcp.port(), s));
        expect_success(tcp.process());

        const temporary_folder folder;
        socat_listener in_folder("UNIX-LISTEN:" + folder.file(), echo);
        expect_echo(connect_to("unix:" + folder.file(), s));
        expect_success(in_folder.process());

        const std::string name = "ferrule-test-socat" + folder.file();
        socat_listener abstract("ABSTRACT-LISTEN:" + name, echo);
        expect_echo(connect_to("abstract:" + name, s));
        expect_success(abstract.process());
    }
}

TEST_CASE("socat: its clients and our listeners, over TCP and unix sockets")
{
    const temporary_folder folder;
    for (const address& at : {address("tcp://127.0.0.1:0"), address::unix_path(folder.file()),
                              address::unix_abstract("ferrule-test-socat" + folder.file())}) {
        CAPTURE(at.to_string());
        listener here(at);
        const std::string to = at.kind() == address::family::tcp         ? "TCP:127.0.0.1:" + here.address().service()
                               : at.kind() == address::family::unix_path ? "UNIX-CONNECT:" + at.name()
                                                                         : "ABSTRACT-CONNECT:" + at.name();
        for (const style s : styles) {
            auto c = spawn_piped(socat("STDIO", to));
            converse(c, s == style::blocking ? here.accept(timeout) : run(here.async_accept(timeout)));
        }
    }
}

TEST_CASE("socat: packets of a seqpacket socket stay apart, with either end as the listener")
{
    const temporary_folder folder;
    for (const style s : styles) {
        {
            const std::string path = folder.file("theirs" + std::to_string(static_cast<int>(s)));
            socat_listener there("UNIX-LISTEN:" + path + ",type=5", "PIPE");
            message_duplex<none> d(connect_to("seqpacket:" + path, s));
            for (const std::string& packet : {std::string("one"), std::string("two, longer"), text(8000)}) {
                send(d, packet, s);
                CHECK((recv(d, s) == byte_view(packet)));
            }
            d.shutdown_send(timeout);
            CHECK_FALSE(d.next(timeout));
            expect_success(there.process());
        }
        {
            listener here(address::unix_seqpacket(folder.file("ours")), none());
            auto c = spawn_piped(socat("STDIO", "UNIX-CONNECT:" + folder.file("ours") + ",type=5"));
            converse(c, s == style::blocking ? here.accept(timeout) : run(here.async_accept(timeout)));
        }
        // Between two of ours, where many packets are on the way.
        listener here(address::unix_seqpacket(folder.file("end")), none());
        const std::string path = folder.file("middle" + std::to_string(static_cast<int>(s)));
        socat_listener between("UNIX-LISTEN:" + path + ",type=5", "UNIX-CONNECT:" + folder.file("end") + ",type=5");
        auto from = connect(address::unix_seqpacket(path), none(), timeout);
        auto to = here.accept(timeout);
        auto sending = std::async(std::launch::async, [&] {
            for (std::size_t n = 1; n <= 300; ++n)
                from.send(text(n), timeout);
        });
        for (std::size_t n = 1; n <= 300; ++n)
            CHECK((recv(to, s) == byte_view(text(n))));
        sending.get();
        from.shutdown_send(timeout);
        CHECK_FALSE(to.next(timeout));
        to.close();
        expect_success(between.process());
    }
}

TEST_CASE("socat: datagrams of UDP and of unix sockets, with the addresses they come from")
{
    const auto exchange = [](datagram_socket<>& here, piped_child<reader, writer>& c) {
        c.input.send("from socat", timeout);
        const auto got = here.recv(timeout);
        CHECK(got.data == byte_view("from socat"));
        here.send("to socat", got.peer, timeout);
        CHECK(c.output.recv(8, timeout) == byte_view("to socat"));
        run(here.async_send("again", got.peer, timeout));
        CHECK(c.output.recv(5, timeout) == byte_view("again"));
        c.input.send("and back", timeout);
        const auto back = run(here.async_recv(timeout));
        CHECK(back.data == byte_view("and back"));
        CHECK(back.peer == got.peer);
        c.process.kill();
        return got.peer;
    };
    datagram_socket udp("udp://127.0.0.1:0");
    auto sender = spawn_piped(socat("STDIO", "UDP4:127.0.0.1:" + udp.address().to_address().service()));
    (void)exchange(udp, sender);

    const temporary_folder folder;
    datagram_socket here("unixgram:" + folder.file("ours"));
    auto named = spawn_piped(socat("STDIO", "UNIX-SENDTO:" + folder.file("ours") + ",bind=" + folder.file("theirs")));
    CHECK(exchange(here, named) == datagram_address("unixgram:" + folder.file("theirs")));

    // It answers each datagram from a process of its own.
    const socat_listener answering("UNIX-RECVFROM:" + folder.file("echo") + ",fork", "PIPE");
    const datagram_address to("unixgram:" + folder.file("echo"));
    for (const std::size_t n : {1u, 1000u, 8000u}) {
        here.send(text(n), to, timeout);
        CHECK((here.recv(timeout).data == byte_view(text(n))));
    }
}
