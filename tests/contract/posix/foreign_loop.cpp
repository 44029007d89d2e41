// Event loops that know nothing of ferrule drive endpoints: `arm` says what to wait for, the `try_` calls do the rest.
#include "src/testing/scripted.hpp"
#include "support/kinds.hpp"
#include "support/memory_pair.hpp"
#include "support/posix/descriptors.hpp"
#include "support/styles.hpp"
#include "support/test.hpp"

#include <poll.h>
#include <sys/epoll.h>

namespace {

// Handles are waited for together; one may be named twice, for different events. What is ready is the result.
class poll_loop {
public:
    std::vector<bool> wait(const std::vector<readiness>& targets, int timeout = -1)
    {
        std::vector<pollfd> all;
        for (const readiness& r : targets) {
            all.push_back({r.handle(), static_cast<short>(r.for_write() ? POLLOUT : POLLIN), 0});
            if (r.is_now())
                timeout = 0;
        }
        while (::poll(all.data(), all.size(), timeout) < 0)
            REQUIRE(errno == EINTR);
        std::vector<bool> ready;
        for (std::size_t i = 0; i < all.size(); ++i)
            ready.push_back(targets[i].is_now() || all[i].revents != 0);
        return ready;
    }
};

// What does not change from one wait to the next stays registered.
class epoll_loop {
public:
    std::vector<bool> wait(const std::vector<readiness>& targets, int timeout = -1)
    {
        std::map<int, unsigned> wanted;
        for (const readiness& r : targets)
            if (r.is_now())
                timeout = 0;
            else
                wanted[r.handle()] |= r.for_write() ? EPOLLOUT : EPOLLIN;
        for (const auto& [handle, events] : registered_)
            if (wanted.count(handle) == 0)
                control(EPOLL_CTL_DEL, handle, 0);
        for (const auto& [handle, events] : wanted)
            if (registered_.count(handle) == 0)
                control(EPOLL_CTL_ADD, handle, events);
            else if (registered_[handle] != events)
                control(EPOLL_CTL_MOD, handle, events);
        registered_ = std::move(wanted);

        epoll_event events[16];
        int n;
        while ((n = ::epoll_wait(epoll_.get(), events, 16, timeout)) < 0)
            REQUIRE(errno == EINTR);
        std::map<int, unsigned> happened;
        for (int i = 0; i < n; ++i)
            happened[events[i].data.fd] = events[i].events;
        std::vector<bool> ready;
        for (const readiness& r : targets) {
            const unsigned mine = (r.for_write() ? EPOLLOUT : EPOLLIN) | EPOLLERR | EPOLLHUP;
            ready.push_back(r.is_now() || (happened.count(r.handle()) != 0 && (happened[r.handle()] & mine) != 0));
        }
        return ready;
    }

private:
    void control(int what, int handle, unsigned events)
    {
        epoll_event e{};
        e.events = events;
        e.data.fd = handle;
        REQUIRE(::epoll_ctl(epoll_.get(), what, handle, &e) == 0);
    }

    unique_fd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
    std::map<int, unsigned> registered_;
};

void wait_for(const endpoint& e, direction d)
{
    poll_loop().wait({e.arm(d)});
    e.disarm(d);
}
bool is_ready(const endpoint& e, direction d)
{
    const bool ready = poll_loop().wait({e.arm(d)}, 0).front();
    e.disarm(d);
    return ready;
}

template <class Reader>
auto recv_in_loop(Reader& r)
{
    for (;;) {
        if (auto received = r.try_recv())
            return std::move(*received);
        wait_for(r, direction::read);
    }
}
// The same while the sender, in this thread too, has a rest to send.
bytes recv_from(message_writer<>& w, message_reader<>& r)
{
    for (;;) {
        if (auto received = r.try_recv())
            return std::move(*received);
        std::vector<readiness> targets{r.arm(direction::read)};
        if (!w.try_flush())
            targets.push_back(w.arm(direction::write));
        poll_loop().wait(targets);
        r.disarm(direction::read);
        w.disarm(direction::write);
    }
}
// Two ends of a conversation, which for kinds that go one way are two connections.
class talker {
public:
    explicit talker(descriptor d) : talker(duplex(std::move(d))) {}
    talker(descriptor r, descriptor w) : talker(reader(std::move(r)), writer(std::move(w))) {}

