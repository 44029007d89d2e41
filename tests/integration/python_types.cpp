// Python's own types as C++ types: real Python makes them, C++ reads them and sends them back, and Python finds them equal.
#include "support/test.hpp"

#include <ferrule/python/classes.hpp>
#include <ferrule/python/datetime.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/numpy.hpp>
#include <ferrule/python/standard.hpp>

#include "integration/python_peer.hpp"

#include <complex>

namespace {

struct point {
    int x = 0;
    double y = 0;
    bool operator==(const point&) const = default;
};
struct pair_of {
    int first = 0;
    std::string second;
    bool operator==(const pair_of&) const = default;
};
enum class color : int { red = 1, blue = 2 };

} // namespace

template <>
struct ferrule::python::converter<point> : ferrule::python::instance<point, "__main__", "Point"> {};
template <>
struct ferrule::python::converter<pair_of> : ferrule::python::instance<pair_of, "__main__", "Pair"> {};
template <>
struct ferrule::python::converter<color>
    : ferrule::python::enumeration<color, "__main__", "Color", ferrule::python::member<"RED", color::red>,
                                   ferrule::python::member<"BLUE", color::blue>> {};

namespace {

// Sends what the expressions evaluate to, and tells what it thinks of what comes back.
const std::string script = R"(
import collections, datetime, decimal, enum, pathlib, uuid, sys
try:
    import numpy
except ImportError:
    numpy = None
def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, BaseException):
        return a.args == b.args
    if isinstance(a, decimal.Decimal): # NaN equals nothing
        return str(a) == str(b)
    if numpy is not None and isinstance(a, numpy.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all()) and b.flags.writeable
    return a == b
class Plain:
    def __init__(self, x=0, y=0.0):
        self.x, self.y = x, y
    def __eq__(self, other):
        return type(self) is type(other) and (self.x, self.y) == (other.x, other.y)
class Point(Plain):
    pass
class Slots:
    __slots__ = ('x', 'y')
    def __init__(self, x, y):
        self.x, self.y = x, y
    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)
Pair = collections.namedtuple('Pair', 'first second')
class Color(enum.Enum):
    RED = 1
    BLUE = 2
tz = datetime.timezone
td = datetime.timedelta
while True:
    try:
        expression = c.recv()
    except EOFError:
        break
    sent = eval(expression)
    c.send(sent)
    back = c.recv()
    c.send(same(sent, back) or '%r, not %r' % (back, sent))
)";

class conversation {
public:
    explicit conversation(const interpreter& p) : child_(p, script, anything) {}

    py::value ask(const std::string& expression)
    {
        child_.connection.send(expression, timeout);
        return child_.connection.recv(timeout);
    }
    void answer(const py::value& v)
    {
        child_.connection.send(v, timeout);
        CHECK(child_.connection.recv(timeout).repr() == "True");
    }
    template <class T>
    void check(const std::string& expression, const T& expected)
    {
        INFO(expression);
        const py::value v = ask(expression);
        INFO(v.repr());
        CHECK(py::to<T>(v) == expected);
        answer(py::from(expected));
    }
    /// What is read, but not sent as that type.
    template <class T>
    void check_reading(const std::string& expression, const T& expected)
    {
        INFO(expression);
        const py::value v = ask(expression);
        CHECK(py::to<T>(v) == expected);
        answer(v);
    }
    void expect_success() { child_.expect_success(); }

private:
    child_with_connection child_;
};

} // namespace

