// What a child starts with, what it gets of what its parent holds, and that nobody else is taken for it.
#include "support/posix/descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <ferrule/process/handle_link.hpp>

// UndefinedBehaviorSanitizer takes objects for none when it can make no descriptor.
#if !defined(FERRULE_ADDRESS_SANITIZER) && !defined(FERRULE_THREAD_SANITIZER)
#endif

TEST_CASE("standard streams: those that the process was started without are not made of other descriptors")
{
    const auto in_a_process_without = [](std::vector<int> missing, const std::function<int()>& f) {
        return in_child([missing, f] {
            for (const int fd : missing)
                ::close(fd);
            return f();
        });
    };
    const auto refused = [] { return code_of([] { (void)take_standard_streams(); }) == errc::bad_descriptor ? 0 : 1; };
    CHECK(in_a_process_without({0}, refused) == 0);
    CHECK(in_a_process_without({1}, refused) == 0);
    CHECK(in_a_process_without({0, 1, 2}, refused) == 0);
    // Something else has got the number.
    CHECK(in_a_process_without({0}, [&] {
              auto [r, w] = pipe();
              if (r.native_handle() != 0 || refused() != 0)
                  return 1;
              w.send("x", timeout);
              return r.recv(1, timeout).text() == "x" ? 0 : 2;
          }) == 0);
    CHECK(in_a_process_without({1}, [&] {
              auto [r, w] = pipe();
              (void)w;
              return r.native_handle() == 1 ? refused() : 1;
          }) == 0);
    // What is printed goes nowhere then.
    CHECK(in_a_process_without({2}, [] {
              auto [r, w] = pipe();
              if (r.native_handle() != 2)
                  return 1;
              const auto ends = take_standard_streams();
              if (::write(STDOUT_FILENO, "printed", 7) != 7)
                  return 2;
              w.send("x", timeout);
              return r.recv(1, timeout).text() == "x" && !r.try_recv() ? 0 : 3;
          }) == 0);
}
