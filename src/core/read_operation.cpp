#include "src/core/read_operation.hpp"

#include "framing/separators.hpp"

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

namespace ferrule::detail {
namespace {

constexpr std::size_t max_shown = 64 * 1024; // bytes in an error

bool is_negative(std::size_t n) noexcept
{
    return n > static_cast<std::size_t>(PTRDIFF_MAX);
}

} // namespace

step read_operation::advance(bool now)
{
    step s = step::done;
    try {
        s = go_on(now);
    } catch (const std::bad_alloc&) {
        result = no_memory();
    }
    channel_.tell_other(side);
    return s;
}

step read_operation::go_on(bool now)
{
    if (channel_.read_refused) {
        result = channel_.read_refused;
        return step::done;
    }
    const bool begins_anew = request_.kind == read_request::what::frame || request_.kind == read_request::what::some;
    if (begins_anew && channel_.incoming.empty() && channel_.drained && !now)
        return step::wait; // sooner than a look would tell
    if (looks_again.is_never() && !channel_.incoming.empty())
        begin_gap();
    for (int turn = 0; turn < transfers_per_turn; ++turn) {
        const finding f = held_back_ ? *std::exchange(held_back_, {}) : look();
        if (f.kind == finding::what::nothing)
            return step::done;
        if (f.kind == finding::what::take) {
            if (hold_back) {
                held_back_ = f;
                return step::again;
            }
            take(f);
            delivered_ = true;
            result = f.error;
            return step::done;
        }
        if (f.kind == finding::what::failed) {
            result = f.error;
            bad_ = f.skip;
            return step::done;
        }
        if (channel_.drained && !now && request_.kind != read_request::what::available)
            return step::wait;
        const io_result r = read(f.skip);
        switch (r.status()) {
        case io_status::moved: begin_gap(); break;
        case io_status::larger: break;
        case io_status::would_block:
            note_drained(true);
            found_nothing_ = request_.kind == read_request::what::available || looks_again.expired();
            if (found_nothing_)
                break;
            return step::wait;
        case io_status::end:
            if (hold_back)
                return step::again;
            at_end();
            return step::done;
        case io_status::failed: result = r.error(); return step::done;
        }
    }
    return step::again;
}

// In memory, an attempt costs less than to wait without one.
void read_operation::note_drained(bool yes) noexcept
{
    channel_.drained = yes && !channel_.fd->in_memory();
}

// What is found only now may have arrived at any time before, so the silence counts from now.
void read_operation::begin_gap()
{
    if (request_.kind == read_request::what::silence)
        looks_again = request_.gap;
}

error_code read_operation::give_up(ending how) noexcept
{
    read_buffer& b = channel_.incoming;
    if (filled_ != 0)
        b.put_back(request_.into.first(std::exchange(filled_, 0)));
    b.settle();
    if (how == ending::abandoned || delivered_)
        return {};
    out.transferred = std::min(b.size(), bad_);
    try {
        out.data.clear();
        out.data.append(b.view().first(std::min(out.transferred, max_shown)));
    } catch (const std::bad_alloc&) { // the error matters more than what it shows
    }
    return {};
}

// ---- streams ----

read_operation::finding stream_read::look()
{
    read_buffer& b = channel_.incoming;
    switch (request_.kind) {
    case read_request::what::partial: return look_for_partial();
    case read_request::what::available:
        return found_nothing_ || b.size() >= request_.size ? finding::take(0, b.size()) : finding::need(1);
    case read_request::what::some:
        return b.empty() ? finding::need(1) : finding::take(0, std::min(b.size(), request_.size));
    case read_request::what::exactly:
        if (is_negative(request_.size))
            return finding::failed(errc::invalid_argument);
        return b.size() < request_.size ? finding::need(request_.size - b.size()) : finding::take(0, request_.size);
    case read_request::what::into:
    case read_request::what::some_into: {
        const std::size_t have = filled_ + b.size();
        if (have >= request_.into.size() || (have != 0 && request_.kind == read_request::what::some_into))
            return finding::take(0, 0);
        return finding::need(request_.into.size() - have);
    }
    case read_request::what::until: return look_for_separator();
    case read_request::what::silence:
        if (found_nothing_)
            return finding::take(0, b.size());
        [[fallthrough]];
    case read_request::what::all: return b.size() > request_.size ? finding::failed(errc::too_large) : finding::need(1);
    case read_request::what::frame: return look_for_frame();
    }
    return finding::failed(errc::invalid_argument);
}

read_operation::finding stream_read::look_for_separator()
{
    read_buffer& b = channel_.incoming;
    const std::string_view text = b.view().text();
    if (request_.separators.empty() || std::ranges::any_of(request_.separators, &std::string::empty))
        return finding::failed(errc::invalid_argument);
    if (text.empty())
        return finding::need(1);
    const std::size_t longest = std::ranges::max(request_.separators, {}, &std::string::size).size();
    const separator_match m = find_separator(text, b.searched(request_.separators), request_.separators);
    const std::size_t size = m.end - m.length;
    if (m.length != 0 && size <= request_.size)
        return request_.strip ? finding::take(0, size, m.length) : finding::take(0, m.end);
    if (m.length != 0 || is_overlong(text.size(), request_.size, longest))
        return finding::failed(errc::too_large, m.length != 0 ? m.end : SIZE_MAX);
    b.set_searched(request_.separators, text.size());
    return finding::need(1);
}

read_operation::finding stream_read::look_for_frame()
{
    const decode_result d = decode();
    is_between_messages_ = d.is_between_messages();
    switch (d.status()) {
    case decode_status::need_more: return finding::need(d.needed());
    case decode_status::skip:
    case decode_status::failed: return finding::failed(d.error(), d.size());
    case decode_status::frame: break;
    }
    return finding::take(d.header(), d.payload(), d.trailer());
}

// Drops the noise in front of the frame. An operation whose result nobody gets may do that as well, since the next one
// would.
decode_result stream_read::decode()
{
    read_buffer& b = channel_.incoming;
    for (;;) {
        const decode_result d = request_.decoder(b.view(), b.position());
        if (d.status() != decode_status::skip)
            return d;
        if (d.size() == 0 || d.size() > b.size())
            return decode_result::failed(errc::framing_failed);
        bytes none;
        b.take(0, 0, d.size(), none);
        channel_.skipped.fetch_add(d.size(), std::memory_order_relaxed);
    }
}

// A whole message has no partial bytes.
read_operation::finding stream_read::look_for_partial()
{
    std::size_t size = channel_.incoming.size();
    if (request_.decoder && size != 0) {
        try {
            const finding f = look_for_frame();
            size = channel_.incoming.size(); // without the noise
            if (f.kind == finding::what::take)
                size = 0;
            else if (f.kind == finding::what::failed)
                size = std::min(size, f.skip);
        } catch (...) { // the reader could not go on either, so all bytes are partial
        }
    }
    return finding::take(0, size);
}

io_result stream_read::read(std::size_t needed)
{
    read_buffer& b = channel_.incoming;
    if (fills_memory() && request_.outlived && needed >= read_buffer::large) {
        b.lend(request_.into.size());
        filled_ += b.take_into(request_.into.subspan(filled_));
        const auto rest = request_.into.subspan(filled_);
        const io_result r = channel_.fd->try_read(rest);
        filled_ += r.size();
        b.passed(r.size());
        note_drained(r.status() == io_status::moved && r.size() < rest.size());
        return r;
    }
    const std::span<std::byte> room = b.room(needed);
    const io_result r = channel_.fd->try_read(room);
    b.filled(r.size());
    note_drained(r.status() == io_status::moved && r.size() < room.size());
    return r;
}

void stream_read::take(const finding& f)
{
    read_buffer& b = channel_.incoming;
    if (fills_memory()) {
        filled_ += b.take_into(request_.into.subspan(filled_));
        out.transferred = std::exchange(filled_, 0); // delivered, so nothing is given back
        b.settle();
    } else if (request_.peek) {
        if (request_.kind != read_request::what::available)
            out.data = bytes(b.view().subspan(f.skip, f.size));
        out.transferred = f.size;
    } else {
        b.take(f.skip, f.size, f.drop, request_.reuse != nullptr ? *request_.reuse : out.data);
        out.transferred = f.size;
    }
}

void stream_read::at_end()
{
    const bool clean = (channel_.incoming.empty() && filled_ == 0) || is_between_messages_;
    const bool silent = request_.kind == read_request::what::silence && !channel_.incoming.empty();
    if (silent || request_.kind == read_request::what::all || request_.kind == read_request::what::available) {
        take(finding::take(0, channel_.incoming.size()));
        out.ended = request_.kind == read_request::what::available;
    } else if (clean && request_.end_is_nothing)
        out.ended = true;
    else
        result = clean ? errc::end_of_stream : errc::truncated;
}

// ---- packets ----

read_operation::finding packet_read::look()
{
    const std::size_t size = channel_.incoming.size();
    std::size_t max_size = SIZE_MAX;
    switch (request_.kind) {
    case read_request::what::partial: return finding::take(0, size);
    case read_request::what::available:
        return channel_.packet_held ? finding::take(0, size) : found_nothing_ ? finding::nothing() : finding::need(1);
    case read_request::what::until:
    case read_request::what::silence:
    case read_request::what::all: return finding::failed(errc::unsupported);
    case read_request::what::exactly: max_size = request_.size; break;
    case read_request::what::into:
    case read_request::what::some_into: max_size = request_.into.size(); break;
    case read_request::what::some:
    case read_request::what::frame: break;
    }
    if (is_negative(max_size) && request_.kind == read_request::what::exactly)
        return finding::failed(errc::invalid_argument);
    if (max_size == 0)
        return finding::nothing();
    if (!channel_.packet_held)
        return finding::need(1);
    if (request_.kind == read_request::what::frame && size > request_.size) {
        const std::size_t shown = std::min(size, max_shown);
        return finding::take(0, shown, size - shown, errc::too_large);
    }
    if (size > max_size)
        return finding::take(0, max_size, size - max_size, errc::packet_truncated);
    return finding::take(0, size);
}

io_result packet_read::read(std::size_t)
{
    read_buffer& b = channel_.incoming;
    io_result r = channel_.fd->try_read(b.room_for_packet(0));
    if (r.status() == io_status::larger)
        r = channel_.fd->try_read(b.room_for_packet(r.size()));
    channel_.packet_held = r.status() == io_status::moved;
    b.filled(channel_.packet_held ? r.size() : 0);
    channel_.drained = false;
    return r;
}

void packet_read::take(const finding& f)
{
    read_buffer& b = channel_.incoming;
    if (request_.peek) {
        if (request_.kind != read_request::what::available)
            out.data = bytes(b.view());
        out.transferred = f.size;
        return;
    }
    if (fills_memory()) {
        (void)b.take_into(request_.into.first(f.size));
        bytes none;
        b.take(0, 0, f.drop, none);
    } else
        b.take(0, f.size, f.drop, request_.reuse != nullptr && !f.error ? *request_.reuse : out.data);
    out.transferred = f.size;
    out.taken = f.error == errc::packet_truncated;
    channel_.packet_held = false;
}

void packet_read::at_end()
{
    if (request_.end_is_nothing || request_.kind == read_request::what::available)
        out.ended = true;
    else
        result = errc::end_of_stream;
}

} // namespace ferrule::detail
