// A Python child at the other end of a connection of objects.
#pragma once

#include "integration/peers.hpp"
#include "support/posix/each_python.hpp"

#include <ferrule/framing/multiprocessing.hpp>

namespace ferrule::test {

/// Whatever names are in what we send.
inline const multiprocessing anything(multiprocessing_bytes(),
                                      ferrule::python::pickle_codec({}, ferrule::python::globals::any()));

/// A child that runs `script`, in which `c` is the connection.
class child_with_connection {
public:
    child_with_connection(const interpreter& p, const std::string& script, const multiprocessing& f)
    {
        auto [mine, theirs] = socketpair(f);
        connection = mine;
        const std::string prologue = "from multiprocessing.connection import Connection\nc = Connection(3)\n";
        child_.emplace(start_python(p.program, prologue + script, theirs));
    }
    child_with_connection(const child_with_connection&) = delete;
    child_with_connection& operator=(const child_with_connection&) = delete;

    /// Closes the connection; the child ends in order.
    void expect_success()
    {
        connection.close();
        test::expect_success(*child_);
    }

    message_duplex<multiprocessing> connection;

private:
    std::optional<child> child_;
};

} // namespace ferrule::test
