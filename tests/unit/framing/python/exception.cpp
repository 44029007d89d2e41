#include <ferrule/python/exception.hpp>

#include "support/test.hpp"

TEST_CASE("python exception: what it says is what a traceback ends with")
{
    const py::exception e("ValueError", {"not that"});
    CHECK(std::string_view(e.what()) == "ValueError: not that");
    CHECK(e.name() == "ValueError");
    CHECK(e.module() == "builtins");
    CHECK(e.args() == py::value(py::tuple{"not that"}));
}

TEST_CASE("python exception: comes back from its instance, and nothing else does")
{
    const py::exception e(py::value::object("builtins", "KeyError", {"k"}));
    CHECK(e.name() == "KeyError");
    CHECK_THROWS_AS(py::exception(py::value(7)), frame_error);
    try {
        throw e;
    } catch (const std::runtime_error& caught) {
        CHECK(std::string_view(caught.what()).starts_with("KeyError"));
    }
}