TEST_CASE("python: times, numbers, paths and identifiers are C++ types")
{
    using namespace std::chrono;
    for_each_python([](const interpreter& p) {
        conversation c(p);
        c.check("td(days=-3, seconds=5, microseconds=7)", days(-3) + seconds(5) + microseconds(7));
        c.check("td(0)", microseconds(0));
        c.check("td(hours=7)", hours(7));
        c.check("datetime.date(2024, 2, 29)", 2024y / February / 29d);
        c.check("datetime.date(1, 1, 1)", 1y / January / 1d);
        c.check("datetime.time(23, 59, 58, 123456)", py::time{23h + 59min + 58s + 123456us, false, {}});
        // Before 3.8 connections send protocol 3, which has no fold.
        const bool has_fold = c.ask("sys.version_info >= (3, 8)").as<bool>();
        c.answer(has_fold);
        c.check("datetime.time(1, 2, fold=1)", py::time{1h + 2min, has_fold, {}});
        c.check("datetime.time(1, tzinfo=tz.utc)", py::time{1h, false, py::from(py::timezone())});
        c.check("datetime.datetime(2024, 12, 31, 23, 0, 0, 999999, fold=1)",
                py::datetime{2024y / December / 31d, {23h + 999999us, has_fold, {}}});
        c.check("tz(td(hours=5, minutes=30), 'IST')", py::timezone{5h + 30min, "IST"});
        c.check("datetime.datetime(2024, 1, 1, tzinfo=tz.utc)", sys_time<microseconds>(sys_days(2024y / January / 1d)));
        c.check("datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=tz.utc)", sys_time<microseconds>(-1us));
        c.check_reading("datetime.datetime(2024, 1, 1, 2, tzinfo=tz(td(hours=-3)))",
                        sys_seconds(sys_days(2024y / January / 1d) + 5h));
        for (const char* d : {"3.14", "-1E+999", "0", "1E-7", "Infinity", "-Infinity", "NaN123", "sNaN", "-0.0"})
            c.check("decimal.Decimal('" + std::string(d) + "')", py::decimal{d});
        c.check("1 - 2.5j", std::complex<double>(1, -2.5));
        c.check("uuid.UUID(int=5)", boost::uuids::uuid{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}});
        c.check("uuid.UUID(int=(255 << 120) + 1)",
                boost::uuids::uuid{{255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}});
        c.check("uuid.UUID(int=1 << 63)", boost::uuids::uuid{{0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0}});
        c.check("pathlib.Path('/usr/../lib/x y')", std::filesystem::path("/usr/../lib/x y"));
        c.check("pathlib.Path()", std::filesystem::path("."));
        c.check_reading("pathlib.PurePosixPath('a', 'b')", std::filesystem::path("a/b"));
        // Names that are not UTF-8, and one that would look like such a name (PEP 383).
        c.check(R"(pathlib.Path('caf\udce9 \u00e9'))", std::filesystem::path("caf\xe9 \xc3\xa9"));
        c.check(R"(pathlib.Path('\udced\udcb2\udc80'))", std::filesystem::path("\xed\xb2\x80"));
        c.expect_success();
    });
}

TEST_CASE("python: instances of classes are C++ aggregates")
{
    for_each_python([](const interpreter& p) {
        conversation c(p);
        c.check("Point(3, 4.5)", point{3, 4.5});
        c.check("[Point(1, 2), Point(x=5)]", std::vector<point>{{1, 2}, {5, 0}});
        c.check("Pair(1, 'two')", pair_of{1, "two"});
        c.check_reading("Pair(1, 'two')", std::pair<int, std::string>(1, "two"));
        c.check("Color.BLUE", color::blue);
        const py::value member = c.ask("Color.BLUE");
        const auto seen = py::to<py::enum_member>(member);
        CHECK(seen.type == "Color");
        CHECK((seen.name == "BLUE" || seen.value == py::value(2))); // CPython 3.11.2 sends names
        c.answer(py::from(py::enum_member{"__main__", "Color", "BLUE", {}}));
        // As aggregates that are of no class in C++.
        struct any {
            int x = 0;
            double y = 0;
        };
        for (const char* e : {"Slots(7, 8.0)", "Plain(7, 8.0)", "{'x': 7, 'y': 8}"}) {
            INFO(e);
            const py::value v = c.ask(e);
            const any a = py::to<any>(v);
            CHECK(a.x == 7);
            CHECK(a.y == 8);
            c.answer(v);
        }
        c.expect_success();
    });
}

