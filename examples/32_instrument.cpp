// A client of an instrument, and one to try it with. With an address it is only that instrument, for others to talk to:
//
//     32_instrument tcp://127.0.0.1:5025
#include "simulated_instrument.hpp"

#include <ferrule/client/client.hpp>
#include <ferrule/net/async_server.hpp>

#include <boost/asio/io_context.hpp>

#include <iostream>
#include <thread>

using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

void talk_to(const ferrule::address& address)
{
    using ferrule::client_options;
    //[instrument
    ferrule::client supply(address, client_options().timeout(5s)); // connects when it must
    std::cout << supply.query("*IDN?").text() << '\n';
    //]
    supply.write_line("VOLT 1.5");
    std::cout << "set to " << supply.query("VOLT?").text() << '\n';

    // A reply that is late is not taken for the next one.
    ferrule::error_code ec;
    (void)supply.query("MEAS?", 1ms, ec);
    std::cout << "measuring: " << ec.message() << '\n';
    std::cout << "measured " << supply.query("MEAS?").text() << " on connection " << supply.connections() << '\n';

    supply.write_lines(std::vector{"VOLT 31", "VOTL 3"});
    for (std::string error; !error.starts_with("0,"); std::cout << error << '\n')
        error = supply.query("SYST:ERR?").text();

    // A block of binary data begins with "#", the number of digits of its size, and its size.
    const ferrule::bytes begin = supply.write_read_exactly("CURV? 2500\n", 2);
    const ferrule::bytes size = supply.read_exactly(static_cast<std::size_t>(begin.text()[1] - '0'));
    const ferrule::bytes wave = supply.read_exactly(std::stoul(std::string(size.text())) + 1);
    std::cout << "a waveform of " << wave.size() - 1 << " bytes\n";

    supply.write_line("WAV:STAR");
    int points = 0;
    for (const ferrule::bytes& point : supply.lines()) {
        if (points++ == 3)
            break;
        std::cout << "point " << point.text() << '\n';
    }
    supply.write_lines(std::vector{"WAV:STOP", "*OPC?"});
    while (supply.read_line().text() != "1") { // points that were on their way
    }
    std::cout << "stopped\n";
}

} // namespace

int main(int argc, char** argv)
{
    asio::io_context context;
    simulated_instrument device;
    ferrule::async_server server(context.get_executor(), argc > 1 ? argv[1] : "tcp://127.0.0.1:0",
                                 [&](ferrule::duplex peer) { return device.serve(std::move(peer)); });
    if (argc > 1) {
        std::cout << server.address().to_string() << std::endl;
        context.run();
        return 0;
    }
    std::jthread runs([&] { context.run(); });
    talk_to(server.address());
    context.stop();
}
