// Messages that all have the same size.
#pragma once

#include <ferrule/framing/framing.hpp>

#include <string>

namespace ferrule {

/// Messages of `Size` bytes each, with nothing between them. A message of another size is `errc::unencodable`. A `Size`
/// above the limit of the endpoint is `errc::too_large`, in both directions. Stateless.
///
/// `fixed_size<>` takes the size at run time.
template <std::size_t Size = std::dynamic_extent>
class fixed_size {
public:
    using message_type = bytes;

    static_assert(Size != 0, "messages without bytes cannot be told apart");

    constexpr fixed_size() noexcept
        requires(Size != std::dynamic_extent)
    = default;
    /// Throws `usage_error` (`errc::invalid_argument`) if `size` is 0.
    constexpr explicit fixed_size(std::size_t size)
        requires(Size == std::dynamic_extent)
        : size_(size)
    {
        if (size == 0)
            throw usage_error(errc::invalid_argument, std::string("messages of no bytes"));
    }

    [[nodiscard]] decode_result decode(byte_view buffered, const limits& l) const noexcept
    {
        if (size_ > l.max_payload())
            return decode_result::failed(errc::too_large);
        return buffered.size() < size_ ? decode_result::need_more(size_ - buffered.size())
                                       : decode_result::frame(0, size_);
    }
    [[nodiscard]] error_code encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
    {
        if (total_size(payload) != size_)
            return errc::unencodable;
        if (size_ > l.max_payload())
            return errc::too_large;
        out.append_view(payload);
        return {};
    }

private:
    std::size_t size_ = Size;
};

} // namespace ferrule
