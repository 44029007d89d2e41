// What the handles of a client share. Private.
#pragma once

#include <ferrule/client/client.hpp>
#include <ferrule/cross_lock.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>

namespace ferrule::detail {

/// A connection, as calls use it.
class client_connection {
public:
    client_connection(duplex d, until t) : stream(std::move(d)), bound(std::move(t)) {}

    duplex stream;
    until bound;                    // of a session: the timeout of the call that connects
    std::atomic<bool> usable{true}; // of a session: `on_connected` has not returned
    bool owes_reply = false;        // there was a request, and nothing was read since
    /// Of the calls that have left the turn to the next and wait for their replies, in this order. Each is locked until its
    /// call is done.
    std::deque<std::shared_ptr<cross_lock>> line;
    [[nodiscard]] bool awaits_replies() const
    {
        return std::ranges::any_of(line, [](const auto& place) { return place->locked(); });
    }
};

/// The holder of `turn` makes a call. `close` may come at any time.
class client_core {
public:
    client_core(connector to, client_options o);

    [[nodiscard]] const line_end& end_of_line() const noexcept { return options_.end_of_line_; }
    [[nodiscard]] std::size_t max_payload() const noexcept { return options_.limits_.max_payload(); }
    [[nodiscard]] until default_timeout() const { return in(options_.timeout_); }
    [[nodiscard]] const reconnect& policy() const noexcept { return options_.reconnect_; }
    [[nodiscard]] std::size_t pipeline() const noexcept { return options_.pipeline_; }
    [[nodiscard]] const std::function<void(client_session)>& connected() const noexcept { return options_.connected_; }
    [[nodiscard]] const std::shared_ptr<connected_coroutine>& connected_async() const noexcept
    {
        return options_.connected_coroutine_;
    }
    [[nodiscard]] const std::string& name() const noexcept { return to_.name(); }
    [[nodiscard]] std::string name_in_error() const { return "ferrule: " + to_.name(); }

    void close() noexcept;
    [[nodiscard]] bool is_open() const;
    /// Changes with each `close`.
    [[nodiscard]] std::uint64_t epoch() const noexcept { return closings_.load(); }
    /// Throws `closed_error` if `close` was called since.
    void require(std::uint64_t epoch) const;

    // For the holder of the turn.

    /// Null if there is none.
    [[nodiscard]] std::shared_ptr<client_connection> connection();
    /// Begins to connect. Throws.
    [[nodiscard]] connecting_duplex begin(std::uint64_t epoch);
    /// The time of one attempt, within that of the call.
    [[nodiscard]] until attempt_time(const until& call) const;
    void end_attempt() noexcept;
    void adopt(std::shared_ptr<client_connection> c, std::uint64_t epoch);
    void count() noexcept { ++connections_; }
    /// Closes a connection that serves no longer, and tells why, unless that was done already.
    void lose(const std::shared_ptr<client_connection>& c, const error_code& why) noexcept;
    /// Whether the peer has not ended the connection. `drops` what has arrived, and reports it.
    [[nodiscard]] bool is_fit(const std::shared_ptr<client_connection>& c, bool drops) noexcept;

    /// After a failed attempt. Sets the time of the next, and after the first failure that of the last.
    void failed(deadline& last_attempt);
    void succeeded() noexcept { failures_ = 0; }
    [[nodiscard]] const deadline& next_attempt() const noexcept { return next_attempt_; }
    /// Begins a pause, in which the holder waits for `nap`. Throws `closed_error` as `require` does.
    void lie_down(std::uint64_t epoch);
    /// Ends it; `got_up` if the holder has got `nap`.
    void get_up(bool got_up) noexcept;

    /// The bytes that no call has taken.
    [[nodiscard]] std::size_t waiting() noexcept;

    [[nodiscard]] std::uint64_t connections() const noexcept { return connections_; }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

    cross_lock turn;
    cross_lock nap; // held but for the moment in which `close` ends a pause

private:
    void report_loss(const error_code& why) noexcept;
    template <class Duration>
    [[nodiscard]] static until in(Duration d)
    {
        return d == Duration::max() ? until() : until(d);
    }

    std::atomic<std::uint64_t> connections_{0};
    std::atomic<std::uint64_t> dropped_{0};
    const connector to_;
    const client_options options_;
    std::atomic<std::uint64_t> closings_{0};
    mutable std::mutex mutex_; // guards what follows
    std::shared_ptr<client_connection> connection_;
    message_reader<accepted<void>> connecting_;
    bool naps_ = false;
    // Of the holder of the turn.
    int failures_ = 0; // in a row
    deadline next_attempt_ = deadline::now();
    std::minstd_rand random_{std::random_device{}()};
};

/// Runs the coroutine on the calling thread.
void run_here(connected_coroutine& f, const client_session& s, const until& timeout);
/// The text of the exception being handled.
[[nodiscard]] std::string text_of_failure();

} // namespace ferrule::detail
