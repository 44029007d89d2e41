#include "support/memory_pair.hpp"

#include "support/memory_queue.hpp"

#include <algorithm>

namespace ferrule::test {
namespace {

class memory_stream : public memory_queue<std::byte> {
public:
    using memory_queue::memory_queue;
    static constexpr auto kind = transfer_kind::stream;

private:
    io_result take(std::span<std::byte> in) noexcept override
    {
        const std::size_t n = std::min(in.size(), held_.size());
        std::copy_n(held_.begin(), n, in.begin());
        held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(n));
        return io_result::moved(n);
    }
    io_result put(std::span<const byte_view> out) noexcept override
    {
        std::size_t n = 0;
        for (const byte_view part : out) {
            const std::size_t k = std::min(part.size(), capacity_ - held_.size());
            held_.insert(held_.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(k));
            n += k;
        }
        return n == 0 ? io_result::would_block() : io_result::moved(n);
    }
};

class memory_packets : public memory_queue<bytes> {
public:
    using memory_queue::memory_queue;
    static constexpr auto kind = transfer_kind::message;

private:
    io_result take(std::span<std::byte> in) noexcept override
    {
        const std::size_t n = held_.front().size();
        if (n > in.size())
            return io_result::larger(n);
        std::ranges::copy(held_.front(), in.begin());
        held_.pop_front();
        return io_result::moved(n);
    }
    io_result put(std::span<const byte_view> out) noexcept override
    {
        if (held_.size() == capacity_)
            return io_result::would_block();
        bytes packet;
        for (const byte_view part : out)
            packet.append(part);
        const std::size_t n = packet.size();
        held_.push_back(std::move(packet));
        return io_result::moved(n);
    }
};

} // namespace

std::pair<descriptor, descriptor> memory_pair(std::size_t capacity)
{
    return memory_end<memory_stream>::pair(capacity);
}

std::pair<descriptor, descriptor> memory_packet_pair(std::size_t capacity)
{
    return memory_end<memory_packets>::pair(capacity);
}

} // namespace ferrule::test
