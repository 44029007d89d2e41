// JSON, one text per line, with a Python child; the child could be a program in any language.
#include <ferrule/framing/json.hpp>
#include <ferrule/pair.hpp>
#include <ferrule/process/spawn.hpp>

#include <boost/json.hpp>
#include <iostream>

//[json
const char* const script = R"(
import json
answers = open(3, "w", closefd=False)
for line in open(3):
    request = json.loads(line)
    print(json.dumps({"id": request["id"], "sum": sum(request["numbers"])}), file=answers, flush=True)
)";

int main()
{
    using namespace std::chrono_literals;
    auto [mine, childs] = ferrule::socketpair(ferrule::json_lines<>());
    ferrule::child python = ferrule::spawn({"python3", "-c", script}, childs, 3);
    childs.close();

    mine.send({{"id", 1}, {"numbers", {1, 2, 3}}}, 10s);
    const boost::json::value answer = mine.recv(10s);
    std::cout << "the sum is " << answer.at("sum") << '\n';
    mine.close();
    return python.wait(10s).code();
}
//]
