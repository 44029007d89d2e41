// A client and an instrument that dies at every byte of a request and of a reply.
#include <ferrule/client/async_client.hpp>
#include <ferrule/net/listener.hpp>

#include "support/random.hpp"
#include "support/test.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

namespace {

constexpr std::size_t name_size = 6; // of a request and of a reply, each of which is a line
constexpr std::size_t line_size = name_size + 1;
constexpr int lives = 1000;

/// Lives again and again. Each life ends at another byte.
class mortal {
public:
    mortal() : listener_(std::in_place, "tcp://127.0.0.1:0"), at_(listener_->address()), thread_([this] { live(); }) {}
    ~mortal() { join(); }

    void join()
    {
        if (thread_.joinable())
            thread_.join();
    }
    [[nodiscard]] const address& at() const noexcept { return at_; }
    [[nodiscard]] bool is_dead() const noexcept { return dead_; }
    /// How often a request has come as a whole.
    [[nodiscard]] std::map<std::string, int> requests() const { return requests_; }

private:
    void live()
    {
        for (int life = 0; life < lives; ++life) {
            if (life % 7 == 0) { // it is away for a moment
                listener_.reset();
                listener_.emplace(at_);
            }
            try {
                duplex peer = listener_->accept(timeout);
                serve(peer, static_cast<std::size_t>(life) % (4 * line_size));
            } catch (const error&) { // the client has gone first
            }
        }
        dead_ = true;
        listener_.reset();
    }
    /// Answers, but reads and sends only so many bytes.
    void serve(duplex& peer, std::size_t bytes_left)
    {
        for (;;) {
            std::string request;
            while (request.size() < line_size) {
                if (bytes_left-- == 0)
                    return;
                request += peer.recv(1, timeout).text();
            }
            ++requests_[request.substr(0, name_size)];
            request[0] = 'r';
            const std::size_t n = std::min(bytes_left, line_size);
            peer.send(std::string_view(request).substr(0, n), timeout);
            bytes_left -= n;
            if (n < line_size)
                return;
        }
    }

    std::optional<listener<>> listener_;
    address at_;
    std::map<std::string, int> requests_;
    std::atomic<bool> dead_ = false;
    std::thread thread_;
};

/// What has become of the calls of one caller.
class record {
public:
    explicit record(char caller) : caller_(caller) {}

    [[nodiscard]] std::string next()
    {
        const std::string number = std::to_string(100'000 + ++count_);
        return std::string("q") + caller_ + number.substr(number.size() - 4);
    }
    void replied(std::string request, byte_view reply)
    {
        request[0] = 'r';
        if (reply.text() != request)
            wrong.emplace_back(reply.text());
        ++right;
    }
    void failed(const std::string& request, const error& e)
    {
        const bool is_typed =
            e.code() == condition::end || e.code() == condition::broken || e.code() == condition::timeout;
        if (!is_typed || e.transferred() > line_size)
            wrong.emplace_back(e.what());
        if (!e.in_flight())
            unsent.push_back(request);
        ++failures;
    }

    std::vector<std::string> wrong;
    std::vector<std::string> unsent;
    int right = 0;
    int failures = 0;

private:
    char caller_;
    int count_ = 0;
};

asio::awaitable<void> call_by_coroutine(client c, const mortal& m, record& r)
{
    while (!m.is_dead()) {
        const std::string request = r.next();
        try {
            const bytes reply = co_await c.async_query(request, 100ms);
            r.replied(request, reply);
        } catch (const error& e) {
            r.failed(request, e);
        }
    }
}

void call_by_thread(client c, const mortal& m, record& r)
{
    while (!m.is_dead()) {
        const std::string request = r.next();
        try {
            r.replied(request, c.query(request, 100ms));
        } catch (const error& e) {
            r.failed(request, e);
        }
    }
}

} // namespace

TEST_CASE("client: an instrument dies at every byte, 1,000 times, and each call gets its own reply or a true error")
{
    for (const auto& options :
         {client_options().reconnect(reconnect::retry(1ms, 4ms)), client_options(), client_options().pipeline(3)}) {
        std::vector<record> records{record('a'), record('b'), record('c'), record('d')};
        std::map<std::string, int> requests;
        {
            mortal m;
            client c(m.at(), options);
            std::vector<std::thread> threads;
            asio::io_context context;
            std::vector<std::future<void>> coroutines;
            for (int i = 0; i < 2; ++i) {
                threads.emplace_back(call_by_thread, c, std::cref(m), std::ref(records[static_cast<std::size_t>(i)]));
                coroutines.push_back(asio::co_spawn(
                    context, call_by_coroutine(c, m, records[static_cast<std::size_t>(2 + i)]), asio::use_future));
            }
            context.run();
            for (std::thread& t : threads)
                t.join();
            for (auto& f : coroutines)
                f.get();
            m.join();
            requests = m.requests();
        }
        int right = 0;
        for (const record& r : records) {
            CHECK(r.wrong == std::vector<std::string>());
            CHECK(r.failures != 0);
            right += r.right;
            for (const std::string& request : r.unsent)
                CHECK(requests.count(request) == 0); // an error that says so is right
        }
        CHECK(right > lives / 8);
        for (const auto& [request, times] : requests)
            CHECK(times == 1); // nothing is sent twice
    }
}
