// One random schedule. Private.
#pragma once

#include "src/testing/calls.hpp"
#include "src/testing/contexts.hpp"
#include "src/testing/moody.hpp"

#include <ferrule/testing/schedules.hpp>

#include <array>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace ferrule::testing::kit {

/// One call of the schedule.
class call_record {
public:
    enum class what : unsigned char {
        some,
        exactly,
        into,
        some_into,
        until,
        line,
        silence,
        all,
        varint,
        multiprocessing,
        next,
        next_line,
        buffered,
        unfinished, // bytes of an incomplete message
        peek,
        peek_unfinished,
        send,
        flush,
        shutdown,
        close
    };

    std::size_t number = 0;
    std::size_t end = 0; // index of its end
    what kind = what::some;
    style how = style::blocking;
    std::size_t n = 0; // bytes requested
    until limit{};
    bool may_time_out = false;
    bool possible = false; // can certainly complete immediately
    bool contested = false;
    bool cancelled = false;
    std::stop_source stop;
    std::shared_ptr<asio::cancellation_signal> signal = std::make_shared<asio::cancellation_signal>();
    // For an operator or a group:
    enum class rule : unsigned char { alone, any, all };
    rule combined = rule::alone;
    call_record* other = nullptr; // null also if the other operand is no call
    bool succeeded = false;
    std::shared_ptr<call_record> waits_for; // for a close without a deadline: the send under way
    bool handed_over = false;               // its endpoint was handed over meanwhile
    std::size_t delivered_before = 0;
    sending* sent = nullptr;
    bool refused = false; // by the framing
    std::size_t cost = 0; // for a send, as `connection_kind::room` counts

    [[nodiscard]] direction side() const noexcept { return kind < what::send ? direction::read : direction::write; }
    [[nodiscard]] bool is_frame() const noexcept
    {
        return kind == what::varint || kind == what::multiprocessing || kind == what::next;
    }
    [[nodiscard]] bool takes_all_read() const noexcept { return kind >= what::buffered && kind < what::send; }
    /// Whether the call does not exist for packets.
    [[nodiscard]] bool searches() const noexcept
    {
        return kind == what::until || kind == what::line || kind == what::next_line || kind == what::all ||
               kind == what::silence;
    }
    /// Whether success changes nothing.
    [[nodiscard]] bool is_nothing() const noexcept
    {
        const bool sized = kind == what::exactly || kind == what::into || kind == what::some_into;
        return kind == what::flush || (sized && n == 0) || (kind == what::send && cost == connection_kind::send_cost);
    }
    [[nodiscard]] bool peeks() const noexcept { return kind == what::peek || kind == what::peek_unfinished; }
    /// Records the end of the call. An operator may cancel the other one then.
    void ended(bool well) noexcept
    {
        succeeded = well;
        if (other != nullptr && combined == (well ? rule::any : rule::all))
            other->cancelled = true;
    }
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
        traffic* in = nullptr; // null if the end does not receive
        traffic* out = nullptr;
        bool closed = false;
        bool half_closed = false;
        bool filled = false; // more was sent than there was room for, and the system may notice late that it was read
    };
    class witness;
    template <class T>
    class reporter;

    // schedules.cpp
    void step();
    void settle();
    void settle_for_good();
    [[nodiscard]] const char* still_to_come() const;
    void cancel(call_record& r);
    void cancel_some();
    void end_context();
    void be_slow();
    void finale();
    void cancel_what_waits();
    void expect_clean_end();
    [[nodiscard]] bool wound_up();
    [[nodiscard]] record begin(end& e, what w);
    void choose_limit(call_record& r);
    void forget(const record& r, bool told);
    void judge_error(const call_record& r, error_code ec, std::size_t shown);
    [[nodiscard]] bool busy(const end& e, direction d) const;
    void log(std::string text);
    void check();
    [[nodiscard]] const end& other(const end& e) const noexcept { return ends_[&e == &ends_[0] ? 1 : 0]; }

    // schedule_ends.cpp
    void close_end(end& e);
    [[nodiscard]] record send_under_way(const end& e) const;
    void closed(end& e, std::size_t unsent);
    void hand_over(end& e);
    void join(end& e);
    void orphan(const end& e, std::optional<direction> only);

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
    /// Makes the call, now or later. `owned` is what the call uses; it is released as early as possible.
    template <class T, class Blocking, class Async>
    void perform(const record& r, std::shared_ptr<void> owned, Blocking blocking, Async async, judge<T> done);
    // schedule_calls.cpp
    using executor = asio::any_io_executor;
    /// Starts a call with this cancellation slot, and this function to call on completion.
    using beginning = std::function<void(asio::cancellation_slot, std::function<void(error_code)>)>;
    template <class T>
    void start(executor ex, const record& r, std::shared_ptr<void> owned, asio::awaitable<T> call, judge<T> done);
    void launch(executor ex, const record& r, asio::awaitable<void> call);
    void launch_pair(executor ex, const record& first, asio::awaitable<void> call);
    void launch_in_group(executor ex, const record& r, const beginning& begin);
    [[nodiscard]] asio::awaitable<void> something_else(call_record* loses, std::size_t turns);
    [[nodiscard]] asio::awaitable<void> either(call_record* a, asio::awaitable<void> first, call_record* b,
                                               asio::awaitable<void> second);
    [[nodiscard]] static asio::awaitable<void> both(asio::awaitable<void> first, asio::awaitable<void> second);

    const connection_kind& kind_;
    dice dice_;
    verdict verdict_;
    std::array<traffic, 2> traffic_;
    std::array<end, 2> ends_;
    contexts contexts_;
    // Records of asynchronous calls, because a cancellation signal must outlive the handler connected to it.
    std::vector<record> records_;
    std::list<record> pending_;
    /// The first of two calls for one operator.
    struct half_of_a_pair {
        executor on;
        record made;
        asio::awaitable<void> call;
    };
    std::optional<half_of_a_pair> half_;
    std::vector<std::string> steps_;
    std::size_t calls_ = 0;
    std::uint64_t seed_;
    bool separate_; // each end has one descriptor for each direction, until it joins them
    bool slow_;     // contexts have slow turns
};

