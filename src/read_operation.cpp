#include "src/read_operation.hpp"

#include "framing/separators.hpp"
#include "platform/per_thread.hpp"

#include <boost/system/errc.hpp>

#include <algorithm>
#include <cstdint>
#include <new>
#include <utility>

namespace ferrule::detail {
namespace {

// How much is asked for when it is not known how much will come.
constexpr std::size_t read_ahead = 64 * 1024;
// How much is asked for behind a large frame: enough to see whether more has come, and little to copy.
constexpr std::size_t peek_ahead = 64;
// How much memory may wait for bytes that were announced but have not arrived, beyond as many as have.
constexpr std::size_t trusted = (1024 - 64) * 1024;
// From this size on, bytes are read straight to where the caller wants them, and whole messages change hands.
constexpr std::size_t large = 16 * 1024;
constexpr std::size_t shown_on_error = 64 * 1024;
constexpr std::size_t largest_spare = (1024 + 4) * 1024;

// Empty buffers leave their memory here for the next read of this thread, so that an idle endpoint holds none.
struct spare_memory {
    bytes b;
};

bool is_negative(std::size_t n) noexcept
{
    return n > static_cast<std::size_t>(PTRDIFF_MAX); // a negative number was passed
}

void put_away(bytes& b) noexcept
{
    try {
        bytes& spare = os::per_thread<spare_memory>().b;
        if (b.footprint() > spare.footprint() && b.footprint() <= largest_spare)
            b.swap(spare);
    } catch (...) { // then this thread keeps none
    }
    b.reset();
}

} // namespace

step read_operation::advance(bool eager)
{
    try {
        return go_on(eager);
    } catch (const std::bad_alloc&) {
        result = boost::system::errc::make_error_code(boost::system::errc::not_enough_memory);
        return step::done;
    }
}

step read_operation::go_on(bool eager)
{
    if (channel_.read_refused) {
        result = channel_.read_refused;
        return step::done;
    }
    for (int turn = 0; turn < transfers_per_turn; ++turn) {
        const finding f = held_back_ ? *std::exchange(held_back_, {}) : channel_.packets ? look_at_packet() : look();
        if (f.kind == finding::what::nothing)
            return step::done;
        if (f.kind == finding::what::take) {
            if (hold_back) {
                held_back_ = f;
                return step::again;
            }
            channel_.packets ? take_packet(f) : take(f);
            result = f.error;
            return step::done;
        }
        if (f.kind == finding::what::failed) {
            result = f.error;
            return step::done;
        }
        if (channel_.drained && !eager)
            return step::wait;
        const io_result r = channel_.packets ? read_packet() : read(f.skip);
        switch (r.what()) {
        case io_result::status::moved: break;
        case io_result::status::larger: channel_.buffered.reserve(r.size()); break;
        case io_result::status::would_block: channel_.drained = true; return step::wait;
        case io_result::status::end:
            if (hold_back)
                return step::again;
            at_end();
            return step::done;
        case io_result::status::failed: result = r.error(); return step::done;
        }
    }
    return step::again;
}

void read_operation::fill_from_buffer() noexcept
{
    const std::size_t n = std::min(request_.into.size() - filled_, channel_.buffered.size());
    if (n == 0)
        return;
    std::memcpy(request_.into.data() + filled_, channel_.buffered.data(), n);
    channel_.buffered.drop_front(n);
    channel_.position += n;
    filled_ += n;
}

read_operation::finding read_operation::look()
{
    const bytes& b = channel_.buffered;
    switch (request_.kind) {
    case read_request::what::buffered: return finding::take(0, b.size());
    case read_request::what::some:
        return b.empty() ? finding::need(1) : finding::take(0, std::min(b.size(), request_.size));
    case read_request::what::exactly:
        if (is_negative(request_.size))
            return finding::failed(errc::invalid_argument);
        return b.size() < request_.size ? finding::need(request_.size - b.size()) : finding::take(0, request_.size);
    case read_request::what::into:
    case read_request::what::some_into:
        fill_from_buffer();
        if (filled_ == request_.into.size() || (filled_ != 0 && request_.kind == read_request::what::some_into))
            return finding::take(0, 0);
        return finding::need(request_.into.size() - filled_);
    case read_request::what::until: return look_for_separator();
    case read_request::what::all: return b.size() > request_.size ? finding::failed(errc::too_large) : finding::need(1);
    case read_request::what::frame: {
        const decode_result d = request_.decoder(b, channel_.position);
        if (d.what() == decode_result::outcome::failed)
            return finding::failed(d.error());
        if (d.what() == decode_result::outcome::need_more)
            return finding::need(d.needed());
        return finding::take(d.header(), d.payload(), d.trailer());
    }
    }
    return finding::failed(errc::invalid_argument);
}

read_operation::finding read_operation::look_for_separator()
{
    const std::string_view text = channel_.buffered.text();
    std::size_t longest = 0;
    for (const std::string& s : request_.separators) {
        if (s.empty())
            return finding::failed(errc::invalid_argument);
        longest = std::max(longest, s.size());
    }
    const separator_match m = find_separator(text, searched_, request_.separators);
    const std::size_t size = m.end - m.length;
    if (m.length != 0 && size <= request_.size)
        return request_.strip ? finding::take(0, size, m.length) : finding::take(0, m.end);
    if (m.length != 0 || is_overlong(text.size(), request_.size, longest))
        return finding::failed(errc::too_large);
    searched_ = text.size();
    return finding::need(1);
}

io_result read_operation::read(std::size_t needed)
{
    const bool direct = request_.kind == read_request::what::into || request_.kind == read_request::what::some_into;
    if (direct && needed >= large) {
        const auto rest = request_.into.subspan(filled_);
        const io_result r = channel_.fd->try_read(rest);
        filled_ += r.size();
        channel_.position += r.size();
        channel_.drained = r.what() == io_result::status::moved && r.size() < rest.size();
        return r;
    }
    bytes& b = channel_.buffered;
    std::size_t wanted = std::clamp(b.size() / 2, read_ahead, trusted);
    if (needed > 1 && b.size() + needed >= large) // the rest of a frame whose size is known
        wanted = needed + peek_ahead;
    else if (b.size() < large && channel_.last_taken >= large) // the next frame is likely to be like the last
        wanted = channel_.last_taken - b.size() + peek_ahead;
    wanted = std::min(wanted, b.size() + trusted);
    if (b.footprint() == 0)
        b.swap(os::per_thread<spare_memory>().b);
    b.reserve(b.size() + wanted);
    const io_result r = channel_.fd->try_read(b.spare().first(wanted));
    b.commit(r.size());
    channel_.drained = r.what() == io_result::status::moved && r.size() < wanted;
    if (b.empty())
        put_away(b);
    return r;
}

io_result read_operation::read_packet()
{
    bytes& b = channel_.buffered;
    if (b.footprint() == 0)
        b.swap(os::per_thread<spare_memory>().b);
    b.reserve(read_ahead);
    const io_result r = channel_.fd->try_read(b.spare());
    if (r.what() == io_result::status::moved) {
        b.commit(r.size());
        channel_.packet_held = true;
    } else if (r.what() != io_result::status::larger)
        put_away(b);
    channel_.drained = false;
    return r;
}

read_operation::finding read_operation::look_at_packet() const
{
    const std::size_t size = channel_.buffered.size();
    std::size_t most = SIZE_MAX;
    switch (request_.kind) {
    case read_request::what::buffered: return finding::take(0, size);
    case read_request::what::until:
    case read_request::what::all: return finding::failed(errc::unsupported);
    case read_request::what::exactly: most = request_.size; break;
    case read_request::what::into:
    case read_request::what::some_into: most = request_.into.size(); break;
    case read_request::what::some:
    case read_request::what::frame: break;
    }
    if (is_negative(most) && request_.kind == read_request::what::exactly)
        return finding::failed(errc::invalid_argument);
    if (most == 0)
        return finding::nothing();
    if (!channel_.packet_held)
        return finding::need(1);
    if (request_.kind == read_request::what::frame && size > request_.size) {
        const std::size_t shown = std::min(size, shown_on_error);
        return finding::spoiled(shown, size - shown, errc::too_large);
    }
    if (size > most)
        return finding::spoiled(most, size - most, errc::packet_truncated);
    return finding::take(0, size);
}

void read_operation::take_packet(const finding& f)
{
    delivered_ = true;
    bytes& b = channel_.buffered;
    if (request_.kind == read_request::what::into || request_.kind == read_request::what::some_into) {
        std::memcpy(request_.into.data(), b.data(), f.size);
        out_.transferred = f.size;
        b.drop_front(f.size + f.drop);
        channel_.position += f.size + f.drop;
        put_away(b);
    } else
        take(f);
    channel_.packet_held = false;
}

void read_operation::take(const finding& f)
{
    bytes& b = channel_.buffered;
    bytes& to = request_.reuse != nullptr && !f.error ? *request_.reuse : out_.data;
    const std::size_t whole = f.skip + f.size + f.drop;
    const std::size_t rest = b.size() - whole;
    const bool hand_over = f.size >= large && rest <= peek_ahead && b.footprint() <= 2 * f.size;
    to.reserve(hand_over ? rest : f.size); // before anything changes
    to.clear();
    if (hand_over) {
        to.append(byte_view(b).subspan(whole));
        b.drop_front(f.skip);
        b.resize(f.size);
        to.swap(b);
    } else {
        to.append(byte_view(b).subspan(f.skip, f.size));
        b.drop_front(whole);
    }
    if (b.empty() && b.footprint() != 0)
        put_away(b);
    channel_.last_taken = whole;
    channel_.position += whole;
    out_.transferred = f.size + filled_;
    filled_ = 0; // delivered: nothing to give back
}

void read_operation::at_end()
{
    if (request_.kind == read_request::what::all)
        take(finding::take(0, channel_.buffered.size()));
    else
        result = channel_.buffered.empty() && filled_ == 0 ? errc::end_of_stream : errc::truncated;
}

void read_operation::give_up() noexcept
{
    if (filled_ == 0)
        return;
    try {
        // In front of what is left in the buffer, if that held more than was asked for.
        bytes whole(byte_view(request_.into.first(filled_)));
        whole.append(channel_.buffered);
        channel_.buffered.swap(whole);
        channel_.position -= filled_;
        filled_ = 0;
    } catch (const std::bad_alloc&) {
        channel_.read_refused = errc::torn;
    }
}

void read_operation::report() noexcept
{
    if (delivered_)
        return;
    const bytes& b = channel_.buffered;
    out_.transferred = b.size();
    try {
        out_.data.clear();
        out_.data.append(byte_view(b).first(std::min(b.size(), shown_on_error)));
    } catch (const std::bad_alloc&) { // the error matters more than what it shows
    }
}

} // namespace ferrule::detail
