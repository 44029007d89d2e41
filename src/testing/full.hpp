// Connections without room. Private.
#pragma once

#include "src/testing/data.hpp"
#include "src/testing/expect.hpp"

#include <ferrule/writer.hpp>

#include <chrono>

namespace ferrule::testing::kit {

/// Sends until nothing more fits. Returns the number of bytes accepted, including the tail.
inline std::size_t fill(const connection_kind& kind, writer& w)
{
    // A system that delivers in the background makes room by doing so.
    const std::chrono::milliseconds settling(kind.prompt ? 0 : 20);
    const bytes block = pattern(4096);
    std::size_t accepted = 0;
    for (error_code ec; !ec;) {
        expect(accepted < (std::size_t{1} << 30), "a connection without end takes part in no test of full ones");
        const std::size_t n = w.send(block, settling, ec);
        accepted += ec && n != 0 ? block.size() : n;
        if (ec)
            expect_error(ec, errc::timed_out, "a send for which there is no room");
    }
    return accepted;
}

} // namespace ferrule::testing::kit
