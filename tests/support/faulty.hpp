// A descriptor between an endpoint and a real descriptor that does what a test tells it at a chosen call.
#pragma once

#include <ferrule/socket_like.hpp>

#include <algorithm>
#include <array>
#include <boost/system/errc.hpp>
#include <functional>
#include <memory>

namespace ferrule::test {

/// Shared by the test and the descriptor. One thread at a time.
class faults {
public:
    /// What happens at call number `at` (the first is 0), counted over reads and writes.
    enum class fault : unsigned char { none, would_block, failure };

    std::size_t most_read = SIZE_MAX; // bytes per call
    std::size_t most_written = SIZE_MAX;
    std::size_t at = SIZE_MAX;
    fault what = fault::none;
    std::function<void()> also; // at that call

    std::size_t calls = 0;
    bool reached = false;
    std::size_t received = 0;
    std::size_t most_asked_beyond = 0; // the largest buffer offered, less what had been received
    error_code failure = boost::system::errc::make_error_code(boost::system::errc::io_error);
};

class faulty {
public:
    faulty(descriptor d, std::shared_ptr<faults> f) : inner_(std::move(d).take()), faults_(std::move(f)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        faults& f = *faults_;
        f.most_asked_beyond = std::max(f.most_asked_beyond, in.size() > f.received ? in.size() - f.received : 0);
        if (const auto* r = strike())
            return *r;
        const io_result r = inner_->try_read(in.first(std::min(in.size(), f.most_read)));
        f.received += r.size();
        return r;
    }
    io_result try_write(std::span<const byte_view> out) noexcept
    {
        if (const auto* r = strike())
            return *r;
        std::array<byte_view, 64> cut;
        std::size_t n = 0;
        std::size_t room = faults_->most_written;
        for (; n < out.size() && n < cut.size() && room != 0; ++n) {
            cut[n] = out[n].first(std::min(out[n].size(), room));
            room -= cut[n].size();
        }
        return inner_->try_write({cut.data(), n});
    }
    readiness arm(direction d) noexcept { return inner_->arm(d); }
    void disarm(direction d) noexcept { inner_->disarm(d); }
    bool can(direction d) const noexcept { return inner_->can(d); }
    error_code shutdown_write() noexcept { return inner_->shutdown_write(); }
    native_handle_type native_handle() const noexcept { return inner_->native_handle(); }
    void close() noexcept { inner_->close(); }

private:
    const io_result* strike() noexcept
    {
        faults& f = *faults_;
        if (f.calls++ != f.at)
            return nullptr;
        f.reached = true;
        if (f.also)
            f.also();
        switch (f.what) {
        case faults::fault::none: return nullptr;
        case faults::fault::would_block: answer_ = io_result::would_block(); break;
        case faults::fault::failure: answer_ = io_result::failed(f.failure); break;
        }
        return &answer_;
    }

    std::unique_ptr<detail::any_descriptor> inner_;
    std::shared_ptr<faults> faults_;
    io_result answer_ = io_result::would_block();
};

} // namespace ferrule::test
