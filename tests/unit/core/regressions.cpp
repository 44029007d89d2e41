// Mistakes that were made once.
#include "support/faulty.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

namespace {

// Takes one byte at a time, and cancels whoever writes while it does.
class cancels_its_writer {
public:
    explicit cancels_its_writer(asio::cancellation_signal& s) : signal_(&s) {}

    io_result try_read(std::span<std::byte>) noexcept { return io_result::would_block(); }
    io_result try_write(std::span<const byte_view>) noexcept
    {
        signal_->emit(asio::cancellation_type::terminal);
        return io_result::moved(1);
    }
    readiness arm(direction) noexcept { return readiness::now(); }
    void close() noexcept {}

private:
    asio::cancellation_signal* signal_;
};

// Gives one byte at a time, and says at once that there are more.
class drips {
public:
    explicit drips(std::string text) : text_(std::move(text)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (given_ == text_.size())
            return io_result::end();
        in[0] = static_cast<std::byte>(text_[given_++]);
        return io_result::moved(1);
    }
    io_result try_write(std::span<const byte_view>) noexcept { return io_result::would_block(); }
    readiness arm(direction) noexcept { return readiness::now(); }
    void close() noexcept {}

private:
    std::string text_;
    std::size_t given_ = 0;
};

// Takes one byte at a time, and answers the fifth.
class answers_the_fifth {
public:
    io_result try_read(std::span<std::byte> in) noexcept
    {
        if (taken_ != 5)
            return io_result::would_block();
        in[0] = std::byte{'!'};
        return io_result::moved(1);
    }
    io_result try_write(std::span<const byte_view>) noexcept
    {
        ++taken_;
        return io_result::moved(1);
    }
    readiness arm(direction) noexcept { return readiness::now(); }
    void close() noexcept {}

private:
    int taken_ = 0;
};

} // namespace

TEST_CASE("regression: a receive sees to the rest of a frame also where there is nothing to wait for, in every style")
{
    const auto asked = [] {
        duplex d{descriptor(answers_the_fifth())};
        error_code ec;
        d.send("12345", deadline::now(), ec);
        CHECK(d.unsent() == 4);
        return d;
    };
    CHECK(asked().recv(1).text() == "!");
    asio::io_context context;
    auto awaited = asio::co_spawn(
        context, [](duplex d) -> asio::awaitable<bytes> { co_return co_await d.async_recv(1); }(asked()),
        asio::use_future);
    duplex calling = asked();
    auto called = calling.async_recv(1, asio::bind_executor(context, asio::use_future));
    context.run();
    CHECK(awaited.get().text() == "!");
    CHECK(called.get().text() == "!");
}

TEST_CASE("regression: a type that says at once that there is more is asked again, in every style")
{
    const std::string text(100, 'x');
    CHECK(reader(descriptor(drips(text))).recv(100).text() == text);
    asio::io_context context;
    reader waiting{descriptor(drips(text))};
    auto awaited = asio::co_spawn(
        context, [](reader r) -> asio::awaitable<bytes> { co_return co_await r.async_recv(100); }(waiting),
        asio::use_future);
    reader calling{descriptor(drips(text))};
    auto called = calling.async_recv(100, asio::bind_executor(context, asio::use_future));
    context.run();
    CHECK(awaited.get().text() == text);
    CHECK(called.get().text() == text);
}

TEST_CASE("regression: a coroutine that is cancelled between trying and waiting does not keep the lock")
{
    asio::io_context context;
    asio::cancellation_signal signal;
    writer w{descriptor(cancels_its_writer(signal))};
    bool thrown = false;
    asio::co_spawn(
        context,
        [](writer to, bool& failed) -> asio::awaitable<void> {
            co_await asio::post(asio::use_awaitable);
            try {
                co_await to.async_send("abc");
            } catch (const boost::system::system_error&) {
                failed = true;
            }
        }(w, thrown),
        asio::bind_cancellation_slot(signal.slot(), asio::detached));
    context.run();
    CHECK(thrown);
    CHECK(w.unsent() == 2);
    error_code ec;
    w.flush(deadline::now(), ec);
    CHECK(ec == errc::timed_out); // and not: the lock is taken
}

TEST_CASE("regression: a small read that is interrupted before its turn keeps the order of what was read ahead")
{
    auto [r, w] = pipe();
    w.send("abcdefgh");
    CHECK(r.recv(1) == byte_view("a")); // reads the rest ahead
    std::byte space[3];
    for (const bool at_once : {true, false}) {
        asio::io_context context;
        asio::cancellation_signal signal;
        error_code ec;
        r.async_recv_into(space,
                          asio::bind_cancellation_slot(
                              signal.slot(), asio::bind_executor(context, [&](error_code e, std::size_t) { ec = e; })));
        signal.emit(asio::cancellation_type::total);
        if (at_once) {
            context.run();
            CHECK(ec == errc::cancelled);
        } // else the context dies with it
    }
    CHECK(r.recv(7) == byte_view("bcdefgh"));
}

TEST_CASE("regression: what has no known size is not read in crumbs")
{
    auto [a, b] = socketpair_descriptors();
    const bytes data = pattern(200'000);
    {
        writer w(std::move(a));
        w.send(data);
    }
    auto calls = std::make_shared<faults>();
    reader r{descriptor(faulty(std::move(b), calls))};
    CHECK(r.recv_all() == data);
    CHECK(calls->calls <= 8);
}

TEST_CASE("regression: a large piece before does not misguide the reads that follow")
{
    auto [a, b] = socketpair_descriptors();
    const bytes data = pattern(200'000);
    {
        writer w(std::move(a));
        w.send(data);
    }
    reader r(std::move(b));
    CHECK(r.recv().size() >= 16 * 1024);
    const std::size_t most = r.recv_all().size();
    CHECK(most < data.size());
    CHECK(most > 100'000);
}
