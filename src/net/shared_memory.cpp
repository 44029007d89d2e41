#include <ferrule/net/shared_memory.hpp>

#include "platform/shared_memory/meeting.hpp"
#include "src/core/idle_handle.hpp"
#include "src/net/work_stream.hpp"

#include <bit>
#include <optional>

namespace ferrule {

shared_memory_options& shared_memory_options::capacity(std::size_t bytes)
{
    if (bytes < shared_memory::min_capacity || bytes > shared_memory::max_capacity)
        throw_error(errc::invalid_argument);
    capacity_ = std::bit_ceil(bytes);
    return *this;
}

namespace detail {
namespace {

/// Begins when it is first waited for, so that a coroutine gets its errors where it waits.
class sharing_work {
public:
    sharing_work(duplex link, const shared_memory_options& o, std::shared_ptr<shared_memory_outcome> r) noexcept
        : link_(std::move(link)),
          options_(o),
          outcome_(std::move(r))
    {
    }

    bool advance()
    {
        if (!meeting_)
            begin();
        if (const auto w = meeting_->advance()) {
            target_ = *w;
            return false;
        }
        outcome_->made.emplace(meeting_->take());
        return true;
    }
    [[nodiscard]] readiness wait_handle() const noexcept { return target_; }

private:
    void begin()
    {
        os::unique_handle copy = duplicate_idle_handle(link_.channel());
        if (!copy.is_open())
            throw_error(link_.is_open() ? errc::unsupported : errc::closed);
        meeting_.emplace(std::move(copy), options_.capacity(), options_.max_peer_capacity());
    }

    duplex link_;
    shared_memory_options options_;
    std::shared_ptr<shared_memory_outcome> outcome_;
    std::optional<shared_memory::meeting> meeting_;
    readiness target_ = readiness::now();
};

} // namespace

channel_ptr begin_sharing(const duplex& with, const shared_memory_options& o, std::shared_ptr<shared_memory_outcome> r)
{
    auto work = std::make_unique<sharing_work>(with, o, r);
    return open_channel(work_stream(std::move(work), std::move(r)));
}

} // namespace detail

} // namespace ferrule
