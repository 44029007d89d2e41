// Shared memory with peers that are killed at any instruction, and with one that writes what it likes.
//
//     FERRULE_KILLS=n             how many peers are killed in each role
//     FERRULE_HOSTILE_SECONDS=n   how long the other one lasts
#include <ferrule/net/shared_memory.hpp>

#include "platform/handle_socket.hpp"
#include "platform/shared_memory/memory.hpp"
#include "support/posix/killed_child.hpp"
#include "support/posix/settled_descriptors.hpp"
#include "support/random.hpp"
#include "support/sanitizers.hpp"
#include "support/test.hpp"

#include <ferrule/framing/varint.hpp>
#include <ferrule/pair.hpp>

#include <fstream>
#include <unistd.h>

namespace {

std::size_t shared_mappings()
{
    std::ifstream maps("/proc/self/maps");
    std::size_t n = 0;
    for (std::string line; std::getline(maps, line);)
        n += line.find("memfd:ferrule") != line.npos ? 1u : 0u;
    return n;
}

std::string message(unsigned i)
{
    return std::to_string(i) + std::string(i * 37 % 3000, 'm');
}

void kill_one(bool sends, std::chrono::microseconds lifetime, bool in_coroutine)
{
    auto [here, there] = socketpair();
    killed_child peer([&] {
        here = {};
        error_code ec;
        message_duplex<> m(share_memory(there, shared_memory_options().capacity(4096), timeout, ec));
        for (unsigned i = 0; !ec; ++i) {
            if (sends)
                (void)m.send(message(i), {}, ec);
            else
                (void)m.recv({}, ec);
        }
    });
    there = {};
    message_duplex<> m(share_memory(here, {}, timeout));
    std::chrono::steady_clock::time_point death;
    std::jthread killing([&] {
        peer.kill_after(lifetime);
        death = std::chrono::steady_clock::now();
    });
    error_code ec;
    for (unsigned i = 0; !ec; ++i) {
        bytes got;
        if (!sends && in_coroutine)
            ec = code_of([&] { run(m.async_send(message(i), timeout)); });
        else if (!sends)
            (void)m.send(message(i), timeout, ec);
        else if (in_coroutine)
            ec = code_of([&] { got = run(m.async_recv(timeout)); });
        else
            got = m.recv(timeout, ec);
        if (sends && !ec)
            REQUIRE(got.text() == message(i));
    }
    const auto known = std::chrono::steady_clock::now();
    CHECK(ec == condition::broken);
    killing.join();
    CHECK(known - death < 1s); // a busy machine needs longer than the 0.1 s that it takes alone
}

/// Says what `share_memory` says, and keeps all that the peer has sent: its ring, and its bells.
class hostile {
public:
    explicit hostile(duplex& link)
        : arrivals_(std::make_shared<detail::handle_arrivals>()),
          socket_(os::open_handle_socket(::dup(link.native_handle()), arrivals_))
    {
        os::unique_handle mine;
        own_ = shared_memory::make_memory(capacity, mine);
        std::string hello("ferrule shm\0\1\0\0\0\0\x10\0\0\0\0\0\0", 24);
        send(hello, invalid_handle);
        auto [bytes_bell, for_bytes] = shared_memory::make_bell();
        auto [room_bell, for_room] = shared_memory::make_bell();
        for (const native_handle_type h : {mine.get(), for_bytes.get(), for_room.get()})
            send("\1", h);
        bells_.push_back(std::move(bytes_bell));
        bells_.push_back(std::move(room_bell));
        std::array<std::byte, 24> in;
        read(in);
        std::vector<os::unique_handle> got;
        for (std::uint64_t at = 24; at != 27; ++at) {
            read(std::span(in).first(1));
            got.push_back(std::move(arrivals_->take(at)->handle));
        }
        theirs_ = shared_memory::map_memory(got[0], capacity);
        bells_.push_back(shared_memory::open_bell(std::move(got[1])));
        bells_.push_back(shared_memory::open_bell(std::move(got[2])));
        send(std::string_view("\0", 1), invalid_handle);
        read(std::span(in).first(1));
    }

