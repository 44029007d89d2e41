// What the tests of children start. child.exe <role> [arguments]
#include "support/timeout.hpp"

#include <ferrule/asio.hpp>
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/multiprocessing_pipe.hpp>

#include <winsock2.h>

#include <windows.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <source_location>
#include <string>
#include <thread>
#include <vector>

using namespace ferrule;

using test::timeout;

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

int echo_by_threads()
{
    const message_duplex d(inherited(), multiprocessing_pipe_bytes());
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([d] { echo(d, d); });
    return 0;
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

HANDLE console(const char* name)
{
    return ::CreateFileA(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING,
                         0, nullptr);
}

// Types on the console that this program has.
void type(const std::wstring& keys)
{
    for (const wchar_t key : keys) {
        INPUT_RECORD pressed{};
        pressed.EventType = KEY_EVENT;
        pressed.Event.KeyEvent.bKeyDown = TRUE;
        pressed.Event.KeyEvent.wRepeatCount = 1;
        pressed.Event.KeyEvent.wVirtualKeyCode = key == L'\r' ? VK_RETURN : 0;
        pressed.Event.KeyEvent.uChar.UnicodeChar = key;
        INPUT_RECORD both[] = {pressed, pressed};
        both[1].Event.KeyEvent.bKeyDown = FALSE;
        DWORD n = 0;
        ::WriteConsoleInputW(console("CONIN$"), both, 2, &n);
    }
}

// Ends the program with the number of a line: nobody sees what is printed on the console.
void expect(bool fine, std::source_location where = std::source_location::current())
{
    if (!fine)
        std::exit(static_cast<int>(where.line()));
}

// Whether a console is an end like others.
void use_console()
{
    constexpr std::chrono::milliseconds soon(20);
    ::SetStdHandle(STD_INPUT_HANDLE, console("CONIN$"));
    ::SetStdHandle(STD_OUTPUT_HANDLE, console("CONOUT$"));
    auto streams = take_standard_streams();
    reader in(std::move(streams.first));
    writer out(std::move(streams.second));
    error_code ec;

    (void)in.recv_line(deadline::now(), ec);
    expect(ec == errc::timed_out);
    (void)in.recv_line(soon, ec);
    expect(ec == errc::timed_out);
    type(L"gr\u00fc\u00df \u20ac \U0001d11e\r");
    expect(in.recv(4, timeout) == byte_view("gr\xc3\xbc"));
    expect(in.recv_line(timeout) == byte_view("\xc3\x9f \xe2\x82\xac \xf0\x9d\x84\x9e\r"));
    type(L"two\rlines\r");
    expect(in.recv_line(timeout).text() == "two\r");
    expect(in.recv_line(timeout).text() == "lines\r");

    boost::asio::io_context context;
    auto line = boost::asio::co_spawn(context, in.async_recv_line(timeout), boost::asio::use_future);
    std::jthread typing([] { type(L"awaited\r"); });
    context.run();
    expect(line.get().text() == "awaited\r");

    type(L"\x1a\r");
    (void)in.recv(timeout, ec);
    expect(ec == errc::end_of_stream);
    type(std::wstring(3000, L'x') + L"\r"); // in several reads
    expect(in.recv_line(timeout).size() == 3001);

    out.send("gr\xc3", timeout); // the rest of a character follows
    out.send("\xbc\xc3\x9f"
             "e\n",
             timeout);

    (void)in.recv(soon, ec); // begins to read
    const readiness come = in.arm(direction::read);
    type(L"taken along\r");
    expect(!come.is_now() && ::WaitForSingleObject(come.handle(), 20'000) == WAIT_OBJECT_0);
    auto [handle, rest] = in.release(timeout);
    expect(rest.text() == "taken along\r\n");

    reader again(adopt(handle));
    std::jthread closing([&] {
        (void)again.recv(soon, ec); // it waits by now
        again.close();
    });
    (void)again.recv(timeout, ec);
    expect(ec == errc::closed);
}

int play(const std::string& role, int argc, char** argv)
{
    if (role == "echo") {
        message_duplex d(inherited(), varint());
        return echo(d, d);
    }
    if (role == "echo by threads")
        return echo_by_threads();
    if (role == "echo pipes")
        return echo(message_reader(inherited(0), varint()), message_writer(inherited(1), varint()));
    if (role == "echo awaiting") {
        boost::asio::io_context context;
        boost::asio::co_spawn(context, echo_awaiting(message_duplex<>(inherited())), boost::asio::detached);
        context.run();
        return 0;
    }
    if (role == "echo streams") {
        auto [in, out] = take_standard_streams();
        std::cout << "this must not be in between" << std::endl;
        if (std::cin.get() != EOF)
            return 4;
        return echo(message_reader(std::move(in), varint()), message_writer(std::move(out), varint()));
    }
    if (role == "console") {
        use_console();
        return 0;
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
