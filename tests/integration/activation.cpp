// A listener whose socket systemd has made, and passed to the program.
#include <ferrule/framing/lines.hpp>

#include "integration/peers.hpp"
#include "support/posix/temporary_folder.hpp"
#include "support/test.hpp"

TEST_CASE("listener: systemd starts a program with its socket, by name or without")
{
    const std::string activate = program_in_path("systemd-socket-activate");
    for (const char* named : {"systemd:echo", "systemd:"}) {
        CAPTURE(named);
        const temporary_folder folder;
        const std::string path = folder.file();
        child program = spawn({activate, "--listen=" + path, "--fdname=echo", FERRULE_ACTIVATED_PROGRAM, named});
        auto c = connect(address::unix_path(path), lines(), connect_options().wait_for_listener(timeout), timeout);
        c.send("hello", timeout);
        CHECK(c.recv(timeout) == byte_view("hello"));
        c.close();
        expect_success(program);
    }
}

TEST_CASE("listener: a name that systemd does not know is an error that tells it")
{
    const std::string activate = program_in_path("systemd-socket-activate");
    const temporary_folder folder;
    child program =
        spawn({activate, "--listen=" + folder.file(), "--fdname=echo", FERRULE_ACTIVATED_PROGRAM, "systemd:other"});
    (void)connect(address::unix_path(folder.file()), connect_options().wait_for_listener(timeout), timeout);
    CHECK(program.wait(timeout).code() == 1);
}
