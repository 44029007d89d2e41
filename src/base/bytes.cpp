#include <ferrule/bytes.hpp>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace ferrule {

void bytes::free_block() noexcept
{
    std::free(block_);
}

void bytes::reserve(std::size_t n)
{
    if (n <= capacity())
        return;
    // A front gap at least as large as the rest costs less to close than to keep.
    if (first_ != 0 && first_ >= size_) {
        std::memmove(block_, block_ + first_, size_);
        first_ = 0;
        if (n <= capacity())
            return;
    }
    if (n > static_cast<std::size_t>(PTRDIFF_MAX) - first_)
        throw std::bad_alloc();
    auto* grown = static_cast<std::byte*>(std::realloc(block_, first_ + n));
    if (grown == nullptr)
        throw std::bad_alloc();
    block_ = grown;
    end_ = first_ + n;
}

void bytes::append(byte_view view)
{
    if (view.empty())
        return;
    const std::size_t own = detail::offset_within(*this, view);
    if (const std::size_t needed = size_ + view.size(); needed > capacity())
        reserve(size_ == 0 ? needed : needed + size_ / 2);
    std::memcpy(data() + size_, own != size_ ? data() + own : view.data(), view.size());
    size_ += view.size();
}

} // namespace ferrule
