#include "src/write_operation.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <array>
#include <new>

namespace ferrule::detail {

step write_operation::advance(bool)
{
    if (channel_.write_refused) {
        result = channel_.write_refused;
        return step::done;
    }
    try {
        return packet_ ? send_packet() : send_bytes();
    } catch (const std::bad_alloc&) {
        result = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
        return step::done;
    }
}

step write_operation::send_bytes()
{
    // Copying a few bytes costs less than telling the system where the pieces are. One piece needs neither.
    if (frame_ != nullptr && channel_.tail.empty() && total_ - sent_ <= joined_at_most && frame_->parts() != 1) {
        std::array<std::byte, joined_at_most> joined;
        std::size_t n = 0;
        std::size_t skip = offset_;
        for (std::size_t i = part_; i < frame_->parts(); ++i, skip = 0) {
            const byte_view piece = frame_->part(i).subspan(skip);
            std::memcpy(joined.data() + n, piece.data(), piece.size());
            n += piece.size();
        }
        const byte_view all(joined.data(), n);
        const io_result r = n == 0 ? io_result::moved(0) : write({&all, 1});
        if (r.what() != io_result::status::moved)
            return stopped(r);
        if (r.size() != n) {
            consume(r.size());
            return step::wait;
        }
        sent_ += n;
        frame_->tell(sent_);
        end();
        return step::done;
    }
    for (int turn = 0; turn < transfers_per_turn; ++turn) {
        std::array<byte_view, most_views> views;
        std::size_t n = 0;
        std::size_t asked = 0;
        const auto add = [&](byte_view v) {
            views[n++] = v;
            asked += v.size();
        };
        if (!channel_.tail.empty())
            add(channel_.tail);
        if (frame_ != nullptr && (n == 0 || !brings_handle())) {
            std::size_t skip = offset_;
            std::size_t most = frame_->is_watched() ? watched_at_most : SIZE_MAX;
            for (std::size_t i = part_; i < frame_->parts() && n < views.size() && most != 0; ++i, skip = 0) {
                const byte_view rest = frame_->part(i).subspan(skip);
                add(rest.first(std::min(rest.size(), most)));
                most -= std::min(rest.size(), most);
            }
        }
        if (asked == 0) {
            end();
            return step::done;
        }
        const io_result r = write({views.data(), n});
        if (r.what() != io_result::status::moved)
            return stopped(r);
        consume(r.size());
        if (r.size() < asked)
            return step::wait; // no room for more: trying again would say so
    }
    return step::again;
}

// A packet leaves whole or not at all, so there never is a tail.
step write_operation::send_packet()
{
    std::array<byte_view, most_views> views;
    std::size_t n = 0;
    for (std::size_t i = 0; i < frame_->parts(); ++i) {
        if (!frame_->is_payload(i))
            continue;
        if (n == views.size()) { // more than go into one call
            frame_->join_payload();
            return send_packet();
        }
        views[n++] = frame_->part(i);
    }
    const io_result r = write({views.data(), n});
    if (r.what() != io_result::status::moved)
        return stopped(r);
    sent_ = r.size();
    frame_->tell(frame_->size());
    return step::done;
}

bool write_operation::brings_handle() const noexcept
{
    return frame_ != nullptr && sent_ == 0 && frame_->attached() != invalid_handle;
}

io_result write_operation::write(std::span<const byte_view> views) noexcept
{
    if (channel_.tail.empty() && brings_handle())
        return channel_.fd->try_write(views, frame_->attached());
    return channel_.fd->try_write(views);
}

step write_operation::stopped(const io_result& r) noexcept
{
    if (r.what() == io_result::status::would_block)
        return step::wait;
    result = r.what() == io_result::status::failed ? r.error() : error_code(errc::closed);
    return step::done;
}

void write_operation::end() noexcept
{
    if (!shut_down_)
        return;
    result = channel_.fd->shutdown_write();
    // An end that only writes is half-closed by closing it.
    if (result == errc::unsupported && !channel_.fd->can(direction::read)) {
        channel_.shut(false);
        result = {};
    }
}

void write_operation::consume(std::size_t n)
{
    if (!channel_.tail.empty()) {
        const std::size_t old = std::min(n, channel_.tail.size());
        channel_.tail.drop_front(old);
        channel_.unsent.store(channel_.tail.size(), std::memory_order_release);
        if (channel_.tail.empty())
            channel_.tail.reset();
        n -= old;
    }
    if (n == 0)
        return;
    sent_ += n;
    offset_ += n;
    while (part_ < frame_->parts() && offset_ >= frame_->part(part_).size())
        offset_ -= frame_->part(part_++).size();
    frame_->tell(sent_);
}

void write_operation::give_up() noexcept
{
    if (sent_ == 0 || sent_ == total_ || !channel_.is_open())
        return;
    try {
        // A frame that has started leaves no tail before it, so this becomes the whole of it.
        bytes* const kept = frame_->kept();
        if (kept != nullptr && part_ + 1 == frame_->parts() && frame_->part(part_).data() == kept->data()) {
            channel_.tail = std::move(*kept);
            channel_.tail.drop_front(offset_);
        } else {
            channel_.tail.reserve(total_ - sent_);
            for (std::size_t skip = offset_; part_ < frame_->parts(); ++part_, skip = 0)
                channel_.tail.append(frame_->part(part_).subspan(skip));
        }
        channel_.unsent.store(channel_.tail.size(), std::memory_order_release);
    } catch (const std::bad_alloc&) {
        channel_.tail.reset();
        channel_.write_refused = errc::torn;
    }
}

} // namespace ferrule::detail
