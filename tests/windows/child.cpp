// What the tests of children start. child.exe <role> [arguments]
#include <ferrule/asio.hpp>
#include <ferrule/ferrule.hpp>

#include <winsock2.h>

#include <windows.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iostream>
#include <string>

using namespace ferrule;

namespace {

template <class In, class Out>
int echo(In in, Out out)
{
    error_code ec;
    for (;;) {
        const bytes m = in.recv({}, ec);
        if (ec)
            return ec == errc::end_of_stream ? 0 : 3;
        out.send(m);
    }
}

boost::asio::awaitable<void> echo_awaiting(message_duplex<> d)
{
    try {
        for (;;) {
            const bytes m = co_await d.async_recv();
            co_await d.async_send(m);
        }
    } catch (const eof_error&) {
    }
}

// An ordinary program.
int shout()
{
    std::string line;
    while (std::getline(std::cin, line)) {
        std::ranges::transform(line, line.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        std::cout << line << std::endl;
    }
    return 0;
}

int play(const std::string& role, int argc, char** argv)
{
    if (role == "echo") {
        message_duplex d(inherited(), varint());
        return echo(d, d);
    }
    if (role == "echo pipes")
        return echo(message_reader(inherited(0), varint()), message_writer(inherited(1), varint()));
    if (role == "echo awaiting") {
        boost::asio::io_context context;
        boost::asio::co_spawn(context, echo_awaiting(message_duplex<>(inherited())), boost::asio::detached);
        context.run();
        return 0;
    }
    if (role == "echo streams") {
        auto [in, out] = standard_streams();
        std::cout << "this must not be in between" << std::endl;
        if (std::cin.get() != EOF)
            return 4;
        return echo(message_reader(std::move(in), varint()), message_writer(std::move(out), varint()));
    }
    if (role == "shout")
        return shout();
    if (role == "arguments") {
        message_writer w(inherited(), varint());
        for (int i = 2; i < argc; ++i)
            w.send(byte_view(std::string_view(argv[i])));
        return 0;
    }
    if (role == "exit")
        return std::stoi(argv[2]);
    if (role == "signal") { // what has this number here?
        ::SetEvent(reinterpret_cast<HANDLE>(std::stoull(argv[2])));
        return 0;
    }
    if (role == "wait") {
        reader r(inherited());
        (void)r.recv();
        return 0;
    }
    if (role == "parent") { // has a child that would wait for ever, and says that it is there
        reader forever(inherited(0));
        writer w(inherited(1));
        const child c = spawn({argv[0], "keep open"}, {{forever, 3}, {w, 4}}, spawn_options().end_with_parent());
        w.send("started");
        (void)forever.recv();
        return 0;
    }
    if (role == "keep open") {
        reader forever(inherited(0));
        const writer w(inherited(1));
        (void)forever.recv();
        return 0;
    }
    return 2;
}

} // namespace

int main(int argc, char** argv)
{
    try {
        return play(argc > 1 ? argv[1] : "", argc, argv);
    } catch (const std::exception& e) {
        std::cerr << e.what() << std::endl;
        return 1;
    }
}
