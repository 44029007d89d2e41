#include "src/core/read_buffer.hpp"

#include "platform/per_thread.hpp"

#include <algorithm>
#include <utility>

namespace ferrule::detail {
namespace {

// The size of a read when the size of the input is unknown.
constexpr std::size_t read_ahead = 64 * 1024;
// Room for every UDP datagram, and its address before it. With less, its size must be queried first.
constexpr std::size_t packet_room = read_ahead + 256;
// The size of a read beyond a large frame. It shows whether more has arrived, and is cheap to copy.
constexpr std::size_t peek_ahead = 64;
// Memory reserved for bytes that have not arrived exceeds the number of bytes that have arrived by at most this.
constexpr std::size_t trusted = (1024 - 64) * 1024;
constexpr std::size_t largest_spare = (1024 + 4) * 1024;

// Empty buffers leave their memory here for the next read of this thread, so that an idle endpoint holds none.
struct spare_memory {
    bytes b;
};

void take_spare(bytes& b) noexcept
{
    try {
        b.swap(os::per_thread<spare_memory>().b);
    } catch (...) { // then this thread has none
    }
}

void put_away(bytes& b) noexcept
{
    if (b.footprint() == 0)
        return;
    try {
        bytes& spare = os::per_thread<spare_memory>().b;
        if (b.footprint() > spare.footprint() && b.footprint() <= largest_spare)
            b.swap(spare);
    } catch (...) { // then this thread keeps none
    }
    b.reset();
}

} // namespace

std::span<std::byte> read_buffer::room(std::size_t needed)
{
    const std::size_t have = bytes_.size();
    std::size_t wanted = std::clamp(have / 2, read_ahead, trusted);
    if (needed > 1 && have + needed >= large) // the rest of a frame whose size is known
        wanted = needed + peek_ahead;
    else if (have < large && last_taken_ >= large) // the next frame is likely to be like the last
        wanted = last_taken_ - have + peek_ahead;
    wanted = std::min(wanted, have + trusted);
    if (bytes_.footprint() == 0)
        take_spare(bytes_);
    // Growing may move all that has arrived, so input in small pieces must not grow the buffer by each of them.
    const std::size_t enough = std::min(wanted, have < read_ahead ? trusted - have : read_ahead);
    if (lent_ + enough > bytes_.spare().size())
        bytes_.reserve(lent_ + have + wanted);
    return bytes_.spare().first(std::min(wanted, bytes_.spare().size() - lent_));
}

std::span<std::byte> read_buffer::room_for_packet(std::size_t n)
{
    if (bytes_.footprint() == 0)
        take_spare(bytes_);
    bytes_.reserve(std::max(n, packet_room));
    return bytes_.spare();
}

void read_buffer::filled(std::size_t n) noexcept
{
    bytes_.commit(n);
    put_away_if_empty();
}

void read_buffer::take(std::size_t skip, std::size_t size, std::size_t drop, bytes& to)
{
    const std::size_t whole = skip + size + drop;
    const std::size_t rest = bytes_.size() - whole;
    const bool hand_over = size >= large && rest <= peek_ahead && bytes_.footprint() <= 2 * size;
    to.reserve(hand_over ? rest : size); // may throw, so it comes first
    to.clear();
    if (hand_over) {
        to.append(view().subspan(whole));
        bytes_.drop_front(skip);
        bytes_.resize(size);
        to.swap(bytes_);
    } else {
        to.append(view().subspan(skip, size));
        bytes_.drop_front(whole);
    }
    taken(whole);
}

std::size_t read_buffer::take_into(std::span<std::byte> to) noexcept
{
    const std::size_t n = std::min(to.size(), bytes_.size());
    if (n == 0)
        return 0;
    std::memcpy(to.data(), bytes_.data(), n);
    bytes_.drop_front(n);
    taken(n);
    return n;
}

void read_buffer::taken(std::size_t n) noexcept
{
    put_away_if_empty();
    last_taken_ = n;
    position_ += n;
    searched_ = 0;
}

void read_buffer::put_away_if_empty() noexcept
{
    if (bytes_.empty() && lent_ == 0)
        put_away(bytes_);
}

void read_buffer::lend(std::size_t n)
{
    if (n <= lent_)
        return;
    if (bytes_.footprint() == 0 && n <= largest_spare)
        take_spare(bytes_);
    bytes_.reserve(n + bytes_.size());
    lent_ = n;
}

void read_buffer::put_back(byte_view front) noexcept
{
    const std::size_t n = bytes_.size();
    bytes_.resize(front.size() + n); // within the room that `lend` reserved
    std::memmove(bytes_.data() + front.size(), bytes_.data(), n);
    std::copy(front.begin(), front.end(), bytes_.begin());
    position_ -= front.size();
    searched_ = 0;
}

void read_buffer::settle() noexcept
{
    if (std::exchange(lent_, 0u) != 0)
        put_away_if_empty();
}

bytes read_buffer::release() noexcept
{
    position_ += bytes_.size();
    searched_ = 0;
    return std::exchange(bytes_, {});
}

void read_buffer::set_searched(const std::vector<std::string>& separators, std::size_t n)
{
    if (separators != separators_) {
        searched_ = 0;
        separators_ = separators;
    }
    searched_ = n;
}

} // namespace ferrule::detail
