// One random schedule. Private.
#pragma once

#include "src/testing/calls.hpp"
#include "src/testing/moody.hpp"

#include <ferrule/testing/schedules.hpp>

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace ferrule::testing::kit {

/// One call that the schedule makes.
class call_record {
public:
    enum class what : unsigned char {
        some,
        exactly,
        into,
        some_into,
        until,
        line,
        all,
        varint,
        multiprocessing,
        buffered,
        send,
        flush,
        shutdown
    };

    std::size_t number = 0;
    std::size_t end = 0; // whose
    what kind = what::some;
    style how = style::blocking;
    std::size_t n = 0; // bytes asked for
    until limit{};
    bool may_time_out = false;
    bool possible = false; // at once, without any doubt
    bool contested = false;
    bool cancelled = false;
    std::stop_source stop;
    asio::cancellation_signal signal;
    std::size_t delivered_before = 0;
    sending* sent = nullptr;
    bool refused = false; // by the framing
    std::size_t cost = 0; // of a send, as `connection_kind::room` counts

    [[nodiscard]] direction side() const noexcept { return kind < what::send ? direction::read : direction::write; }
    [[nodiscard]] bool is_frame() const noexcept { return kind == what::varint || kind == what::multiprocessing; }
};

class schedule {
public:
    schedule(const connection_kind& kind, std::uint64_t seed);
    schedule(const schedule&) = delete;
    schedule& operator=(const schedule&) = delete;
    ~schedule();

    void run(unsigned steps);

private:
    using what = call_record::what;
    using record = std::shared_ptr<call_record>;

    class end {
    public:
        reader from;
        writer to;
        std::shared_ptr<moody> script;
        traffic* in = nullptr; // null: does not receive
        traffic* out = nullptr;
        bool closed = false;
        bool half_closed = false;
    };
    class witness;
    template <class T>
    class reporter;

    // schedule.cpp
    void step();
    void settle();
    void settle_for_good();
    [[nodiscard]] const char* still_to_come() const;
    void cancel(call_record& r);
    void cancel_some();
    void end_context();
    void close_end(end& e);
    void finale();
    [[nodiscard]] bool wound_up();
    [[nodiscard]] record begin(end& e, what w);
    void choose_limit(call_record& r);
    void forget(const record& r, bool told);
    void judge_error(const call_record& r, error_code ec, std::size_t shown);
    [[nodiscard]] bool busy(const end& e, direction d) const;
    void log(std::string text);
    void check();
    [[nodiscard]] const end& other(const end& e) const noexcept { return ends_[&e == &ends_[0] ? 1 : 0]; }

    // schedule_reads.cpp
    void read(end& e, what w, style how);
    void read_something(end& e);
    [[nodiscard]] bool satisfiable(const call_record& r, const traffic& t) const;
    void judge_read(const call_record& r, error_code ec, std::string_view data);
    void judge_stream(const call_record& r, traffic& t, std::string_view data);
    void judge_packet(const call_record& r, traffic& t, error_code ec, std::string_view data);

    // schedule_sends.cpp
    void send_something(end& e);
    template <class Writer, class Data>
    void send(const record& r, Writer& w, std::shared_ptr<Data> data, bool in_parts);
    void write_control(end& e, what w);
    void judge_send(const call_record& r, error_code ec, std::size_t size);

    template <class T>
    using judge = std::function<void(const outcome<T>&)>;
    /// Makes the call, now or later. `owned` is what it uses, and lives no longer than it must.
    template <class T, class Blocking, class Async>
    void perform(const record& r, std::shared_ptr<void> owned, Blocking blocking, Async async, judge<T> done);
    // schedule_calls.cpp
    template <class T>
    void start(asio::io_context& context, const record& r, std::shared_ptr<void> owned, asio::awaitable<T> call,
               judge<T> done);

    const connection_kind& kind_;
    dice dice_;
    verdict verdict_;
    std::array<traffic, 2> traffic_;
    std::array<end, 2> ends_;
    std::array<std::unique_ptr<asio::io_context>, 2> contexts_;
    // Of asynchronous calls, since a cancellation signal has to outlive the handler that listens to it.
    std::vector<record> records_;
    std::list<record> pending_;
    std::vector<std::string> steps_;
    std::size_t calls_ = 0;
    std::uint64_t seed_;
};

/// Limits of every message endpoint of a schedule.
inline constexpr limits frame_limits{5000};

/// Sees a handler being called, or destroyed.
class schedule::witness {
public:
    witness(schedule* s, record r) noexcept : schedule_(s), record_(std::move(r)) {}
    witness(witness&&) noexcept = default;
    witness& operator=(witness&&) = delete;
    ~witness()
    {
        if (record_)
            schedule_->forget(record_, false);
    }
    void called() { schedule_->forget(std::exchange(record_, nullptr), true); }

private:
    schedule* schedule_;
    record record_;
};

/// Has a callback's outcome judged. One type for all calls, which compiles faster than a lambda of each.
template <class T>
class schedule::reporter {
public:
    reporter(schedule* s, record r, std::shared_ptr<void> owned, judge<T> done) noexcept
        : witness_(s, std::move(r)),
          owned_(std::move(owned)),
          done_(std::move(done))
    {
    }
    void operator()(error_code ec, T v)
    {
        outcome<T> o;
        o.error = ec;
        o.value = std::move(v);
        witness_.called();
        done_(o);
    }

private:
    witness witness_;
    std::shared_ptr<void> owned_;
    judge<T> done_;
};

template <class T, class Blocking, class Async>
void schedule::perform(const record& r, std::shared_ptr<void> owned, Blocking blocking, Async async, judge<T> done)
{
    if (r->how == style::blocking) {
        outcome<T> o;
        try {
            o.value = blocking();
        } catch (...) {
            note_exception(o, std::current_exception());
        }
        forget(r, true);
        return done(o);
    }
    asio::io_context& context = *contexts_[dice_(contexts_.size())];
    pending_.push_back(r);
    records_.push_back(r);
    if (r->how == style::awaitable)
        return start(context, r, std::move(owned), async(), std::move(done));
    async(asio::bind_cancellation_slot(
        r->signal.slot(), asio::bind_executor(context, reporter<T>(this, r, std::move(owned), std::move(done)))));
}

} // namespace ferrule::testing::kit
