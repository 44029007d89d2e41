#include <ferrule/buffered_writer.hpp>

#include "platform/background.hpp"
#include "platform/caught.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <new>

namespace ferrule::detail {
namespace {

/// The queue between a `buffered_writer` and the endpoint beneath. Whoever makes it other than empty begins a transfer,
/// and the end of a transfer begins the next.
class write_queue : public std::enable_shared_from_this<write_queue> {
public:
    write_queue(boost::asio::any_io_executor&& ex, const writer& to, const buffered_writer_options& o)
        : executor_(std::move(ex)),
          options_(o),
          to_(to)
    {
    }

    // As in `socket_like`:
    io_result try_write(std::span<const byte_view> out) noexcept;
    io_result try_drain() noexcept;
    io_result try_flush() noexcept;
    error_code shutdown_write() noexcept;
    readiness arm() noexcept;
    void close() noexcept;
    /// After a failure: the bytes that were lost.
    [[nodiscard]] std::size_t unsent() const noexcept { return queued_.load(std::memory_order_acquire); }
    [[nodiscard]] native_handle_type socket() const noexcept
    {
        const handle_use use(to_.channel());
        return use.descriptor() != nullptr ? use.descriptor()->socket() : invalid_handle;
    }

private:
    /// The end of a transfer, also if the context ends before.
    class completion_of {
    public:
        explicit completion_of(std::shared_ptr<write_queue> q) noexcept : queue_(std::move(q)) {}
        completion_of(const completion_of&) = delete;
        completion_of& operator=(const completion_of&) = delete;
        ~completion_of() { now(errc::closed); }

        void now(const error_code& ec) noexcept
        {
            if (const auto q = std::exchange(queue_, nullptr))
                q->transferred(ec);
        }
        void forget() noexcept { queue_.reset(); }

    private:
        std::shared_ptr<write_queue> queue_;
    };

    /// Begins the next transfer: all that is queued, or else the half-close. The caller has set `transfers_`, and does
    /// not hold the mutex. May throw, and then nothing was begun.
    void begin_transfer();
    void transferred(error_code ec) noexcept;

    // With the mutex held:
    void set_left(std::size_t of_transfer) noexcept;
    [[nodiscard]] bool is_ready() const noexcept { return error_ || (wants_empty_ ? !transfers_ : !full_); }
    void wake() noexcept
    {
        if (is_ready() && std::exchange(armed_, false))
            bell_.ring();
    }

    // A child process must not send what its parent sends, and the mutex may be held by a thread of the parent.
    [[nodiscard]] bool is_forked() const noexcept { return fork_generation() != generation_; }

