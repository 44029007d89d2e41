// P7: writing to somebody who is gone is an error and never a signal.

#include "platform/posix/file_io.hpp"
#include "support/posix/descriptors.hpp"
#include "support/test.hpp"

namespace {

bool pending()
{
    sigset_t set;
    sigpending(&set);
    return sigismember(&set, SIGPIPE) == 1;
}

bool blocked()
{
    sigset_t set;
    pthread_sigmask(SIG_BLOCK, nullptr, &set);
    return sigismember(&set, SIGPIPE) == 1;
}

// Exit codes of the children below.
enum result { fine = 0, no_error = 1, other_error = 2, left_pending = 3, mask_changed = 4, disposition_changed = 5 };

// In a child with the default disposition: `write` must answer EPIPE, and the signals must be as before.
template <class Write>
int check_write(Write write, bool was_blocked, bool was_pending)
{
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    sigaction(SIGPIPE, &action, nullptr);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(was_blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, nullptr);
    if (was_pending)
        ::raise(SIGPIPE);
    const error_code ec = write();
    if (!ec)
        return no_error;
    if (ec != error_code(EPIPE, boost::system::system_category()) && ec != boost::system::errc::broken_pipe)
        return other_error;
    if (pending() != was_pending)
        return left_pending;
    if (blocked() != was_blocked)
        return mask_changed;
    sigaction(SIGPIPE, nullptr, &action);
    return action.sa_handler == SIG_DFL ? fine : disposition_changed;
}

template <class Write>
void expect_no_signal(Write write)
{
    CHECK(in_child([&] { return check_write(write, false, false); }) == fine);
    CHECK(in_child([&] { return check_write(write, true, false); }) == fine);
    CHECK(in_child([&] { return check_write(write, true, true); }) == fine);
}

error_code send_to_nobody(writer w)
{
    error_code ec;
    w.send("nobody is there", 20s, ec);
    return ec;
}

error_code async_send_to_nobody(writer w)
{
    asio::io_context ctx;
    auto f = asio::co_spawn(ctx, w.async_send("nobody is there"), asio::use_future);
    ctx.run();
    try {
        f.get();
    } catch (const error& e) {
        return e.code();
    }
    return {};
}

posix::file_access by_poll(int fd, bool nosignal)
{
    posix::file_access f;
    f.fd = fd;
    f.nosignal = nosignal;
    return f;
}

error_code write_with(bool nowait, bool nosignal)
{
    auto [r, w] = raw_pipe();
    r.reset();
    const byte_view data = "nobody is there";
    posix::file_access f = by_poll(w.get(), nosignal);
    if (nowait)
        f.way = posix::no_wait::by_flag;
    const io_result result = posix::write_file(f, {&data, 1});
    return result.status() == io_status::failed ? result.error() : error_code();
}

writer pipe_to_nobody()
{
    auto [r, w] = pipe();
    r.close();
    return w;
}

writer socket_to_nobody()
{
    auto [a, b] = socketpair();
    b.close();
    return a;
}

} // namespace

TEST_CASE("sigpipe: writing to a pipe without a reader is an error and no signal")
{
    expect_no_signal([] { return send_to_nobody(pipe_to_nobody()); });
    expect_no_signal([] { return async_send_to_nobody(pipe_to_nobody()); });
}

TEST_CASE("sigpipe: writing to a socket whose peer is gone is an error and no signal")
{
    expect_no_signal([] { return send_to_nobody(socket_to_nobody()); });
    expect_no_signal([] { return async_send_to_nobody(socket_to_nobody()); });
}

TEST_CASE("sigpipe: several buffers at once are no exception")
{
    const auto send_parts = [](writer w) {
        const std::string large(10'000, 'x'); // more than is put together first
        error_code ec;
        w.send({large, large}, 20s, ec);
        return ec;
    };
    expect_no_signal([&] { return send_parts(pipe_to_nobody()); });
    expect_no_signal([&] { return send_parts(socket_to_nobody()); });
}

TEST_CASE("sigpipe: no signal either where the kernel cannot suppress it")
{
    for (const bool nowait : {true, false}) {
        for (const bool nosignal : {true, false}) {
            CAPTURE(nowait, nosignal);
            expect_no_signal([=] { return write_with(nowait, nosignal); });
        }
    }
}

TEST_CASE("sigpipe: a pending signal of the whole process stays, too")
{
#if defined(FERRULE_THREAD_SANITIZER)
    return; // the sanitizer's own thread does not block the signal, so it would not stay pending
#endif
    for (const bool nosignal : {true, false}) {
        CAPTURE(nosignal);
        CHECK(in_child([=] {
                  struct sigaction action = {};
                  action.sa_handler = SIG_DFL;
                  sigaction(SIGPIPE, &action, nullptr);
                  sigset_t set;
                  sigemptyset(&set);
                  sigaddset(&set, SIGPIPE);
                  pthread_sigmask(SIG_BLOCK, &set, nullptr);
                  ::kill(::getpid(), SIGPIPE); // not for this thread in particular
                  const error_code ec = write_with(true, nosignal);
                  return ec != boost::system::errc::broken_pipe ? other_error : pending() ? fine : left_pending;
              }) == fine);
    }
}

TEST_CASE("sigpipe: the disposition is not needed: with SIGPIPE ignored it is the same error")
{
    CHECK(in_child([] {
              ::signal(SIGPIPE, SIG_IGN);
              for (const bool nosignal : {true, false}) {
                  if (write_with(true, nosignal) != boost::system::errc::broken_pipe)
                      return 1;
                  if (pending() || blocked())
                      return 2;
              }
              return 0;
          }) == 0);
}

TEST_CASE("sigpipe: a SIGPIPE that somebody else sends is not swallowed")
{
    // A successful write must not consume a signal that is pending for the process.
    const int status = in_child([] {
        ::signal(SIGPIPE, SIG_DFL);
        auto [r, w] = raw_pipe();
        const byte_view data = "x";
        posix::file_access f = by_poll(w.get(), false);
        if (posix::write_file(f, {&data, 1}).size() != 1)
            return 1;
        ::raise(SIGPIPE);
        return 2;
    });
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGPIPE);
}
