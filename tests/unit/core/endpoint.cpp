// Pipes and stream sockets behind readers, writers and duplexes.

#include "support/test.hpp"

TEST_CASE("descriptor: half-close of a pipe's writing end closes it")
{
    auto [r, w] = pipe();
    w.send("last", timeout);
    w.shutdown_send(timeout);
    CHECK(r.recv_all(timeout).text() == "last");
    CHECK(!w.is_open());
    CHECK(code_of([&] { w.send("more", timeout); }) == errc::closed);
}

TEST_CASE("descriptor: half-close of messages")
{
    auto [a, b] = socketpair(varint());
    a.send("question", timeout);
    a.shutdown_send(timeout);
    CHECK(b.recv(timeout).text() == "question");
    CHECK(code_of([&] { b.recv(timeout); }) == errc::end_of_stream);
    b.send("answer", timeout);
    CHECK(a.recv(timeout).text() == "answer");
}

namespace {

// Is closed by somebody else while it is read, and must not be asked for anything after that.
struct closed_meanwhile {
    struct state {
        std::function<void()> close;
        bool closed = false;
        bool asked_after_that = false;
    };

    io_result try_read(std::span<std::byte>) noexcept
    {
        use();
        seen->close();
        return io_result::would_block();
    }
    io_result try_write(std::span<const byte_view>) noexcept
    {
        use();
        return io_result::moved(0);
    }
    readiness arm(direction) noexcept
    {
        use();
        return readiness::now();
    }
    void disarm(direction) noexcept { use(); }
    void close() noexcept { seen->closed = true; }
    void use() noexcept { seen->asked_after_that |= seen->closed; }

    std::shared_ptr<state> seen;
};

} // namespace

TEST_CASE("descriptor: one that is closed between two steps of a call is left alone")
{
    const bool blocking = GENERATE(true, false);
    auto seen = std::make_shared<closed_meanwhile::state>();
    reader r{closed_meanwhile{seen}};
    seen->close = [&r] { r.close(); };
    CHECK(code_of([&] { blocking ? r.recv(1, timeout) : run(r.async_recv(1, timeout)); }) == errc::closed);
    CHECK(seen->closed);
    CHECK(!seen->asked_after_that);
}