    const boost::asio::any_io_executor executor_;
    const buffered_writer_options options_;
    const std::uint32_t generation_ = fork_generation();
    const std::shared_ptr<const encoded::watcher> watcher_ = std::make_shared<const encoded::watcher>(
        [this](std::size_t sent, std::size_t total) { // the transfer's handler keeps this object alive
            const std::lock_guard guard(mutex_);
            set_left(total - sent);
        });
    os::doorbell bell_;
    std::mutex mutex_;
    writer to_;
    bytes pending_;                      // not yet part of a transfer
    std::atomic<std::size_t> queued_{0}; // with what is left of the transfer
    std::size_t left_ = 0;               // of the transfer
    bool transfers_ = false;
    bool full_ = false; // until the low-water mark is reached
    bool ends_ = false; // with a half-close
    bool ended_ = false;
    bool closed_ = false;
    bool wants_empty_ = false; // what the last attempt waits for
    bool armed_ = false;
    error_code error_; // sticky
};

io_result write_queue::try_write(std::span<const byte_view> out) noexcept
{
    if (is_forked())
        return io_result::failed(errc::forked);
    std::size_t n = total_size(out);
    {
        const std::lock_guard guard(mutex_);
        if (error_)
            return io_result::failed(error_);
        if (ends_)
            return io_result::failed(boost::system::errc::make_error_code(boost::system::errc::broken_pipe));
        wants_empty_ = false;
        const std::size_t room = options_.high_water_mark() - queued_;
        if (n > room && queued_ > options_.low_water_mark())
            full_ = true;
        if (full_)
            return io_result::would_block();
        n = std::min(n, room);
        try {
            // All at once, so that nothing can fail in the middle.
            if (const std::size_t needed = pending_.size() + n; needed > pending_.capacity())
                pending_.reserve(pending_.empty() ? n : std::min(needed + needed / 2, options_.high_water_mark()));
        } catch (const std::bad_alloc&) {
            return io_result::failed(no_memory());
        }
        std::size_t rest = n;
        for (const byte_view part : out) {
            const byte_view taken = part.first(std::min(rest, part.size()));
            pending_.append(taken);
            rest -= taken.size();
        }
        queued_ += n;
        full_ = queued_ == options_.high_water_mark();
        if (n == 0 || std::exchange(transfers_, true))
            return io_result::moved(n);
    }
    try {
        begin_transfer();
        return io_result::moved(n);
    } catch (...) { // nothing else was queued
        const error_code why = os::caught();
        const std::lock_guard guard(mutex_);
        transfers_ = full_ = false;
        pending_.reset();
        queued_ = left_ = 0;
        return io_result::failed(why);
    }
}

io_result write_queue::try_drain() noexcept
{
    if (is_forked())
        return io_result::failed(errc::forked);
    const std::lock_guard guard(mutex_);
    wants_empty_ = false;
    return error_ ? io_result::failed(error_) : full_ ? io_result::would_block() : io_result::moved(0);
}

io_result write_queue::try_flush() noexcept
{
    if (is_forked())
        return io_result::moved(0);
    const std::lock_guard guard(mutex_);
    wants_empty_ = true;
    return error_ ? io_result::failed(error_) : transfers_ ? io_result::would_block() : io_result::moved(0);
}

error_code write_queue::shutdown_write() noexcept
{
    if (is_forked())
        return errc::forked;
    {
        const std::lock_guard guard(mutex_);
        if (ends_) // `try_flush` tells what has become of it
            return {};
        if (error_)
            return error_;
        ends_ = true;
        if (std::exchange(transfers_, true))
            return {};
    }
    try {
        begin_transfer();
        return {};
    } catch (...) {
        const error_code why = os::caught();
        const std::lock_guard guard(mutex_);
        transfers_ = ends_ = ended_ = false;
        return why;
    }
}

readiness write_queue::arm() noexcept
{
    if (is_forked())
        return readiness::now();
    const std::lock_guard guard(mutex_);
    if (is_ready())
        return readiness::now();
    armed_ = true;
    bell_.silence();
    return bell_.wait_handle();
}

void write_queue::close() noexcept
{
    if (is_forked())
        return;
    writer unused; // destroyed without the mutex
    const std::lock_guard guard(mutex_);
    closed_ = true;
    if (!transfers_)
        unused = std::exchange(to_, writer());
}

void write_queue::set_left(std::size_t of_transfer) noexcept
{
    queued_ -= left_ - of_transfer;
    left_ = of_transfer;
    if (queued_ <= options_.low_water_mark())
        full_ = false;
    wake();
}

void write_queue::begin_transfer()
{
    write_request r(write_request::what::send);
    {
        const std::lock_guard guard(mutex_);
        if (pending_.empty()) {
            ended_ = true;
            r = write_request(write_request::what::shutdown);
        } else {
            left_ = pending_.size();
            r.frame.append_owned(std::exchange(pending_, bytes()));
            r.frame.on_progress(watcher_);
        }
    }
    const auto end = std::make_shared<completion_of>(shared_from_this());
    try {
        start(to_.channel(), std::move(r), {}, executor_,
              completion([end](error_code ec, const transfer_result&) { end->now(ec); }), false);
    } catch (...) {
        end->forget();
        throw;
    }
}

void write_queue::transferred(error_code ec) noexcept
{
    if (is_forked())
        return;
    writer unused; // destroyed without the mutex
    std::unique_lock lock(mutex_);
    if (!ec && (!pending_.empty() || (ends_ && !ended_))) {
        lock.unlock();
        try {
            return begin_transfer();
        } catch (...) {
            ec = os::caught();
        }
        lock.lock();
    }
    transfers_ = false;
    error_ = ec;
    pending_.reset();
    if (closed_)
        unused = std::exchange(to_, writer());
    const std::size_t lost = queued_;
    wake();
    lock.unlock();
    if (ec && options_.on_error())
        options_.on_error()(ec, lost);
}

/// `write_queue` as a `socket_like` type.
class queue_end {
public:
    explicit queue_end(std::shared_ptr<write_queue> q) noexcept : queue_(std::move(q)) {}

    static io_result try_read(std::span<std::byte>) noexcept { return io_result::failed(errc::wrong_direction); }
    io_result try_write(std::span<const byte_view> out) noexcept { return queue_->try_write(out); }
    io_result try_flush() noexcept { return queue_->try_flush(); }
    io_result try_drain() noexcept { return queue_->try_drain(); }
    [[nodiscard]] readiness arm(direction d) noexcept
    {
        return d == direction::write ? queue_->arm() : readiness::now();
    }
    void close() noexcept { queue_->close(); }
    error_code shutdown_write() noexcept { return queue_->shutdown_write(); }
    [[nodiscard]] static bool can(direction d) noexcept { return d == direction::write; }
    [[nodiscard]] static bool sends_in_background() noexcept { return true; }
    [[nodiscard]] std::size_t unsent() const noexcept { return queue_->unsent(); }
    [[nodiscard]] native_handle_type socket() const noexcept { return queue_->socket(); }

private:
    std::shared_ptr<write_queue> queue_;
};

} // namespace

descriptor queue_over(boost::asio::any_io_executor ex, const writer& to, const buffered_writer_options& o)
{
    {
        const handle_use use(to.channel());
        if (use.descriptor() == nullptr)
            throw_error(errc::closed);
        if (use.descriptor()->kind() != transfer_kind::stream)
            throw_error(errc::unsupported);
    }
    return queue_end(std::make_shared<write_queue>(std::move(ex), to, o));
}

} // namespace ferrule::detail