TEST_CASE("python: exceptions can be read, thrown and sent")
{
    for_each_python([](const interpreter& p) {
        conversation c(p);
        const auto check = [&](const std::string& expression, const std::string& what) {
            INFO(expression);
            const py::value v = c.ask(expression);
            const auto e = py::to<py::exception>(v);
            CHECK(e.what() == what);
            c.answer(py::from(e));
        };
        check("ValueError('not that')", "ValueError: not that");
        check("ValueError('bad', 1)", "ValueError: ('bad', 1)");
        check("ValueError()", "ValueError");
        check("KeyError('k')", "KeyError: 'k'");
        check("FileNotFoundError(2, 'No such file', '/x')", "FileNotFoundError: [Errno 2] No such file: '/x'");
        check("decimal.InvalidOperation('x')", "decimal.InvalidOperation: x");
        CHECK(std::string(py::exception("TypeError", {"a", 1}).what()) == "TypeError: ('a', 1)");
        c.expect_success();
    });
}

TEST_CASE("python: numpy's arrays are spans")
{
    const std::string program = python_with("numpy");
    conversation c({program, "with numpy"});
    const auto check = [&]<class T>(const std::string& expression, const std::vector<T>& elements,
                                    const std::vector<std::size_t>& shape) {
        INFO(expression);
        const auto a = py::to<py::ndarray>(c.ask(expression));
        CHECK(a.shape() == shape);
        const std::span<const T> seen = a.as<T>();
        CHECK(std::vector<T>(seen.begin(), seen.end()) == elements);
        CHECK(reinterpret_cast<std::uintptr_t>(seen.data()) % alignof(T) == 0);
        c.answer(py::from(a));
    };
    check("numpy.array([[1., 2.], [3., 4.], [5., 6.]])", std::vector<double>{1, 2, 3, 4, 5, 6}, {3, 2});
    check("numpy.array([[1., 2.], [3., 4.]], order='F')", std::vector<double>{1, 3, 2, 4}, {2, 2});
    check("numpy.arange(5, dtype='i2')", std::vector<std::int16_t>{0, 1, 2, 3, 4}, {5});
    check("numpy.array([255], dtype='u1')", std::vector<std::uint8_t>{255}, {1});
    check("numpy.array([1 + 2j], dtype='c8')", std::vector<std::complex<float>>{{1, 2}}, {1});
    check("numpy.zeros((0, 3), dtype='f4')", std::vector<float>{}, {0, 3});
    check("numpy.array(7, dtype='i8')", std::vector<std::int64_t>{7}, {});
    for (const char* e : {"numpy.array([True, False])", "numpy.array(['2024-01-01'], dtype='M8[D]')",
                          "numpy.array([5], dtype='m8[25ns]')", "numpy.array(['ab', 'c'])", "numpy.array([b'ab'])",
                          "numpy.array([1], dtype='>i4')", "numpy.arange(12).reshape(3, 4)[::2, ::-1]"}) {
        INFO(e);
        c.answer(py::from(py::to<py::ndarray>(c.ask(e))));
    }
    const py::value scalars = c.ask("[numpy.float64(1.5), numpy.int8(-3), numpy.bool_(True)]");
    CHECK(py::to<double>(scalars[0]) == 1.5);
    CHECK(py::to<int>(scalars[1]) == -3);
    CHECK(py::to<bool>(scalars[2]));
    c.answer(scalars);
    const py::value objects = c.ask("numpy.array([None, 1])");
    CHECK_THROWS_AS(py::to<py::ndarray>(objects), frame_error);
    c.answer(objects);
    const std::array<std::int32_t, 6> ours{1, 2, 3, 4, 5, 6};
    (void)c.ask("numpy.array([[1, 2, 3], [4, 5, 6]], dtype='i4')");
    c.answer(py::from(py::ndarray::copy_of(std::span<const std::int32_t>(ours), {2, 3})));
    c.expect_success();
}
