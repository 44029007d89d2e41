#include "src/core/outgoing_frame.hpp"

#include <algorithm>
#include <utility>

namespace ferrule::detail {

std::size_t outgoing_frame::views(std::span<byte_view> out, std::size_t max_size) const noexcept
{
    if (!rest_.empty()) {
        out[0] = byte_view(rest_).first(std::min(rest_.size(), max_size));
        return 1;
    }
    std::size_t n = 0;
    for (std::size_t i = part_; i < frame_.parts() && n < out.size() && max_size != 0; ++i) {
        const byte_view rest = rest_of(i);
        out[n] = rest.first(std::min(rest.size(), max_size));
        max_size -= out[n++].size();
    }
    return n;
}

void outgoing_frame::copy_to(std::byte* out) const noexcept
{
    if (!rest_.empty()) {
        std::copy(rest_.begin(), rest_.end(), out);
        return;
    }
    for (std::size_t i = part_; i < frame_.parts(); ++i) {
        const byte_view rest = rest_of(i);
        out = std::copy(rest.begin(), rest.end(), out);
    }
}

void outgoing_frame::advance(std::size_t n)
{
    sent_ += n;
    if (rest_.empty())
        offset_ += n;
    else
        rest_.drop_front(n);
    while (part_ < frame_.parts() && offset_ >= frame_.part(part_).size())
        offset_ -= frame_.part(part_++).size();
    frame_.tell(sent_);
}

bool outgoing_frame::is_kept(std::size_t i) const noexcept
{
    const bytes* const kept = frame_.kept();
    return kept != nullptr && frame_.part(i).data() == kept->data();
}

bool outgoing_frame::borrows() const noexcept
{
    if (!rest_.empty())
        return false;
    for (std::size_t i = part_; i < frame_.parts(); ++i)
        if (frame_.is_payload(i) && !is_kept(i))
            return true;
    return false;
}

void outgoing_frame::own_rest()
{
    if (!borrows())
        return;
    rest_ = take_rest();
    part_ = frame_.parts();
    offset_ = 0;
}

bytes outgoing_frame::take_rest()
{
    if (!rest_.empty())
        return std::move(rest_);
    if (part_ + 1 == frame_.parts() && is_kept(part_)) {
        bytes rest = std::move(*frame_.kept());
        rest.drop_front(offset_);
        return rest;
    }
    bytes rest;
    rest.resize(left());
    copy_to(rest.data());
    return rest;
}

} // namespace ferrule::detail
