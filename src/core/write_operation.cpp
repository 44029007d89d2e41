#include "src/core/write_operation.hpp"

#include <algorithm>
#include <array>
#include <new>

namespace ferrule::detail {
namespace {

constexpr std::size_t max_views = 64; // in one call
// Copying a few bytes costs less than telling the system where the pieces are.
constexpr std::size_t max_joined = 4096;
constexpr std::size_t max_watched = 256 * 1024;

} // namespace

step write_operation::advance(bool)
{
    if (channel_.write_refused) {
        result = channel_.write_refused;
        return step::done;
    }
    // Stored before anything leaves, so that `close` never reports too few unsent bytes.
    channel_.under_way.store(to_leave(), std::memory_order_seq_cst);
    if (!channel_.is_open()) {
        result = errc::closed;
        return step::done;
    }
    step s = step::again;
    try {
        if (!hold_back)
            s = channel_.packets && kind_ == write_request::what::send ? send_packet() : go_on();
    } catch (const std::bad_alloc&) {
        result = no_memory();
        s = step::done;
    }
    if (s != step::done && frame_.sent() != 0 && !outlived_)
        own_rest();
    channel_.under_way.store(s == step::done ? 0 : to_leave(), std::memory_order_release);
    channel_.tell_other(side);
    return s;
}

std::size_t write_operation::to_leave() const noexcept
{
    if (!channel_.packets)
        return frame_.left();
    std::size_t payload = 0; // a packet carries only the payload
    const encoded& frame = frame_.frame();
    for (std::size_t i = 0; i < frame.parts(); ++i)
        payload += frame.is_payload(i) ? frame.part(i).size() : 0;
    return payload;
}

// A frame that has begun must go out whole, even if the context ends and the caller's memory with it.
void write_operation::own_rest() noexcept
{
    try {
        frame_.own_rest();
    } catch (const std::bad_alloc&) { // then such an end tears the frame, and `give_up` reports it
    }
}

step write_operation::go_on()
{
    for (int turn = 0; turn < transfers_per_turn; ++turn) {
        const std::size_t asked_of_tail = channel_.tail.view().size();
        if (asked_of_tail + frame_.left() == 0)
            return end();
        if (asked_of_tail == 0 && frame_.left() <= max_joined && frame_.frame().parts() > 1) {
            std::array<std::byte, max_joined> joined;
            const byte_view all(joined.data(), frame_.left());
            frame_.copy_to(joined.data());
            const io_result r = write({&all, 1});
            if (r.status() != io_status::moved)
                return stopped(r);
            consume(r.size());
            if (r.size() < all.size())
                return step::wait;
            continue;
        }
        std::array<byte_view, max_views> views;
        std::size_t n = 0;
        if (asked_of_tail != 0)
            views[n++] = channel_.tail.view();
        if (n == 0 || !brings_handle())
            n += frame_.views(std::span(views).subspan(n), frame_.frame().is_watched() ? max_watched : SIZE_MAX);
        const io_result r = write({views.data(), n});
        if (r.status() != io_status::moved)
            return stopped(r);
        consume(r.size());
        if (r.size() < total_size({views.data(), n}))
            return step::wait; // there is no room for more
    }
    return step::again;
}

step write_operation::send_packet()
{
    std::array<byte_view, max_views> views;
    std::size_t n = 0;
    encoded& frame = frame_.frame();
    for (std::size_t i = 0; i < frame.parts(); ++i) {
        if (!frame.is_payload(i))
            continue;
        if (n == views.size()) { // too many for one call
            frame.join_payload();
            return send_packet();
        }
        views[n++] = frame.part(i);
    }
    const io_result r = write({views.data(), n});
    if (r.status() != io_status::moved)
        return stopped(r);
    out.transferred = r.size();
    frame.tell(frame.size());
    return step::done;
}

bool write_operation::brings_handle() const noexcept
{
    return frame_.sent() == 0 && frame_.frame().attached() != invalid_handle;
}

io_result write_operation::write(std::span<const byte_view> views) noexcept
{
    if (channel_.tail.empty() && brings_handle())
        return channel_.fd->try_write(views, frame_.frame().attached());
    return channel_.fd->try_write(views);
}

step write_operation::stopped(const io_result& r) noexcept
{
    if (r.status() == io_status::would_block)
        return step::wait;
    result = r.status() == io_status::failed ? r.error() : error_code(errc::closed);
    return step::done;
}

// The descriptor may hold bytes that it has taken, such as an encrypted record. The operation ends when they have left,
// unless the descriptor sends them without being asked.
io_result write_operation::settle() noexcept
{
    if (kind_ == write_request::what::drain)
        return channel_.fd->try_drain();
    const bool waits = kind_ == write_request::what::flush || kind_ == write_request::what::close;
    return waits || !channel_.fd->sends_in_background() ? channel_.fd->try_flush() : io_result::moved(0);
}

step write_operation::end() noexcept
{
    io_result flushed = settle();
    if (flushed.status() == io_status::moved && kind_ == write_request::what::shutdown) {
        result = channel_.fd->shutdown_write();
        // An end that only writes is half-closed by closing it.
        if (result == errc::unsupported && !channel_.fd->can(direction::read)) {
            channel_.shut(false);
            result = {};
        } else if (!result)
            flushed = channel_.fd->try_flush();
    }
    is_held_ = flushed.status() != io_status::moved;
    return flushed.status() == io_status::moved ? step::done : stopped(flushed);
}

void write_operation::consume(std::size_t n)
{
    const std::size_t of_tail = std::min(n, channel_.tail.view().size());
    if (of_tail != 0)
        channel_.tail.sent(of_tail);
    if (n == of_tail)
        return;
    out.transferred += n - of_tail;
    frame_.advance(n - of_tail);
}

error_code write_operation::give_up(ending how) noexcept
{
    if (!channel_.is_open())
        return {}; // `close` reports the unsent bytes
    // The error must not say that the whole frame has left, nor that nothing has: it will go out.
    if (is_held_ && out.transferred > 1)
        --out.transferred;
    error_code torn;
    if (frame_.sent() != 0 && frame_.left() != 0) { // the old tail has left, so the rest becomes the tail
        try {
            if (how == ending::abandoned && !outlived_ && frame_.borrows())
                torn = errc::torn;
            else
                channel_.tail.keep(frame_.take_rest());
        } catch (const std::bad_alloc&) {
            torn = errc::torn;
        }
    }
    if (torn)
        channel_.write_refused = torn;
    channel_.under_way.store(0, std::memory_order_release);
    return torn;
}

} // namespace ferrule::detail
