// A logger that survives a night of power cuts.
#include <ferrule/client/client.hpp>
#include <ferrule/ferrule.hpp>

#include <iostream>
#include <thread>

using namespace std::chrono_literals;

namespace {

// An instrument that loses its power after each third reading, and comes back some time later.
void live(const ferrule::address& at, int lives)
{
    for (int life = 1; life <= lives; ++life) {
        ferrule::listener here(at);
        ferrule::duplex peer = here.accept(10s);
        for (int reading = 1; reading <= 3; ++reading) {
            (void)peer.recv_line(10s);
            peer.send("reading " + std::to_string(reading) + " of life " + std::to_string(life) + "\n", 10s);
        }
        ferrule::error_code ignored;
        (void)peer.recv_line(10s, ignored); // the power goes before this one is answered
    }
}

} // namespace

int main()
{
    const ferrule::address at = ferrule::listener("tcp://127.0.0.1:0").address();
    std::jthread instrument(live, at, 3);

    //[logger
    ferrule::client meter(
        at, ferrule::client_options()
                .reconnect(ferrule::reconnect::retry(10ms, 1s))
                .timeout(10s)
                .on_lost([](ferrule::error_code why) { std::cout << "lost: " << why.message() << '\n'; }));
    for (int i = 0; i < 9; ++i) // a reading may be asked for twice
        std::cout << meter.query("READ?", ferrule::call_options().idempotent()).text() << '\n';
    //]
}