    message_reader<> in;
    message_writer<> out;

private:
    explicit talker(const duplex& d) : in(reader(d)), out(writer(d)) {}
    talker(const reader& r, const writer& w) : in(r), out(w) {}
};

std::pair<talker, talker> connect_both_ways(const testing::connection_kind& k)
{
    auto there = k.connect();
    if (k.two_way)
        return {talker(std::move(there.first)), talker(std::move(there.second))};
    auto back = k.connect();
    return {talker(std::move(back.second), std::move(there.first)),
            talker(std::move(there.second), std::move(back.first))};
}

// Sends all messages, and expects as many back, as far as that is possible without waiting.
class party {
public:
    party(talker t, const std::vector<bytes>& messages)
        : t_(std::move(t)),
          messages_(messages),
          flags_{flags_of(t_.in), flags_of(t_.out)}
    {
    }

    // `room`: the loop says that there is some.
    void go_on(bool room)
    {
        bool moved = false;
        const std::size_t before = t_.out.unsent(); // of which a receive pushes some, too
        while (received_ < messages_.size()) {
            const auto message = t_.in.try_recv();
            if (!message)
                break;
            REQUIRE((*message == messages_[received_]));
            ++received_;
        }
        while (sent_ < messages_.size() && t_.out.try_send(messages_[sent_])) {
            ++sent_;
            moved = true;
            left_a_rest = left_a_rest || t_.out.unsent() != 0;
        }
        flushed_ = sent_ == messages_.size() && t_.out.try_flush();
        // Or else the loop would never sleep. What the background has sent before, nobody sees here.
        if (room && !in_background)
            CHECK((moved || t_.out.unsent() < before));
    }
    [[nodiscard]] bool receiving() const { return received_ != messages_.size(); }
    [[nodiscard]] bool sending() const { return !flushed_; }
    [[nodiscard]] const endpoint& of(direction d) const
    {
        return d == direction::read ? static_cast<const endpoint&>(t_.in) : t_.out;
    }
    // P7: nothing is changed for others who have the same open file description.
    [[nodiscard]] bool touched_nothing() const { return flags_ == std::pair(flags_of(t_.in), flags_of(t_.out)); }

    bool left_a_rest = false;
    bool in_background = false;

private:
    static int flags_of(const endpoint& e)
    {
        return e.native_handle() == invalid_handle ? 0 : ::fcntl(e.native_handle(), F_GETFL);
    }

