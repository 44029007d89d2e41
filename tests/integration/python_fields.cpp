// Plain C++ structs from whatever Python's programs use as records: all fields are filled, or it is an error.
#include "support/test.hpp"

#include <ferrule/python/convert.hpp>

#include "integration/python_peer.hpp"

namespace {

struct point {
    int x = -1;
    int y = -1;
};

// What has been made of it: "1,2", or "error".
std::string outcome(const py::value& v)
{
    try {
        const auto p = py::to<point>(v);
        return std::to_string(p.x) + "," + std::to_string(p.y);
    } catch (const frame_error& e) {
        return e.code() == errc::invalid_value ? "error" : e.what();
    }
}

// Calls `offer(name, expected, maker)` for each; in every protocol in which it can be pickled, each is sent.
const std::string records = R"(
import collections, enum, pickle, sys, types
def offer(expected, make):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        if expected == "error" and isinstance(make(), dict) and protocol < 2:
            continue # where it is known to be a dict, of no items
        try:
            data = pickle.dumps((make.__name__, protocol, expected, make()), protocol)
        except (TypeError, pickle.PicklingError, AttributeError):
            continue # slots, in protocols 0 and 1
        c.send_bytes(data)

class Plain:
    def __init__(self, **k): self.__dict__.update(k)
class Config(dict): pass
class AttributeDict(dict):
    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        self.__dict__ = self
class Slots:
    __slots__ = ("x", "y")
class SlotsAndDict(Slots):
    __slots__ = ("__dict__",)
Tuple = collections.namedtuple("Tuple", "x y")
class SubTuple(Tuple): pass
One = collections.namedtuple("One", "x")
class OneAndAttribute(One): pass
Three = collections.namedtuple("Three", "x y z")
class ByReduce:
    def __init__(self, x, y): self.a, self.b = x, y
    def __reduce__(self): return ByReduce, (self.a, self.b)
class ByReduceAndState(Plain):
    def __reduce__(self): return ByReduceAndState, (), self.__dict__
class OfState:
    def __init__(self, state): self.state = state
    def __getstate__(self): return self.state
    def __setstate__(self, state): self.state = state
class NoState:
    x = 1
    y = 2
class Color(enum.Enum):
    RED = 1
class List(list): pass
class Set(set): pass
class Setter:
    def __reduce__(self): return Setter, (), {"x": 8, "y": 9}, None, None, set_state
def set_state(o, s): pass
class FunctionWithArguments(Plain):
    def __reduce__(self): return make_other, (8, 9), {"x": 1}
def make_other(*a): return FunctionWithArguments()

def filled(o, **k):
    for name, v in k.items(): setattr(o, name, v)
    return o

good = [
    lambda: dict(x=1, y=2),
    lambda: collections.OrderedDict(x=1, y=2),
    lambda: collections.defaultdict(int, x=1, y=2),
    lambda: collections.Counter(x=1, y=2),
    lambda: Config(x=1, y=2),
    lambda: filled(Config(y=2), x=1),
    lambda: AttributeDict(x=1, y=2),
    lambda: types.SimpleNamespace(x=1, y=2),
    lambda: Plain(x=1, y=2, z=3),
    lambda: filled(Slots(), x=1, y=2),
    lambda: filled(SlotsAndDict(), x=1, y=2, z=3),
    lambda: Tuple(1, 2),
    lambda: SubTuple(1, 2),
    lambda: filled(SubTuple(1, 2), z=3),
    lambda: filled(OneAndAttribute(1), y=2),
    lambda: ByReduce(1, 2),
    lambda: ByReduceAndState(x=1, y=2),
    lambda: OfState({"x": 1, "y": 2}),
    lambda: OfState(({"x": 1}, {"y": 2})),
    lambda: OfState([1, 2]), # as the dataclasses that are frozen and have slots
    # as pydantic's models, of versions 1 and 2
    lambda: OfState({"__dict__": {"x": 1, "y": 2}, "__fields_set__": {"x"}, "__private_attribute_values__": {"_p": 1}}),
    lambda: OfState({"__dict__": {"x": 1, "y": 2}, "__pydantic_extra__": None, "__pydantic_fields_set__": {"x"},
                     "__pydantic_private__": None}),
    lambda: OfState({"__dict__": {"x": 1}, "__pydantic_extra__": {"y": 2}, "__pydantic_fields_set__": {"x"},
                     "__pydantic_private__": {"_p": 1}}),
]
bad = [
    lambda: Plain(),
    lambda: Plain(x=1),
    lambda: Config(),
    lambda: NoState(),
    lambda: OfState(None),
    lambda: OfState({}),
    lambda: OfState("state"),
    lambda: OfState(5),
    lambda: OfState((1, 2, 3)),
    lambda: OfState({"__dict__": {"x": 1}, "__pydantic_extra__": None}),
    lambda: One(1),
    lambda: Three(1, 2, 3),
    lambda: Color.RED,
    lambda: List([1, 2]),
    lambda: Set([1, 2]),
    lambda: collections.UserDict(x=1, y=2),
    lambda: collections.deque([1, 2]),
    lambda: FunctionWithArguments(),
    lambda: ValueError("what"),
    lambda: [1, 2],
    lambda: "text",
    lambda: None,
]
if sys.version_info >= (3, 8):
    bad.append(lambda: Setter())
if sys.version_info >= (3, 7):
    import dataclasses
    @dataclasses.dataclass
    class Data:
        x: int
        y: int = 2
    good.append(lambda: Data(1))
    @dataclasses.dataclass(frozen=True)
    class Frozen:
        x: int
        y: int
    good.append(lambda: Frozen(1, 2))
if sys.version_info >= (3, 10):
    @dataclasses.dataclass(slots=True)
    class DataSlots:
        x: int
        y: int
    good.append(lambda: DataSlots(1, 2))
    @dataclasses.dataclass(frozen=True, slots=True)
    class FrozenSlots:
        x: int
        y: int
    good.append(lambda: FrozenSlots(1, 2))
try:
    import attr
    @attr.s(slots=True)
    class AttrsSlots:
        x = attr.ib()
        y = attr.ib()
    good.append(lambda: AttrsSlots(1, 2))
    @attr.s
    class Attrs:
        x = attr.ib()
        y = attr.ib()
    good.append(lambda: Attrs(1, 2))
except ImportError:
    pass
try:
    import pydantic
    class Model(pydantic.BaseModel):
        x: int
        y: int
    good.append(lambda: Model(x=1, y=2))
except ImportError:
    pass
for all, expected in ((good, "1,2"), (bad, "error")):
    for i, make in enumerate(all):
        make.__name__ = str(make().__class__.__name__) + " " + str(i)
        offer(expected, make)
c.send(None)
)";

} // namespace

