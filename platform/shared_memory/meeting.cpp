#include "platform/shared_memory/meeting.hpp"

#include "platform/shared_memory/stream.hpp"

#include <algorithm>
#include <bit>
#include <string_view>
#include <utility>

namespace ferrule::shared_memory {
namespace {

constexpr std::string_view magic("ferrule shm", 12);
constexpr std::size_t version_at = 12;
constexpr std::size_t capacity_at = 16;
constexpr std::uint64_t version = 1;

void put(std::span<std::byte> to, std::uint64_t n) noexcept
{
    for (std::byte& b : to) {
        b = static_cast<std::byte>(n);
        n >>= 8;
    }
}
std::uint64_t get(std::span<const std::byte> from) noexcept
{
    std::uint64_t n = 0;
    for (std::size_t i = from.size(); i-- > 0;)
        n = n << 8 | std::to_integer<std::uint64_t>(from[i]);
    return n;
}

} // namespace

meeting::meeting(os::unique_handle socket, std::uint64_t capacity, std::uint64_t max_peer_capacity)
    : capacity_(capacity),
      max_peer_capacity_(max_peer_capacity),
      socket_(os::open_handle_socket(socket.get(), arrivals_))
{
    (void)socket.release();
    memory_ = make_memory(capacity, mine_[0]);
    for (std::size_t i = 0; i < bells_.size(); ++i) {
        auto [bell, of_peer] = make_bell();
        bells_[i] = std::move(bell);
        mine_[i + 1] = std::move(of_peer);
    }
    std::ranges::transform(magic, hello_.begin(), [](char c) { return static_cast<std::byte>(c); });
    put(std::span(hello_).subspan(version_at, 4), version);
    put(std::span(hello_).subspan(capacity_at, 8), capacity);
}

std::optional<readiness> meeting::advance()
{
    if (!send())
        return socket_.get()->arm(direction::write);
    if (!receive(hello_size + handle_count))
        return socket_.get()->arm(direction::read);
    if (!verdict_)
        judge();
    if (!send())
        return socket_.get()->arm(direction::write);
    if (refusal_ == errc::malformed) // whoever sends this may say anything next
        throw_error(refusal_);
    if (!receive(received_.size()))
        return socket_.get()->arm(direction::read);
    if (refusal_)
        throw_error(refusal_);
    switch (std::to_integer<unsigned>(received_.back())) {
    case static_cast<unsigned>(verdict::agreed): return std::nullopt;
    case static_cast<unsigned>(verdict::too_large): throw_error(errc::too_large);
    default: throw_error(errc::unsupported);
    }
}

descriptor meeting::take()
{
    half out(std::move(memory_), std::move(*peer_bells_[0]), std::move(*bells_[1]));
    half in(std::move(peer_memory_), std::move(*peer_bells_[1]), std::move(*bells_[0]));
    return make_stream(std::move(out), capacity_, std::move(in), peer_capacity_);
}

/// Sends what can be sent already. Returns false if the socket is full.
bool meeting::send()
{
    const std::size_t end = hello_size + handle_count + (verdict_ ? 1 : 0);
    while (sent_size_ != end) {
        const std::byte one{sent_size_ < hello_size + handle_count ? std::uint8_t{1}
                                                                   : static_cast<std::uint8_t>(*verdict_)};
        const byte_view hello(std::span<const std::byte>(hello_).subspan(std::min(sent_size_, hello_size)));
        const byte_view rest = sent_size_ < hello_size ? hello : byte_view(&one, 1);
        const bool has_handle = sent_size_ >= hello_size && sent_size_ < hello_size + handle_count;
        const io_result r = has_handle ? socket_.get()->try_write({&rest, 1}, mine_[sent_size_ - hello_size].get())
                                       : socket_.get()->try_write({&rest, 1});
        if (r.status() == io_status::would_block)
            return false;
        if (r.status() == io_status::failed)
            throw_error(r.error());
        sent_size_ += r.size();
    }
    return true;
}

/// Receives up to so many bytes in all. Returns false if they have not come.
bool meeting::receive(std::size_t until)
{
    while (received_size_ < until) {
        // Only a read of one byte tells which handle came with it.
        const std::size_t most = received_size_ < hello_size ? hello_size - received_size_ : 1;
        const io_result r = socket_.get()->try_read(std::span(received_).subspan(received_size_, most));
        if (r.status() == io_status::would_block)
            return false;
        if (r.status() != io_status::moved)
            throw_error(r.status() == io_status::end ? error_code(errc::end_of_stream) : r.error());
        if (received_size_ >= hello_size && received_size_ < hello_size + handle_count) {
            if (const auto arrival = arrivals_->take(received_size_))
                theirs_[received_size_ - hello_size] = std::move(arrival->handle);
        }
        received_size_ += r.size();
        if (received_size_ == hello_size) {
            const std::span<const std::byte> hello(received_);
            const bool is_ours = std::ranges::equal(hello.first(version_at), std::span(hello_).first(version_at));
            if (!is_ours || get(hello.subspan(version_at, 4)) != version)
                throw_error(errc::malformed);
            peer_capacity_ = get(hello.subspan(capacity_at, 8));
        }
    }
    return true;
}

/// Opens what the peer has sent.
void meeting::judge()
{
    verdict_ = verdict::impossible;
    try {
        if (peer_capacity_ > max_peer_capacity_) {
            verdict_ = verdict::too_large;
            throw_error(errc::too_large);
        }
        if (peer_capacity_ < min_capacity || !std::has_single_bit(peer_capacity_))
            throw_error(errc::malformed);
        for (const os::unique_handle& h : theirs_) {
            if (!h.is_open())
                throw_error(errc::malformed);
        }
        peer_memory_ = map_memory(theirs_[0], peer_capacity_);
        for (std::size_t i = 0; i < peer_bells_.size(); ++i)
            peer_bells_[i] = open_bell(std::move(theirs_[i + 1]));
        verdict_ = verdict::agreed;
    } catch (const error& e) {
        refusal_ = e.code();
    }
}

} // namespace ferrule::shared_memory
