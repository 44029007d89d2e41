// An instrument at a serial line, here and from another machine. A pty stands for the line.
#include "simulated_instrument.hpp"

#include <ferrule/client/client.hpp>
#include <ferrule/net/serial_server.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <iostream>
#include <pty.h>
#include <stdlib.h>
#include <thread>
#include <utility>

using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

/// The path of the line, and its other end, at which the instrument is.
std::pair<std::string, ferrule::duplex> make_line()
{
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0)
        throw std::runtime_error("there is no pty");
    return {::ptsname(master), ferrule::duplex(ferrule::adopt(master))};
}

} // namespace

int main()
{
    const auto [path, device] = make_line();
    asio::io_context context;
    simulated_instrument supply_at_the_line;
    const ferrule::serial_port kept(path); // a pty has no other end while nobody has opened it
    co_spawn(context, supply_at_the_line.serve(device), [](const std::exception_ptr&) {});
    std::jthread runs([&] { context.run(); });

    {
        //[here
        ferrule::client supply("serial:" + path + "?baud=19200&parity=E", ferrule::client_options().timeout(5s));
        std::cout << supply.query("*IDN?").text() << '\n';
        //]
        ferrule::serial_port line(supply.connection());
        std::cout << line.settings().to_string() << '\n';
    }

    //[export
    ferrule::serial_port line(path);
    const auto serve = [&](ferrule::duplex peer) { ferrule::serve_serial_port(std::move(peer), line); };
    ferrule::server exported("tcp://127.0.0.1:0", serve, ferrule::server_options().threads(1));
    //]
    const std::string port = exported.address().service();
    //[far
    ferrule::client supply("rfc2217://127.0.0.1:" + port + "?baud=115200", ferrule::client_options().timeout(5s));
    std::cout << supply.query("*IDN?").text() << '\n';
    //]
    std::cout << line.settings().to_string() << '\n'; // as the client has asked for
    supply.close();
    exported.close(5s);
    context.stop();
}
