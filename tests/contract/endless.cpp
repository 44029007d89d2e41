// Descriptors that always have more, at once.
#include "support/styles.hpp"
#include "support/test.hpp"

namespace {

// Gives and takes as much as it is asked to, but never more than `most` bytes at once.
class endless {
public:
    explicit endless(std::size_t most) noexcept : most_(most) {}
    io_result try_read(std::span<std::byte> in) noexcept
    {
        const auto given = in.first(std::min(in.size(), most_));
        std::fill(given.begin(), given.end(), std::byte{'x'});
        return io_result::moved(given.size());
    }
    io_result try_write(std::span<const byte_view> out) noexcept
    {
        std::size_t offered = 0;
        for (const byte_view part : out)
            offered += part.size();
        return io_result::moved(std::min(offered, most_));
    }
    readiness arm(direction) noexcept { return readiness::now(); }
    void close() noexcept {}

private:
    std::size_t most_;
};

} // namespace

TEST_CASE("P6: bytes that keep coming do not extend the deadline")
{
    for (const style s : all_styles) {
        INFO(name(s));
        reader r{descriptor(endless(1))};
        const auto o = receive<bytes>(
            s, r, [&] { return r.recv(1u << 30, 5ms); },
            [&](auto... token) { return r.async_recv(1u << 30, 5ms, token...); });
        CHECK(o.error == errc::timed_out);
        CHECK_FALSE(o.value.empty());
    }
}

// No look at the descriptor before a wait can hide that the wait ends at once, however late it is.
TEST_CASE("P6: bytes that keep leaving do not extend the deadline")
{
    const bytes large = pattern(1'000'000);
    for (const style s : all_styles) {
        INFO(name(s));
        writer w{descriptor(endless(1))};
        const auto o = send(s, w, large, 5ms);
        CHECK(o.error == errc::timed_out);
        CHECK(o.value > 0);
        CHECK(o.value < large.size());
    }
}

TEST_CASE("P3: a read that always finds more leaves the others a turn")
{
    reader r{descriptor(endless(SIZE_MAX))};
    asio::io_context context;
    error_code result;
    r.async_recv_line(asio::bind_executor(context, [&](error_code ec, bytes) { result = ec; }));
    asio::post(context, [&] { CHECK_FALSE(result); });
    context.run();
    CHECK(result == errc::too_large);
}
