// Programs and serial lines as instruments.
#include <ferrule/client/client.hpp>
#include <ferrule/net/serial_port.hpp>

#include "support/calls.hpp"
#include "support/posix/serial_instrument.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"
#include "support/ways.hpp"

#include <filesystem>

TEST_CASE("connector: a program, which is started again after its end")
{
    client c(connector::program({"sh", "-c", "while read line; do echo \"$$ $line\"; done"}));
    const std::string first(c.query("one", timeout).text());
    CHECK(first.ends_with(" one"));
    CHECK(c.query("two", timeout).text() == first.substr(0, first.find(' ')) + " two");
    c.close();
    const std::string other(c.query("one", timeout).text());
    CHECK(other != first);
    CHECK(c.connections() == 2);
}

TEST_CASE("connector: a program that will not end is killed before the next")
{
    client c(connector::program({"sh", "-c", "trap '' TERM HUP; echo $$; exec tail -f /dev/null"}));
    const int pid = std::stoi(std::string(c.read_line(timeout).text()));
    c.close();
    (void)c.read_line(timeout);
    CHECK(::kill(pid, 0) != 0);
    CHECK(errno == ESRCH);
}

TEST_CASE("connector: a program that is not there")
{
    client c(connector::program({"/nowhere/at/all"}));
    CHECK(code_of([&] { (void)c.query("one", timeout); }) == boost::system::errc::no_such_file_or_directory);
    client none(connector::program({}));
    CHECK(code_of([&] { (void)none.query("one", timeout); }) == errc::invalid_argument);
}

TEST_CASE("connector: a serial line, which is found again by its name after it was pulled out")
{
    const temporary_folder folder;
    const std::string name = folder.file("meter");
    std::optional<serial_instrument> device(std::in_place);
    std::filesystem::create_symlink(device->path(), name);
    client c("serial:" + name + "?baud=19200&parity=E",
             client_options().timeout(timeout).reconnect(reconnect::retry(1ms, 4ms)));
    for (const way w : all_ways) {
        CHECK(ASK(w, c, query, "*IDN?").text() == "maker,model,1");
        const termios applied = device->settings();
        CHECK(::cfgetospeed(&applied) == B19200);
        CHECK(serial_port(c.connection()).settings().parity() == parity::even);

        std::filesystem::remove(name);
        device.reset();
        try {
            (void)ASK(w, c, query, "*IDN?", 20ms);
            FAIL("no error");
        } catch (const error& e) {
            CHECK(e.transferred() == 0); // it is seen before the request leaves, and then there is no port
        }
        CHECK(!c.connected());
        device.emplace();
        std::filesystem::create_symlink(device->path(), name);
    }
    CHECK(ASK(way::blocking, c, query, "*IDN?").text() == "maker,model,1");
    CHECK(c.connections() == 4);
}

TEST_CASE("connector: a serial line that vanishes inside a request is an error in time")
{
    std::optional<serial_instrument> device(std::in_place);
    client c("serial:" + device->path(), client_options().timeout(timeout));
    (void)c.query("*IDN?");
    std::thread puller([&] {
        while (device->commands() < 2)
            std::this_thread::yield();
        device.reset();
    });
    try {
        (void)c.query("set x");
        FAIL("no error");
    } catch (const error& e) {
        CHECK(e.transferred() == 6);
        CHECK(e.code() != condition::timeout);
    }
    puller.join();
}
