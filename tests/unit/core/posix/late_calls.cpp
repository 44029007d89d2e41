// Calls from destructors that run when a thread or the process ends, when the objects that ferrule keeps for each thread are gone.
#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

namespace {

// Made before whatever ferrule makes for this thread, destroyed after it.
class last_words {
public:
    explicit last_words(std::atomic<int>& heard) : heard_(heard) {}
    ~last_words()
    {
        for (int i = 0; i < 3; ++i) {
            connection.send("bye", timeout);
            heard_ += connection.recv(timeout).text() == "bye";
        }
    }

    message_duplex<> connection;

private:
    std::atomic<int>& heard_;
};

void echo(message_duplex<> end)
{
    try {
        for (;;)
            end.send(end.recv(timeout), timeout);
    } catch (const eof_error&) {
    }
}

// Says whether all that a blocking call may need works, and nothing is written to a descriptor that is not ferrule's.
[[maybe_unused]] int say_goodbye()
{
    char path[] = "/tmp/ferrule-XXXXXX";
    // As many as had to be closed: one of them has the number of what this thread was woken by.
    const int precious[] = {::mkstemp(path), ::open(path, O_RDWR), ::open(path, O_RDWR), ::open(path, O_RDWR)};
    ::unlink(path);
    auto [a, b] = socketpair(varint());
    std::thread peer(echo, b);
    b = {};
    int heard = 0;
    for (int i = 0; i < 3; ++i) {
        a.send("bye", timeout);
        heard += a.recv(timeout).text() == "bye";
    }
    // A wait that has to be woken.
    const pid_t me = thread_id();
    std::thread closing([&mine = a, me] {
        until_waiting(me);
        mine.close();
    });
    const error_code ec = code_of([&mine = a] { (void)mine.recv(timeout); });
    closing.join();
    peer.join();
    struct stat st{};
    for (const int fd : precious) {
        if (::fstat(fd, &st) != 0 || st.st_size != 0)
            return 3;
    }
    return heard != 3 ? 1 : ec != errc::closed ? 2 : 0;
}

int (*when_static_objects_die)() = nullptr;

// Made before main, so destroyed after everything that was made later.
const class runs_late {
public:
    ~runs_late()
    {
        if (when_static_objects_die != nullptr)
            ::_exit(when_static_objects_die());
    }
} runs_late_;

} // namespace

TEST_CASE("late calls: blocking calls work in the destructors of thread_local objects")
{
    std::atomic<int> heard = 0;
    const auto settle = [] { (void)code_of([] { (void)pipe().first.recv(1ms); }); };
    settle();
    const auto before = open_descriptors();
    for (int i = 0; i < 10; ++i) {
        std::thread peer;
        std::thread([&] {
            thread_local last_words words(heard);
            auto [a, b] = socketpair(varint());
            words.connection = a;
            peer = std::thread(echo, b);
            a.send("hello", timeout); // now this thread has whatever it needs
            CHECK(a.recv(timeout).text() == "hello");
        }).join();
        peer.join();
    }
    CHECK(heard == 30);
    CHECK(open_descriptors() == before); // also of what was made again
}

// ThreadSanitizer allows no thread in the child of a fork.
#if !defined(FERRULE_THREAD_SANITIZER)
TEST_CASE("late calls: blocking calls work in the destructors of static objects, and touch no descriptor but their own")
{
    for (const bool has_waited : {false, true}) {
        CAPTURE(has_waited);
        const pid_t pid = ::fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            if (has_waited)
                (void)code_of([] { (void)pipe().first.recv(1ms); });
            when_static_objects_die = say_goodbye;
            std::exit(4);
        }
        int status = -1;
        REQUIRE(::waitpid(pid, &status, 0) == pid);
        CHECK(status == 0);
    }
}
#endif