    void write_something(dice& d)
    {
        shared_memory::ring_memory& m = d(2) == 0 ? *own_ : *theirs_;
        auto& side = d(2) == 0 ? m.ring().writer : m.ring().reader;
        switch (d(8)) {
        case 0: side.moved.store(std::uint64_t{d(UINT32_MAX)} << 32 | d(UINT32_MAX)); break;
        case 1: side.moved.store(~std::uint64_t{0} - d(9000)); break;
        case 2:
        case 3: side.moved.store(side.moved.load() + d(5000)); break;
        case 4: side.waits.store(d(3)); break;
        case 5: side.ended.store(d(40) == 0 ? 1 : 0); break;
        case 6:
            for (std::uint32_t i = d(100); i != 0; --i)
                m.data()[d(capacity)] = static_cast<std::byte>(d(256));
            break;
        default: {
            static constexpr std::byte ring{1};
            const byte_view one(&ring, 1);
            (void)bells_[2 + d(2)].get()->try_write({&one, 1});
        }
        }
    }

private:
    static constexpr std::uint64_t capacity = 4096;

    void send(std::string_view text, native_handle_type beside)
    {
        const byte_view all(text);
        REQUIRE((beside == invalid_handle ? socket_.get()->try_write({&all, 1})
                                          : socket_.get()->try_write({&all, 1}, beside))
                    .size() == text.size());
    }
    void read(std::span<std::byte> in)
    {
        io_result r = io_result::would_block();
        while (r.status() == io_status::would_block)
            r = socket_.get()->try_read(in);
        REQUIRE(r.size() == in.size());
    }

    std::shared_ptr<detail::handle_arrivals> arrivals_;
    descriptor socket_;
    std::unique_ptr<shared_memory::ring_memory> own_;
    std::unique_ptr<shared_memory::ring_memory> theirs_;
    std::vector<descriptor> bells_;
};

} // namespace

TEST_CASE("shared memory: peers are killed, and each is an error in time, behind whole messages")
{
#if defined(FERRULE_THREAD_SANITIZER)
    constexpr std::uint64_t usual = 20; // which forks slowly
#else
    constexpr std::uint64_t usual = test::sanitized ? 100 : 500;
#endif
    const auto count = test::number_from("FERRULE_KILLS", usual);
    const std::size_t descriptors = settled_descriptors().size();
    dice d(static_cast<std::uint32_t>(test::seed()));
    for (const bool sends : {true, false}) {
        for (std::uint64_t i = 0; i < count; ++i) {
            test::restart_watchdog(test::usual_limit, "kill number " + std::to_string(i));
            kill_one(sends, std::chrono::microseconds(d(3000)), i % 2 != 0);
        }
    }
    CHECK(shared_mappings() == 0);
    CHECK(settled_descriptors().size() <= descriptors + 1); // a context of the coroutines may stay
}

TEST_CASE("shared memory: a peer that writes what it likes causes errors, and no harm")
{
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::seconds(test::number_from("FERRULE_HOSTILE_SECONDS", 2));
    dice d(static_cast<std::uint32_t>(test::seed()));
    std::map<std::string, int> outcomes;
    const bytes frame(std::string(3000, 'f'));
    while (std::chrono::steady_clock::now() < end) {
        auto [here, there] = socketpair();
        auto sharing = std::async(std::launch::async, [&, l = here] {
            return share_memory(l, shared_memory_options().capacity(4096), timeout);
        });
        hostile peer(there);
        message_duplex<> m(sharing.get(), {}, limits(100'000));
        std::atomic<bool> over = false;
        std::thread writing([&, other = d(UINT32_MAX)] {
            for (dice own(other); !over;)
                peer.write_something(own);
        });
        for (int i = 0; i < 300; ++i) {
            error_code ec;
            switch (i % 4) {
            case 0: (void)m.recv(0s, ec); break;
            case 1: (void)m.recv(1ms, ec); break;
            case 2: m.send(frame, 0s, ec); break;
            default: m.send(frame, 1ms, ec);
            }
            ++outcomes[ec ? ec.message() : "moved"];
            if (ec && !(ec == condition::timeout || ec == condition::bad_frame || ec == condition::end ||
                        ec == condition::broken || ec == errc::torn))
                FAIL("unexpected: " << ec.message());
        }
        over = true;
        writing.join();
    }
    CHECK(outcomes.size() > 3);
}
