// Python's queues, with C++ programs at both ends of them: Python starts tests/integration/helpers/queue_child.cpp.
#include "support/test.hpp"

#include "integration/python_peer.hpp"

namespace {

// The rest is Python's own; `child` starts the C++ program with the ends of a queue.
const std::string prologue = R"(
import multiprocessing, os, subprocess, sys, threading
sys.path.insert(0, sys.argv[2])
import ferrule_peer
context = multiprocessing.get_context("spawn")
def child(task, q, *arguments):
    ends = ferrule_peer.queue_ends(q)
    number = ends["writer" if task == "put" else "reader"]
    return subprocess.Popen([sys.argv[1], task, str(number), ends["lock"], ends["slots"]] + list(map(str, arguments)),
                            pass_fds=[number])
)";

void run_in(const interpreter& p, const std::string& script)
{
    auto [output, theirs] = pipe();
    child c = spawn({p.program, "-c", prologue + script, FERRULE_QUEUE_CHILD, FERRULE_SOURCE_DIR "/framing/python"},
                    {{theirs, 1}, {theirs, 2}});
    theirs.close();
    CHECK(output.recv_all(timeout).text() == "");
    expect_success(c);
}

} // namespace

TEST_CASE("python: C++ and Python put into one queue at the same time, and nothing is mixed up")
{
    for_each_python([](const interpreter& p) {
        // Messages larger than what a pipe takes in at once: without the lock they would interleave.
        run_in(p, R"(
q = context.SimpleQueue()
children = [child("put", q, name, 50, 100000) for name in "ab"]
def put():
    for i in range(50):
        q.put(("python", i, b"p" * 100000))
thread = threading.Thread(target=put)
thread.start()
seen = {"a": [], "b": [], "python": []}
for _ in range(150):
    name, i, data = q.get()
    assert data == name[0].encode() * 100000, (name, i, len(data))
    seen[name].append(i)
assert all(numbers == list(range(50)) for numbers in seen.values()), seen
thread.join()
assert [c.wait() for c in children] == [0, 0]
)");
    });
}

TEST_CASE("python: a queue of few places makes C++ wait for Python, and Python for C++")
{
    for_each_python([](const interpreter& p) {
        run_in(p, R"(
q = context.Queue(3)
c = child("put", q, "a", 20, 10)
assert [q.get()[1] for _ in range(20)] == list(range(20))
assert c.wait() == 0
assert not q._sem._semlock._is_zero() # every place is free again

q = context.Queue(3)
c = child("get", q, 20)
for i in range(20):
    q.put(i, timeout=20) # raises Full if nobody made room
assert c.wait() == 190 # the sum

q = context.Queue(1)
c = child("get", q, 3)
for large_or_small in (5, 1 << (9 << 20), 6): # one is beyond the limits of pickles; its place is free again
    q.put(large_or_small, timeout=20)
assert c.wait() == 111
)");
    });
}

TEST_CASE("python: C++ gives up on a queue that is locked or full, and leaves it as it was")
{
    for_each_python([](const interpreter& p) {
        run_in(p, R"(
q = context.SimpleQueue()
with q._wlock:
    assert child("put", q, "late", 1, 10).wait() == 75 # timed out
q.put("next")
assert q.get() == "next"

q = context.Queue(1)
q.put("first")
assert child("put", q, "late", 1, 10).wait() == 75
assert q.get() == "first"
q.put("second", timeout=20)
assert q.get() == "second"
q.close()
)");
    });
}
