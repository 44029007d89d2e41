#include "support/memory_packets.hpp"

#include "support/memory_queue.hpp"

#include <algorithm>

namespace ferrule::test {
namespace {

class packet_queue : public memory_queue<bytes> {
public:
    using memory_queue::memory_queue;

    io_result read(std::span<std::byte> in) noexcept
    {
        const std::lock_guard guard(mutex_);
        if (held_.empty())
            return nothing_there();
        const std::size_t n = held_.front().size();
        if (n > in.size())
            return io_result::larger(n);
        std::ranges::copy(held_.front(), in.begin());
        held_.pop_front();
        ring();
        return io_result::moved(n);
    }
    io_result write(std::span<const byte_view> out) noexcept
    {
        const std::lock_guard guard(mutex_);
        if (deaf_)
            return nobody_there();
        if (held_.size() == capacity_)
            return io_result::would_block();
        bytes packet;
        for (const byte_view part : out)
            packet.append(part);
        const std::size_t n = packet.size();
        held_.push_back(std::move(packet));
        ring();
        return io_result::moved(n);
    }
};

class packet_end {
public:
    packet_end(std::shared_ptr<packet_queue> in, std::shared_ptr<packet_queue> out) noexcept
        : in_(std::move(in)),
          out_(std::move(out))
    {
    }

    transfer_kind kind() const noexcept { return transfer_kind::message; }
    io_result try_read(std::span<std::byte> in) noexcept { return in_->read(in); }
    io_result try_write(std::span<const byte_view> out) noexcept { return out_->write(out); }
    readiness arm(direction d) noexcept { return (d == direction::read ? in_ : out_)->arm(d); }
    error_code shutdown_write() noexcept
    {
        out_->end(direction::write);
        return {};
    }
    void close() noexcept
    {
        out_->end(direction::write);
        in_->end(direction::read);
    }

private:
    std::shared_ptr<packet_queue> in_;
    std::shared_ptr<packet_queue> out_;
};

} // namespace

std::pair<descriptor, descriptor> memory_packet_pair(std::size_t capacity)
{
    auto there = std::make_shared<packet_queue>(capacity);
    auto back = std::make_shared<packet_queue>(capacity);
    return {packet_end(back, there), packet_end(there, back)};
}

} // namespace ferrule::test