    talker t_;
    const std::vector<bytes>& messages_;
    std::pair<int, int> flags_;
    std::size_t received_ = 0;
    std::size_t sent_ = 0;
    bool flushed_ = false;
};

// Both ends in this thread: if anything blocked, nothing would go on.
template <class Loop>
void converse(party& a, party& b)
{
    struct wait {
        const endpoint* of;
        direction d;
    };
    Loop loop;
    std::vector<wait> waits;
    std::vector<readiness> targets;
    std::vector<bool> ready;
    const auto found_room = [&](const party& p) {
        for (std::size_t i = 0; i < waits.size(); ++i)
            if (waits[i].of == &p.of(direction::write) && !targets[i].is_now())
                return static_cast<bool>(ready[i]);
        return false;
    };
    for (;;) {
        for (party* p : {&a, &b})
            p->go_on(found_room(*p));
        waits.clear();
        targets.clear();
        for (const party* p : {&a, &b}) {
            if (p->receiving())
                waits.push_back({&p->of(direction::read), direction::read});
            if (p->sending())
                waits.push_back({&p->of(direction::write), direction::write});
        }
        if (waits.empty())
            return;
        for (const wait& w : waits)
            targets.push_back(w.of->arm(w.d));
        ready = loop.wait(targets);
        for (const wait& w : waits)
            w.of->disarm(w.d);
    }
}

bool is_stream(const testing::connection_kind& k)
{
    return k.transfers == transfer_kind::stream;
}

std::vector<bytes> messages_for(const testing::connection_kind& k)
{
    std::vector<bytes> m = sample_messages();
    const bool slow = k.name.starts_with("pty"); // 256 bytes at a time
    for (unsigned i = 0; i < 400; ++i)
        m.push_back(pattern(i % 300, i));
    if (is_stream(k)) {
        m.push_back(pattern(slow ? 20'000 : k.name == "TCP" ? 16'000'000 : 2'000'000)); // more than fits in transit
        m.push_back(pattern(slow ? 5'000 : 100'000));
        m.push_back(bytes());
        m.push_back(pattern(slow ? 10'000 : 1'500'000));
    } else
        for (unsigned i = 0; i < 100; ++i)
            m.push_back(pattern(8'000, i));
    return m;
}

template <class Loop>
void drive_every_kind()
{
    for (const testing::connection_kind& k : kinds()) {
        if (k.drops)
            continue; // does not tell a sender to wait
        INFO(k.name);
        const std::vector<bytes> messages = messages_for(k);
        auto ends = connect_both_ways(k);
        party a(std::move(ends.first), messages);
        party b(std::move(ends.second), messages);
        a.in_background = b.in_background = k.sends_in_background;
        converse<Loop>(a, b);
        CHECK((a.left_a_rest || b.left_a_rest) == is_stream(k));
        CHECK(a.touched_nothing());
        CHECK(b.touched_nothing());
    }
}

// Messages with numbers, until there is no room for the next one; returns its number.
template <class Writer>
int fill_with_numbers(Writer& w, const std::string& rest)
{
    int n = 0;
    while (w.try_send(std::to_string(n) + rest))
        ++n;
    return n;
}

constexpr std::string_view with_both_ends[] = {"memory stream", "socketpair", "TCP"};

} // namespace

TEST_CASE("foreign loop: poll drives both ends of every kind, both ways at once")
{
    drive_every_kind<poll_loop>();
}

TEST_CASE("foreign loop: epoll drives both ends of every kind, both ways at once")
{
    drive_every_kind<epoll_loop>();
}

TEST_CASE("foreign loop: where there is nothing to wait for, the loop tries again at once")
{
    // Has something to wait for every other time only.
    class hasty final : public testing::kit::script {
    public:
        std::optional<io_result> before(direction, std::size_t& most) noexcept override
        {
            most = std::min<std::size_t>(most, 1000);
            return std::nullopt;
        }
        bool arming(direction) noexcept override { return ++times % 2 == 0; }
        unsigned times = 0;
    };
    const auto script = std::make_shared<hasty>();
    auto pair = kind("memory stream").connect();
    const std::vector<bytes> messages = messages_for(kind("memory stream"));
    party a(talker(testing::kit::scripted(std::move(pair.first), script)), messages);
    party b(talker(std::move(pair.second)), messages);
    converse<poll_loop>(a, b);
    CHECK(script->times > 10);
}

TEST_CASE("foreign loop: a loop and threads that block share an endpoint")
{
    for (const std::string_view name : with_both_ends) {
        INFO(name);
        auto ends = kind(name).connect();
        message_duplex<> a(std::move(ends.first));
        message_duplex<> b(std::move(ends.second));
        const std::vector<bytes> messages = messages_for(kind(name));
        std::jthread echo([end = b]() mutable {
            error_code ec;
            for (bytes m = end.recv(timeout, ec); !ec; m = end.recv(timeout, ec))
                end.send(m, timeout, ec);
        });
        // The loop receives what another thread, which blocks, sends through the same endpoint.
        std::jthread sender([&, end = a]() mutable {
            for (const bytes& m : messages)
                end.send(m, timeout);
        });
        for (const bytes& m : messages)
            REQUIRE((recv_in_loop(a) == m));
        sender.join();
        a.close();
    }
}

TEST_CASE("foreign loop: try_recv leaves half a frame alone, and its rest makes the handle ready")
{
    const bytes message = pattern(1000);
    const bytes frame = testing::kit::wire_of<varint>(message);
    for (const testing::connection_kind& k : kinds()) {
        if (!is_stream(k))
            continue;
        INFO(k.name);
        auto ends = k.connect();
        writer w(std::move(ends.first));
        reader shared(std::move(ends.second));
        message_reader<> r(shared);
        CHECK_FALSE(r.try_recv());
        CHECK_FALSE(is_ready(r, direction::read));
        for (const std::size_t cut : {std::size_t{1}, std::size_t{2}, std::size_t{500}, frame.size() - 1}) {
            w.send(byte_view(frame).first(cut), timeout);
            wait_for(r, direction::read);
            CHECK_FALSE(r.try_recv());
            if (k.prompt)
                CHECK_FALSE(is_ready(r, direction::read)); // what was taken is not offered again
            w.send(byte_view(frame).subspan(cut), timeout);
            wait_for(r, direction::read);
            CHECK(recv_in_loop(r) == message);
            CHECK_FALSE(r.try_recv());
            CHECK_FALSE(is_ready(r, direction::read));
        }
        // A loop that asks before it tries hears of what the system has, not of what has been read ahead.
        bytes two = frame.clone();
        two.append(frame);
        w.send(two, timeout);
        CHECK(recv_in_loop(r) == message);
        CHECK(recv_in_loop(r) == message);
    }
}

TEST_CASE("foreign loop: byte by byte")
{
    const bytes message = pattern(300);
    for (const testing::connection_kind& k : kinds()) {
        if (!is_stream(k))
            continue;
        INFO(k.name);
        auto ends = k.connect();
        writer w(std::move(ends.first));
        message_reader<> r(std::move(ends.second));
        const bytes frame = testing::kit::wire_of<varint>(message);
        for (std::size_t i = 0; i < frame.size(); ++i) {
            REQUIRE_FALSE(r.try_recv());
            REQUIRE(w.try_send(byte_view(frame).subspan(i, 1)));
            wait_for(r, direction::read);
        }
        CHECK(recv_in_loop(r) == message);
    }
}

TEST_CASE("foreign loop: try_send says false when nothing was sent, and the peer sees nothing of it")
{
    for (const testing::connection_kind& k : kinds()) {
        if (k.drops)
            continue;
        for (const std::size_t size : {90u, 3000u}) {
            INFO(k.name << ", " << size);
            const std::string rest(size, 'x');
            auto ends = k.connect();
            message_writer<> w(std::move(ends.first));
            message_reader<> r(std::move(ends.second));
            const int refused = fill_with_numbers(w, rest);
            REQUIRE(refused > 0);
            for (int i = 0; i < refused; ++i)
                REQUIRE(recv_from(w, r).text() == std::to_string(i) + rest);
            CHECK(w.unsent() == 0);
            CHECK_FALSE(r.try_recv());
            while (!w.try_send("the end"))
                wait_for(w, direction::write);
            CHECK(recv_in_loop(r).text() == "the end");
        }
    }
}

TEST_CASE("foreign loop: without room for one byte, everything stays as it is")
{
    auto ends = memory_pair(10);
    writer w(std::move(ends.first));
    reader r(std::move(ends.second));
    CHECK(w.try_flush());
    CHECK(w.try_send("")); // nothing to send needs no room
    CHECK(w.try_send("0123456789"));
    CHECK(w.unsent() == 0);
    CHECK(w.try_flush());
    CHECK_FALSE(is_ready(w, direction::write));
    CHECK_FALSE(w.try_send("x"));
    CHECK(w.unsent() == 0);
    CHECK(r.try_recv() == byte_view("0123456789"));
    CHECK_FALSE(r.try_recv());

    message_writer<> m(w);
    CHECK(m.try_send("12345678901234")); // behind a byte for the size
    CHECK(m.unsent() == 5);
    CHECK_FALSE(m.try_send("y"));
    CHECK_FALSE(m.try_flush());
    CHECK_FALSE(w.try_send("z"));
    CHECK(m.unsent() == 5);
    CHECK_FALSE(is_ready(m, direction::write));
    CHECK(r.try_recv()->size() == 10);
    CHECK(is_ready(m, direction::write));
    CHECK(m.try_flush());
    CHECK(m.unsent() == 0);
    CHECK(r.try_recv() == byte_view("01234"));
    CHECK_FALSE(r.try_recv());
}

TEST_CASE("foreign loop: a send that moves only an older rest has sent nothing of its own")
{
    auto ends = memory_pair(10);
    writer w(std::move(ends.first));
    reader r(std::move(ends.second));
    CHECK(w.try_send("0123456789abcdefghij"));
    CHECK(w.unsent() == 10);
    CHECK(r.try_recv() == byte_view("0123456789"));
    CHECK_FALSE(w.try_send("new"));
    CHECK(w.unsent() == 0);
    CHECK(r.try_recv() == byte_view("abcdefghij"));
    CHECK_FALSE(r.try_recv());

    CHECK(w.try_send("0123456789abcde"));
    CHECK(r.try_recv() == byte_view("0123456789"));
    CHECK(w.try_send("new")); // goes out with the rest
    CHECK(w.unsent() == 0);
    CHECK(r.try_recv() == byte_view("abcdenew"));

    CHECK(w.try_send("0123456789abcde"));
    CHECK(r.try_recv() == byte_view("0123456789"));
    CHECK(w.try_send("newer, and too long"));
    CHECK(w.unsent() == 14);
    CHECK(r.try_recv() == byte_view("abcdenewer"));
}

TEST_CASE("foreign loop: try_flush gets the rest out bit by bit")
{
    auto ends = memory_pair(1000);
    message_writer<> w(std::move(ends.first));
    message_reader<> r(std::move(ends.second));
    const bytes large = pattern(100'000);
    CHECK(w.try_send(large));
    std::size_t before = w.unsent();
    CHECK(before > 99'000);
    while (!w.try_flush()) {
        CHECK(w.unsent() == before);
        CHECK_FALSE(r.try_recv()); // takes 1000 bytes off the connection, and keeps them
        REQUIRE(is_ready(w, direction::write));
        const bool over = w.try_flush();
        REQUIRE(w.unsent() < before);
        REQUIRE(over == (w.unsent() == 0));
        before = w.unsent();
    }
    CHECK(r.try_recv() == large);
}

TEST_CASE("foreign loop: the end of the stream makes the handle ready")
{
    for (const testing::connection_kind& k : kinds()) {
        if (!k.has_end)
            continue;
        INFO(k.name);
        {
            auto ends = k.connect();
            message_writer<> w(std::move(ends.first));
            message_reader<> r(std::move(ends.second));
            if (k.survives_close) {
                REQUIRE(w.try_send("last"));
            }
            const std::size_t unsent = w.close();
            CHECK((unsent == 0 || k.sends_in_background));
            if (k.survives_close) {
                CHECK(recv_in_loop(r).text() == "last");
            }
            wait_for(r, direction::read);
            for (int i = 0; i < 2; ++i) {
                CHECK(code_of([&] { (void)recv_in_loop(r); }) == errc::end_of_stream);
                CHECK(is_ready(r, direction::read)); // it stays the end
            }
        }
        if (!is_stream(k) || !k.survives_close)
            continue;
        auto ends = k.connect();
        writer w(std::move(ends.first));
        message_reader<> r(std::move(ends.second));
        REQUIRE(w.try_send("\5hal"));
        w.close();
        CHECK(code_of([&] { (void)recv_in_loop(r); }) == errc::truncated);
        CHECK_THROWS_AS(r.try_recv(), eof_error);
        CHECK(r.take_partial(0s) == byte_view("\5hal"));
    }
}

TEST_CASE("foreign loop: a peer that is gone makes the handle ready, and sending fails")
{
    for (const testing::connection_kind& k : kinds()) {
        if (!k.tells_sender || k.drops)
            continue;
        INFO(k.name);
        auto ends = k.connect();
        message_writer<> w(std::move(ends.first));
        message_reader<> r(std::move(ends.second));
        (void)fill_with_numbers(w, std::string(700, 'x'));
        r.close();
        error_code ec;
        while (!ec) {
            wait_for(w, direction::write);
            ec = code_of([&] {
                (void)w.try_flush();
                (void)w.try_send("x");
            });
        }
        CHECK(ec == condition::broken);
    }
}

TEST_CASE("foreign loop: what is closed cannot be waited for")
{
    auto [a, b] = socketpair();
    auto [r, w] = pipe(varint());
    a.close();
    r.close();
    w.close();
    const duplex nobody;
    const message_duplex<> nobody_either;
    for (const direction d : {direction::read, direction::write})
        for (const endpoint* e : {static_cast<const endpoint*>(&a), static_cast<const endpoint*>(&nobody),
                                  static_cast<const endpoint*>(&nobody_either)}) {
            CHECK_THROWS_AS(e->arm(d), closed_error);
            e->disarm(d);
            CHECK(e->unsent() == 0);
        }
    CHECK_THROWS_AS(r.arm(direction::read), closed_error);
    CHECK_THROWS_AS(w.arm(direction::write), closed_error);
    CHECK_THROWS_AS(a.try_recv(), closed_error);
    CHECK_THROWS_AS(r.try_recv(), closed_error);
    CHECK_THROWS_AS(a.try_send("x"), closed_error);
    CHECK_THROWS_AS(w.try_send("x"), closed_error);
    CHECK_THROWS_AS(a.try_flush(), closed_error);
    CHECK_THROWS_AS(w.try_flush(), closed_error);
    CHECK_FALSE(b.arm(direction::read).is_now()); // the other end is open
}

TEST_CASE("foreign loop: a direction that an end does not have cannot be waited for")
{
    const auto [r, w] = pipe();
    CHECK(code_of([&, &e = r] { (void)e.arm(direction::write); }) == errc::wrong_direction);
    CHECK(code_of([&, &e = w] { (void)e.arm(direction::read); }) == errc::wrong_direction);
    CHECK(r.arm(direction::read) == readiness::readable(r.native_handle()));
    CHECK(w.arm(direction::write) == readiness::writable(w.native_handle()));
}

TEST_CASE("foreign loop: while another thread receives, arm and try_recv do not wait for it")
{
    for (const std::string_view name : with_both_ends) {
        INFO(name);
        auto ends = kind(name).connect();
        message_duplex<> a(std::move(ends.first));
        message_duplex<> b(std::move(ends.second));
        std::atomic<pid_t> id{0};
        bytes received;
        std::jthread other([&] {
            id = thread_id();
            received = a.recv(timeout);
        });
        while (id == 0)
            std::this_thread::yield();
        until_waiting(id);
        CHECK(code_of([&] { (void)a.arm(direction::read); }) == errc::busy);
        CHECK_FALSE(a.try_recv());
        a.disarm(direction::read); // not ours to end
        CHECK(is_ready(a, direction::write));
        CHECK(a.try_send("the other direction is free"));
        CHECK(recv_in_loop(b).text() == "the other direction is free");

        CHECK(b.try_send("for the other thread"));
        other.join();
        CHECK(received == byte_view("for the other thread"));
        CHECK_FALSE(is_ready(a, direction::read));
        CHECK(b.try_send("for the loop"));
        CHECK(recv_in_loop(a).text() == "for the loop");
    }
}

TEST_CASE("foreign loop: while another thread sends, arm, try_send and try_flush do not wait for it")
{
    const bytes large = pattern(16'000'000);
    for (const std::string_view name : with_both_ends) {
        INFO(name);
        auto ends = kind(name).connect();
        message_duplex<> a(std::move(ends.first));
        message_duplex<> b(std::move(ends.second));
        std::atomic<pid_t> id{0};
        std::jthread other([&] {
            id = thread_id();
            a.send(large, timeout);
        });
        while (id == 0)
            std::this_thread::yield();
        until_waiting(id);
        CHECK(code_of([&] { (void)a.arm(direction::write); }) == errc::busy);
        CHECK_FALSE(a.try_send("in between"));
        CHECK_FALSE(a.try_flush());
        a.disarm(direction::write);
        CHECK(b.try_send("the other direction is free"));
        CHECK(recv_in_loop(a).text() == "the other direction is free");

        CHECK((recv_in_loop(b) == large));
        other.join();
        CHECK(a.try_send("behind it"));
        CHECK(recv_in_loop(b).text() == "behind it");
    }
}

TEST_CASE("foreign loop: while a coroutine waits, arm and try_recv do not wait for it")
{
    auto [a, b] = socketpair(varint());
    asio::io_context context;
    auto received = asio::co_spawn(context, a.async_recv(timeout), asio::use_future);
    context.poll();
    CHECK(code_of([&, &e = a] { (void)e.arm(direction::read); }) == errc::busy);
    CHECK_FALSE(a.try_recv());
    a.disarm(direction::read);
    CHECK(b.try_send("for the coroutine"));
    context.run();
    CHECK(received.get().text() == "for the coroutine");
    CHECK_FALSE(is_ready(a, direction::read));
}

TEST_CASE("foreign loop: a type of one's own hears of the end of each wait")
{
    class log {
    public:
        std::vector<std::string> said;
    };
    class listening {
    public:
        listening(descriptor d, log& l) : inner_(std::move(d).take()), log_(&l) {}
        io_result try_read(std::span<std::byte> in) noexcept { return inner_->try_read(in); }
        io_result try_write(std::span<const byte_view> out) noexcept { return inner_->try_write(out); }
        readiness arm(direction d) noexcept
        {
            log_->said.emplace_back(d == direction::read ? "arm read" : "arm write");
            return inner_->arm(d);
        }
        void disarm(direction d) noexcept
        {
            log_->said.emplace_back(d == direction::read ? "disarm read" : "disarm write");
        }
        void close() noexcept
        {
            log_->said.emplace_back("close");
            inner_->close();
        }

    private:
        std::unique_ptr<ferrule::detail::any_descriptor> inner_;
        log* log_;
    };
    log l;
    auto pair = memory_pair();
    duplex d(listening(std::move(pair.first), l));
    CHECK(l.said.empty());
    (void)d.arm(direction::read);
    (void)d.arm(direction::write);
    d.disarm(direction::write);
    d.disarm(direction::read);
    CHECK_FALSE(d.try_recv()); // never waits, so arms nothing
    CHECK(d.try_send("x"));
    d.close();
    d.disarm(direction::read);
    CHECK(l.said == std::vector<std::string>{"arm read", "arm write", "disarm write", "disarm read", "close"});
}