TEST_CASE("python fields: records of every kind fill a struct, or are refused")
{
    for_each_python([](const interpreter& p) {
        child_with_connection child(p, records, anything);
        std::size_t good = 0;
        std::size_t bad = 0;
        for (;;) {
            const py::value offered = child.connection.recv(timeout);
            if (offered.is_none())
                break;
            const auto expected = offered[2].as<std::string>();
            INFO(offered[0].as<std::string>() << ", protocol " << offered[1].as<int>());
            INFO(offered[3].repr(300));
            CHECK(outcome(offered[3]) == expected);
            ++(expected == "error" ? bad : good);
        }
        CHECK(good > 90);
        CHECK(bad > 90);
        child.expect_success();
    });
}

TEST_CASE("python fields: dicts of every class are maps")
{
    for_each_python([](const interpreter& p) {
        child_with_connection child(p, R"(
import collections, pickle
class Config(dict): pass
for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
    for d in (dict(x=1, y=2), collections.OrderedDict(x=1, y=2), collections.defaultdict(int, x=1, y=2),
              collections.Counter(x=1, y=2), Config(x=1, y=2)):
        c.send_bytes(pickle.dumps(d, protocol))
c.send(None)
)",
                                    anything);
        const std::map<std::string, int> expected = {{"x", 1}, {"y", 2}};
        std::size_t seen = 0;
        for (;; ++seen) {
            const py::value v = child.connection.recv(timeout);
            if (v.is_none())
                break;
            INFO(v.repr(300));
            CHECK(py::to<std::map<std::string, int>>(v) == expected);
        }
        CHECK(seen >= 25);
        child.expect_success();
    });
}
