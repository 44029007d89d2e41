// Programs as instruments.
#include <ferrule/client/client.hpp>

#include "support/calls.hpp"
#include "support/test.hpp"

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
