// A list that is nearly always short.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace ferrule::detail {

/// A growing list of simple values that stores the first `N` without allocating. A move costs no more than copying
/// these. Moving a `boost::container::small_vector` would cost a good part of a send.
template <class T, std::size_t N>
    requires std::is_trivially_copyable_v<T>
class short_list {
public:
    short_list() noexcept = default;
    short_list(const short_list&) = default;
    short_list& operator=(const short_list&) = default;
    short_list(short_list&& other) noexcept
        : few_(other.few_),
          many_(std::move(other.many_)),
          size_(std::exchange(other.size_, 0))
    {
    }
    short_list& operator=(short_list&& other) noexcept
    {
        few_ = other.few_;
        many_ = std::exchange(other.many_, {});
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    ~short_list() = default;

    [[nodiscard]] std::span<const T> all() const noexcept { return {size_ <= N ? few_.data() : many_.data(), size_}; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Adds `n` values for the caller to set. Throws `std::bad_alloc`, and then changes nothing.
    [[nodiscard]] std::span<T> grow(std::size_t n)
    {
        const std::size_t before = size_;
        if (before + n > N) {
            if (before <= N)
                many_.assign(few_.begin(), few_.begin() + static_cast<std::ptrdiff_t>(before));
            many_.resize(before + n);
        }
        size_ = before + n;
        return std::span<T>(size_ <= N ? few_.data() : many_.data(), size_).last(n);
    }
    void clear() noexcept
    {
        many_.clear();
        size_ = 0;
    }

private:
    std::array<T, N> few_{};
    std::vector<T> many_; // all of them, once there are more than `N`
    std::size_t size_ = 0;
};

} // namespace ferrule::detail
