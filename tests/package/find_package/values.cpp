// Messages that are values, with the serialisations that are targets of their own.
#include <ferrule/framing/json.hpp>
#include <ferrule/framing/msgpack.hpp>
#include <ferrule/pair.hpp>

#include <iostream>

namespace {

struct point {
    int x = 0;
    int y = 0;
};

} // namespace

int main()
{
    auto [a, b] = ferrule::socketpair(ferrule::msgpack_messages<point>());
    a.send({1, 2});
    const point p = b.recv();
    a.with(ferrule::json_lines<>()).send({{"x", p.x}, {"y", p.y}});
    const boost::json::value v = b.with(ferrule::json_lines<>()).recv();
    std::cout << v.at("x") << ", " << v.at("y") << '\n';
    return v.at("y") == 2 ? 0 : 1;
}