/// The limits of every message endpoint in a schedule.
inline constexpr limits frame_limits{5000};

/// Reports whether a handler is called or destroyed.
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
    void called(bool well)
    {
        record_->ended(well);
        schedule_->forget(std::exchange(record_, nullptr), true);
    }

private:
    schedule* schedule_;
    record record_;
};

/// Passes the outcome of a callback to the judge. One type for all calls compiles faster than one lambda for each.
template <class T>
class schedule::reporter {
public:
    reporter(schedule* s, record r, std::shared_ptr<void> owned, judge<T> done,
             std::function<void(error_code)> then = {}) noexcept
        : witness_(s, std::move(r)),
          owned_(std::move(owned)),
          done_(std::move(done)),
          then_(std::move(then))
    {
    }
    void operator()(error_code ec, T v)
    {
        outcome<T> o;
        o.error = ec;
        o.value = std::move(v);
        witness_.called(!ec);
        done_(o);
        if (then_)
            then_(ec);
    }

private:
    witness witness_;
    std::shared_ptr<void> owned_;
    judge<T> done_;
    std::function<void(error_code)> then_; // for a call in a group
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
    const executor ex = half_ ? half_->on : contexts_[dice_(2)];
    pending_.push_back(r);
    records_.push_back(r);
    if (r->how == style::awaitable)
        return start(ex, r, std::move(owned), async(), std::move(done));
    const auto begin = [&](asio::cancellation_slot slot, std::function<void(error_code)> then) {
        async(asio::bind_cancellation_slot(
            slot, asio::bind_executor(ex, reporter<T>(this, r, std::move(owned), std::move(done), std::move(then)))));
    };
    if (r->kind != what::close && dice_.one_in(5))
        return launch_in_group(ex, r, begin);
    begin(r->signal->slot(), {});
}

} // namespace ferrule::testing::kit
