#include <ferrule/platform/named_semaphore.hpp>

#include "support/test.hpp"

#include <fcntl.h>
#include <semaphore.h>
#include <unistd.h>

namespace {

/// A POSIX semaphore with a name of its own, which holds `n`.
class new_semaphore {
public:
    explicit new_semaphore(unsigned n) : name("/ferrule-test-" + std::to_string(::getpid()))
    {
        sem_t* const s = ::sem_open(name.c_str(), O_CREAT | O_EXCL, 0600, n);
        REQUIRE(s != SEM_FAILED);
        ::sem_close(s);
    }
    new_semaphore(const new_semaphore&) = delete;
    new_semaphore& operator=(const new_semaphore&) = delete;
    ~new_semaphore() { ::sem_unlink(name.c_str()); }

    const std::string name;
};

} // namespace

TEST_CASE("named semaphore: whoever opens it by its name takes from the same")
{
    const new_semaphore made(1);
    named_semaphore one(made.name);
    named_semaphore other(made.name);
    one.acquire(timeout);
    CHECK_THROWS_AS(other.acquire(0s), timeout_error);
    one.release();
    other.acquire(timeout);
    error_code ec;
    one.acquire(until(10ms), ec);
    CHECK(ec == errc::timed_out);
}

TEST_CASE("named semaphore: one without a name never waits, and a name that nothing has is an error")
{
    named_semaphore none;
    none.acquire(0s);
    none.release();
    CHECK_THROWS_AS(named_semaphore("/ferrule-there-is-none"), error);
}
