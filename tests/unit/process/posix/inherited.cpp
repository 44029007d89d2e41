// What a child starts with, what it gets of what its parent holds, and that nobody else is taken for it.
#include "support/posix/descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <ferrule/process/handle_link.hpp>

namespace {

std::vector<std::string> shell(const std::string& script)
{
    return {"/bin/sh", "-c", script};
}

} // namespace

TEST_CASE("child: what it was handed down can be taken once, and FERRULE_FD is gone then")
{
    const int status = in_child([] {
        auto [r, w] = raw_pipe();
        auto [other, end] = raw_pipe();
        ::setenv("FERRULE_FD", (std::to_string(r.get()) + "," + std::to_string(other.get())).c_str(), 1);
        if (code_of([] { (void)inherited(2); }) != errc::bad_descriptor || std::getenv("FERRULE_FD") != nullptr)
            return 1;
        write_all(w.get(), "one");
        write_all(end.get(), "two");
        if (reader(inherited(1)).recv(3, timeout).text() != "two" ||
            reader(inherited()).recv(3, timeout).text() != "one")
            return 2;
        (void)r.release();
        (void)other.release();
        for (const std::size_t which : {0u, 1u}) {
            if (code_of([which] { (void)inherited(which); }) != errc::bad_descriptor)
                return 3;
        }
        // Nor do children of this one find it.
        auto grandchild = spawn_piped(shell("echo \"<$FERRULE_FD>\""));
        return grandchild.output.recv_line(timeout).text() == "<>" ? 0 : 4;
    });
    CHECK(status == 0);
}

// UndefinedBehaviorSanitizer takes objects for none when it can make no descriptor.
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)
#endif
