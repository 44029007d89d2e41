// Python processes as workers: each hashes and counts files, and answers as it gets done, first driven by threads and then by
// coroutines. One of them is killed in the middle; its file is done again by its successor.
#include <ferrule/asio.hpp>
#include <ferrule/ferrule.hpp>
#include <ferrule/framing/multiprocessing.hpp>
#include <ferrule/python/exception.hpp>
#include <ferrule/python/standard.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace ferrule;
namespace fs = std::filesystem;

namespace {

constexpr int workers = 3;

const char* const script = R"(
import hashlib
from multiprocessing.connection import Connection
c = Connection(3)
while True:
    try:
        path = c.recv()
    except EOFError:
        break
    try:
        data = path.read_bytes()
        c.send((hashlib.sha256(data).hexdigest(), data.count(b"\n")))
    except Exception as e:
        c.send(e)
)";

using answer = std::pair<std::string, int>; // hash and lines

// The files to do, and what came of those that are done.
class work {
public:
    explicit work(std::vector<fs::path> files) : to_do_(std::move(files)) {}

    std::optional<fs::path> take()
    {
        const std::lock_guard lock(mutex_);
        if (to_do_.empty())
            return std::nullopt;
        const fs::path file = std::move(to_do_.back());
        to_do_.pop_back();
        return file;
    }
    void done(const fs::path& file, const python::value& v)
    {
        const std::lock_guard lock(mutex_);
        if (v.type() == python::type::object)
            std::printf("%s\n", python::exception(v).what());
        else
            answers.emplace(file, python::to<answer>(v));
    }
    void again(const fs::path& file, const exit_status& s)
    {
        const std::lock_guard lock(mutex_);
        std::printf("a worker was ended by signal %d; its file is done again\n", s.signal());
        to_do_.push_back(file);
    }
    // Once: for the demonstration.
    bool shall_kill()
    {
        const std::lock_guard lock(mutex_);
        return !std::exchange(has_killed_, true);
    }

    std::map<fs::path, answer> answers;

private:
    std::mutex mutex_;
    std::vector<fs::path> to_do_;
    bool has_killed_ = false;
};

auto start_worker()
{
    return spawn_connected({"python3", "-c", script}, multiprocessing());
}

//[drive
void drive(work& w)
{
    auto worker = start_worker();
    while (const auto file = w.take()) {
        if (w.shall_kill())
            worker.process.kill();
        python::value v;
        try {
            worker.connection.send(python::from(*file));
            v = worker.connection.recv();
        } catch (const error&) { // the connection has ended, or is broken
            w.again(*file, worker.process.wait());
            worker = start_worker();
            continue;
        }
        w.done(*file, v);
    }
}
//]

boost::asio::awaitable<void> drive_as_coroutine(work& w)
{
    auto worker = start_worker();
    while (const auto file = w.take()) {
        if (w.shall_kill())
            worker.process.kill();
        python::value v = python::from(*file);
        try {
            co_await worker.connection.async_send(v);
            v = co_await worker.connection.async_recv();
        } catch (const error&) {
            w.again(*file, worker.process.wait());
            worker = start_worker();
            continue;
        }
        w.done(*file, v);
    }
}

} // namespace

int main(int argc, char** argv)
{
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(argc > 1 ? argv[1] : "/usr/share/common-licenses")) {
        if (entry.is_regular_file())
            files.push_back(entry.path());
    }

    work by_threads(files);
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < workers; ++i)
            threads.emplace_back([&] { drive(by_threads); });
    }
    std::printf("threads: %s files\n", by_threads.answers.size() == files.size() ? "all" : "not all");

    work by_coroutines(files);
    boost::asio::io_context context;
    for (int i = 0; i < workers; ++i)
        co_spawn(context, drive_as_coroutine(by_coroutines), boost::asio::detached);
    context.run();
    std::printf("coroutines: %s files\n", by_coroutines.answers == by_threads.answers ? "the same" : "other");
}
