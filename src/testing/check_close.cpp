// P4: close() wakes all waiting calls.
#include "src/testing/calls.hpp"
#include "src/testing/checks.hpp"
#include "src/testing/expect.hpp"
#include "src/testing/faults.hpp"
#include "src/testing/full.hpp"
#include "src/testing/until_true.hpp"

#include <vector>

namespace ferrule::testing::kit {
namespace {

constexpr int waiters = 4;

// Several calls wait in `wait()`: the first for the descriptor, the others for the first. Then the endpoint is closed.
template <class Endpoint, class Wait>
void close_against(Endpoint& e, const faults& f, Wait wait)
{
    std::vector<std::future<error_code>> answers;
    for (int i = 0; i < waiters; ++i)
        answers.push_back(in_background(wait));
    until_true([&] { return f.waits != 0; });
    e.close();
    for (auto& a : answers)
        expect_error(a.get(), errc::closed, "waiting, while the endpoint was closed");
    expect(!e.is_open(), "it is closed");
    expect(e.native_handle() == invalid_handle, "its handle is gone");
    expect_error(wait(), errc::closed, "a call after close()");
    expect(e.close() == 0, "closing again does nothing");
}

} // namespace

void close_answers_readers(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    const writer silent(std::move(ends.first));
    auto f = std::make_shared<faults>();
    reader r(descriptor(scripted(std::move(ends.second), f)));
    close_against(r, *f, [&] { return recv(s, r, timeout).error; });
}

void close_answers_senders(const connection_kind& kind, style s)
{
    auto ends = kind.connect();
    const reader deaf(std::move(ends.second));
    auto f = std::make_shared<faults>();
    writer w(descriptor(scripted(std::move(ends.first), f)));
    // More bytes than any connection takes; for packets, one more than it takes.
    const bool packets = kind.transfers == transfer_kind::message;
    const bytes more = pattern(packets ? 4 : 16'000'000);
    if (packets)
        fill(kind, w);
    close_against(w, *f, [&] { return send(s, w, more, timeout).error; });
}

} // namespace ferrule::testing::kit
