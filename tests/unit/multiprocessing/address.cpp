#include <ferrule/python/multiprocessing/address.hpp>

#include "support/test.hpp"

TEST_CASE("multiprocessing address: every family becomes Python's form and comes back")
{
    for (const address& a : {address::unix_path("/run/x"), address::unix_abstract("name"), address::tcp("host", 80),
                             address::pipe(R"(\\.\pipe\x)")}) {
        CAPTURE(a.to_string());
        CHECK(py::to_address(py::from_address(a)) == a);
    }
    CHECK(py::from_address("abstract:n").repr() == "'\\x00n'");
    CHECK(py::from_address(address::tcp("host", 80)) == py::value(py::tuple{"host", 80}));
    CHECK_THROWS_AS(py::from_address("tcp://host:http"), usage_error);
    for (const char* const other : {"udp://127.0.0.1:9", "unixgram:/x", "unixgram-abstract:x", "seqpacket:/x"})
        CHECK_THROWS_WITH(py::from_address(other), Catch::Matchers::Contains(other));
    CHECK(py::to_address(py::value(bytes(byte_view(std::string_view("\0x", 2))))) == address::unix_abstract("x"));
}

TEST_CASE("multiprocessing address: what is none is an invalid value")
{
    for (const py::value& v :
         {py::value(), py::value(7), py::value(py::type::bytes, "/path"), py::value(py::tuple{"host"}),
          py::value("host", "port"), py::value(py::tuple{"host", 80, 1})}) {
        CAPTURE(v.repr());
        CHECK_THROWS_AS(py::to_address(v), frame_error);
    }
}
