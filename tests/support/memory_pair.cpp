#include "support/memory_pair.hpp"

#include "support/memory_queue.hpp"

#include <algorithm>

namespace ferrule::test {

class memory_stream : public memory_queue<std::byte> {
public:
    using memory_queue::memory_queue;

    io_result read(std::span<std::byte> in) noexcept
    {
        const std::lock_guard guard(mutex_);
        if (held_.empty())
            return nothing_there();
        const std::size_t n = std::min(in.size(), held_.size());
        std::copy_n(held_.begin(), n, in.begin());
        held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(n));
        ring();
        return io_result::moved(n);
    }
    io_result write(std::span<const byte_view> out) noexcept
    {
        const std::lock_guard guard(mutex_);
        if (deaf_)
            return nobody_there();
        std::size_t n = 0;
        for (const byte_view part : out) {
            const std::size_t k = std::min(part.size(), capacity_ - held_.size());
            held_.insert(held_.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(k));
            n += k;
        }
        ring();
        return n == 0 ? io_result::would_block() : io_result::moved(n);
    }
};

memory_end::memory_end(std::shared_ptr<memory_stream> in, std::shared_ptr<memory_stream> out) noexcept
    : in_(std::move(in)),
      out_(std::move(out))
{
}

io_result memory_end::try_read(std::span<std::byte> in) noexcept
{
    return in_->read(in);
}

io_result memory_end::try_write(std::span<const byte_view> out) noexcept
{
    return out_->write(out);
}

readiness memory_end::arm(direction d) noexcept
{
    return d == direction::read ? in_->arm(d) : out_->arm(d);
}

error_code memory_end::shutdown_write() noexcept
{
    out_->end(direction::write);
    return {};
}

void memory_end::close() noexcept
{
    out_->end(direction::write);
    in_->end(direction::read);
}

std::pair<descriptor, descriptor> memory_pair(std::size_t capacity)
{
    auto there = std::make_shared<memory_stream>(capacity);
    auto back = std::make_shared<memory_stream>(capacity);
    return {memory_end(back, there), memory_end(there, back)};
}

} // namespace ferrule::test
