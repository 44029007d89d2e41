#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include <cstdio>
#include <fcntl.h>
#include <io.h>

int main(int argc, char* argv[])
{
    // CMake reads the names of the tests, and takes a carriage return for a part of them.
    ::_setmode(::_fileno(stdout), _O_BINARY);
    return Catch::Session().run(argc, argv);
}
