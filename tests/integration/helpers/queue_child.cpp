// queue_child put <number> <lock> <slots> <name> <how many> <bytes>: puts (name, i, data) into a Python queue.
// queue_child get <number> <lock> <slots> <how many>: gets numbers; its exit code is their sum.
// Exit code 75: timed out.
#include <ferrule/python/multiprocessing/queue.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

using namespace ferrule;
using namespace std::chrono_literals;

int main(int argc, char** argv)
{
    try {
        const std::string task = argc > 5 ? argv[1] : "";
        const int number = std::atoi(argc > 5 ? argv[2] : "");
        if (task == "put" && argc == 8) {
            python::queue_writer queue(adopt(number), {argv[3], argv[4]});
            const std::string name = argv[5];
            const std::string data(std::strtoul(argv[7], nullptr, 10), name[0]);
            error_code ec;
            for (int i = 0; i < std::atoi(argv[6]) && !ec; ++i)
                queue.put({name, i, python::value(python::type::bytes, data)}, name == "late" ? 100ms : 60s, ec);
            return ec == condition::timeout ? 75 : ec ? 1 : 0;
        }
        if (task == "get" && argc == 6) {
            python::queue_reader queue(adopt(number), {argv[3], argv[4]});
            int sum = 0;
            for (int i = 0; i < std::atoi(argv[5]); ++i) {
                error_code ec;
                const python::value v = queue.get(60s, ec);
                sum += ec == condition::bad_frame ? 100 : v.as<int>(); // 100: of no value that we take
            }
            return sum;
        }
    } catch (const std::exception& e) {
        std::fprintf(stderr, "queue_child: %s\n", e.what());
        return 1;
    }
    std::fprintf(stderr, "queue_child: see its source for the arguments\n");
    return 2;
}
