#include "platform/shared_memory/stream.hpp"

#include <ferrule/detail/fork_generation.hpp>

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace ferrule::shared_memory {
namespace {

// A message is published in pieces, so that the peer copies the first while the next one is written.
constexpr std::uint64_t max_piece = 32 * 1024;
// Whether the peer still lives costs a system call, so only some of the attempts ask.
constexpr unsigned attempts_per_question = 64;

error_code broken() noexcept
{
    return boost::system::errc::make_error_code(boost::system::errc::broken_pipe);
}
error_code killed() noexcept
{
    return boost::system::errc::make_error_code(boost::system::errc::connection_reset);
}

/// One direction. Its calls follow one another, as those of a descriptor do.
template <direction Side>
class moving {
public:
    moving(half h, std::uint64_t capacity)
        : half_(std::move(h)),
          data_(half_.memory->data()),
          side_(half_.memory->ring(), capacity),
          capacity_(capacity)
    {
    }

    /// Waits for nothing. Returns `moved(0)` if bytes can be moved.
    io_result look() noexcept
    {
        const bool has_waited = std::exchange(waits_, false);
        const bool was_woken = has_waited && side_.end_wait();
        if (side_.available() == 0 && !side_.look())
            return io_result::failed(errc::malformed);
        if (was_woken || (has_waited && side_.available() == 0))
            silence();
        if (side_.available() != 0)
            return io_result::moved(0);
        if (++attempts_ % attempts_per_question == 0)
            silence();
        if (!side_.peer_has_ended() && !is_alone_)
            return io_result::would_block();
        if (!side_.look()) // it may have moved bytes before it ended
            return io_result::failed(errc::malformed);
        if (side_.available() != 0)
            return io_result::moved(0);
        return side_.peer_has_ended() ? io_result::end() : io_result::failed(killed());
    }

    /// `copy(ring, n)` copies `n` bytes between the caller's and those of the ring, in the order of the calls.
    template <class Copy>
    void move(std::uint64_t n, Copy copy) noexcept
    {
        while (n != 0) {
            const std::uint64_t piece = std::min({n, max_piece, capacity_ - side_.position()});
            copy(data_ + side_.position(), static_cast<std::size_t>(piece));
            if (side_.advance(piece))
                wake();
            n -= piece;
        }
    }
    [[nodiscard]] std::uint64_t available() const noexcept { return side_.available(); }

    readiness arm() noexcept
    {
        if (std::exchange(waits_, true) && side_.end_wait())
            silence(); // or this ring would count for the wait that begins
        side_.announce_wait();
        if (!side_.look() || side_.available() != 0 || side_.peer_has_ended())
            return readiness::now();
        return half_.bell.get()->arm(direction::read);
    }

    [[nodiscard]] bool peer_has_ended() const noexcept { return side_.peer_has_ended(); }
    void end() noexcept
    {
        if (side_.end())
            wake();
    }

private:
    void wake() noexcept
    {
        static constexpr std::byte one{1};
        const byte_view ring(&one, 1);
        (void)half_.wakes_peer.get()->try_write({&ring, 1}); // a full pipe rings already
    }
    void silence() noexcept
    {
        std::array<std::byte, 64> rings;
        if (half_.bell.get()->try_read(rings).status() == io_status::end)
            is_alone_ = true;
    }

    half half_;
    std::byte* const data_;
    ring_side<std::atomic<std::uint64_t>, Side> side_;
    const std::uint64_t capacity_;
    unsigned attempts_ = 0;
    bool waits_ = false;    // `arm` has announced it
    bool is_alone_ = false; // the peer has gone
};

class stream {
public:
    stream(half out, std::uint64_t out_capacity, half in, std::uint64_t in_capacity)
        : state_(std::make_unique<state>(std::move(out), out_capacity, std::move(in), in_capacity))
    {
    }

    io_result try_read(std::span<std::byte> to) noexcept
    {
        if (is_forked())
            return io_result::failed(errc::forked);
        moving<direction::read>& in = state_->in;
        if (const io_result r = in.look(); r.status() != io_status::moved)
            return r;
        const std::size_t n = std::min(to.size(), static_cast<std::size_t>(in.available()));
        std::byte* next = to.data();
        in.move(n, [&](const std::byte* ring, std::size_t size) {
            std::memcpy(next, ring, size);
            next += size;
        });
        return io_result::moved(n);
    }

    io_result try_write(std::span<const byte_view> from) noexcept
    {
        if (is_forked())
            return io_result::failed(errc::forked);
        moving<direction::write>& out = state_->out;
        if (out.peer_has_ended())
            return io_result::failed(broken());
        if (const io_result r = out.look(); r.status() != io_status::moved)
            return r.status() == io_status::end ? io_result::failed(broken()) : r;
        std::size_t size = 0;
        for (const byte_view part : from)
            size += part.size();
        size = std::min(size, static_cast<std::size_t>(out.available()));
        std::size_t in_part = 0;
        out.move(size, [&](std::byte* ring, std::size_t left) {
            while (left != 0) {
                const byte_view part = from.front().subspan(in_part);
                const std::size_t n = std::min(part.size(), left);
                std::copy_n(part.data(), n, ring);
                ring += n;
                left -= n;
                in_part += n;
                if (in_part == from.front().size()) {
                    from = from.subspan(1);
                    in_part = 0;
                }
            }
        });
        return io_result::moved(size);
    }

    readiness arm(direction d) noexcept
    {
        if (is_forked())
            return readiness::now();
        return d == direction::read ? state_->in.arm() : state_->out.arm();
    }
    error_code shutdown_write() noexcept
    {
        if (is_forked())
            return errc::forked;
        state_->out.end();
        return {};
    }
    void close() noexcept
    {
        if (!is_forked()) { // the parent goes on
            state_->out.end();
            state_->in.end();
        }
        state_.reset();
    }
    [[nodiscard]] static bool in_memory() noexcept { return true; }
    [[nodiscard]] bool inheritable() const noexcept { return false; }
    error_code set_inheritable(bool on) noexcept { return on ? error_code(errc::unsupported) : error_code(); }

private:
    struct state {
        state(half o, std::uint64_t out_capacity, half i, std::uint64_t in_capacity)
            : out(std::move(o), out_capacity),
              in(std::move(i), in_capacity)
        {
        }
        moving<direction::write> out;
        moving<direction::read> in;
        std::uint32_t generation = detail::fork_generation();
    };

    [[nodiscard]] bool is_forked() const noexcept { return detail::fork_generation() != state_->generation; }

    std::unique_ptr<state> state_;
};

} // namespace

descriptor make_stream(half out, std::uint64_t out_capacity, half in, std::uint64_t in_capacity)
{
    return stream(std::move(out), out_capacity, std::move(in), in_capacity);
}

} // namespace ferrule::shared_memory
