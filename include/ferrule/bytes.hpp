// Views of bytes (`byte_view`, `buffers`) and owned bytes (`bytes`).
#pragma once

#include <ferrule/detail/export.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

namespace ferrule {

namespace detail {

template <class T>
concept byte_like = sizeof(T) == 1 && std::is_trivially_copyable_v<T>;

template <class R>
concept byte_range =
    std::ranges::contiguous_range<R> && std::ranges::sized_range<R> && byte_like<std::ranges::range_value_t<R>>;

} // namespace detail

/// A view of bytes owned elsewhere; it must not outlive them.
///
/// Converts from any contiguous range of one-byte elements (`std::string`, `std::string_view`, `std::vector<char>`,
/// `std::span<std::byte>`, `bytes`, ...). A C string and a `char` array mean the characters before the first NUL. Wrap
/// a `char` array that holds binary data in a `std::span`.
class byte_view : public std::span<const std::byte> {
public:
    constexpr byte_view() noexcept = default;
    constexpr byte_view(const std::byte* data, std::size_t size) noexcept : std::span<const std::byte>(data, size) {}
    constexpr byte_view(std::span<const std::byte> s) noexcept : std::span<const std::byte>(s) {}

    template <detail::byte_range R>
        requires(!std::same_as<std::remove_cvref_t<R>, byte_view> && !std::is_array_v<std::remove_cvref_t<R>>)
    byte_view(R&& range) noexcept
        : std::span<const std::byte>(reinterpret_cast<const std::byte*>(std::ranges::data(range)),
                                     std::ranges::size(range))
    {
    }

    byte_view(const char* text) noexcept : byte_view(std::string_view(text)) {}

    template <detail::byte_like T, std::size_t N>
        requires(!std::same_as<std::remove_cv_t<T>, char>)
    byte_view(T (&array)[N]) noexcept : std::span<const std::byte>(reinterpret_cast<const std::byte*>(array), N)
    {
    }

    /// The same bytes as characters.
    [[nodiscard]] std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data()), size()}; }

    /// Whether both show equal bytes.
    friend bool operator==(byte_view a, byte_view b) noexcept
    {
        return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
    }
};

} // namespace ferrule

template <>
inline constexpr bool std::ranges::enable_borrowed_range<ferrule::byte_view> = true;

namespace ferrule {

class bytes;

namespace detail {

/// Whether a temporary of this type owns its bytes. `T` is what a forwarding reference deduces.
template <class T>
inline constexpr bool is_owning_temporary =
    !std::is_lvalue_reference_v<T> && !std::is_pointer_v<T> && !std::ranges::borrowed_range<T>;

/// The offset of `part` in `whole`, which is about to move; the size of `whole` if `part` lies elsewhere.
[[nodiscard]] inline std::size_t offset_within(byte_view whole, byte_view part) noexcept
{
    const std::less<const std::byte*> before; // unlike <, defined for any two pointers
    const bool is_inside = !before(part.data(), whole.data()) && before(part.data(), whole.data() + whole.size());
    return is_inside ? static_cast<std::size_t>(part.data() - whole.data()) : whole.size();
}

} // namespace detail

/// One or several views of bytes that are sent in order as if they were one. Converts from one view, from two to eight
/// in braces (`send({header, body, "\n"})`), and from a span of any number. Use it as a parameter only. It refers to
/// its arguments, which must live until the call returns.
class buffers {
public:
    buffers() noexcept = default;
    template <class T>
        requires(!std::same_as<std::remove_cvref_t<T>, buffers> &&
                 std::convertible_to<const std::remove_reference_t<T>&, byte_view>)
    buffers(T&& one) noexcept : few_{std::as_const(one)},
                                count_(1),
                                has_temporaries_(detail::is_owning_temporary<T>)
    {
    }
    // Not an initializer list, which g++ 12 does not compile in a statement with `co_await`.
    template <class... T>
        requires(sizeof...(T) >= 2 && sizeof...(T) <= 8 &&
                 (std::convertible_to<const std::remove_reference_t<T>&, byte_view> && ...))
    buffers(T&&... several) noexcept
        : few_{std::as_const(several)...},
          count_(sizeof...(T)),
          has_temporaries_((detail::is_owning_temporary<T> || ...))
    {
    }
    buffers(std::span<const byte_view> several) noexcept : many_(several) {}

    [[nodiscard]] std::span<const byte_view> list() const noexcept
    {
        return count_ != 0 ? std::span(few_).first(count_) : many_;
    }
    /// Whether a part is a temporary that owns its bytes and ends with the expression.
    [[nodiscard]] bool has_temporaries() const noexcept { return has_temporaries_; }
    /// All bytes in one piece. Throws `std::bad_alloc`.
    [[nodiscard]] bytes copy() const;

private:
    std::array<byte_view, 8> few_;
    std::size_t count_ = 0; // in `few_`
    std::span<const byte_view> many_;
    bool has_temporaries_ = false;
};

/// Owned, move-only bytes in a buffer that grows with `realloc`.
///
/// Unlike `std::vector<std::byte>`, it does not zero new bytes and does not hold the old and the new block together
/// while growing. Bytes are dropped from the front without moving the rest. Functions that grow throw `std::bad_alloc`
/// and leave the object unchanged.
///
/// Thread safety: distinct objects may be used by different threads; one object by one thread at a time.
class FERRULE_FRAMING_EXPORT bytes {
public:
    using value_type = std::byte;

    bytes() noexcept = default;
    /// Copies what `view` shows.
    explicit bytes(byte_view view) { append(view); }
    bytes(bytes&& other) noexcept { swap(other); }
    bytes& operator=(bytes&& other) noexcept
    {
        bytes moved(std::move(other));
        swap(moved);
        return *this;
    }
    ~bytes()
    {
        if (block_ != nullptr)
            free_block();
    }

    /// A copy; copying is never implicit, since messages can be large.
    [[nodiscard]] bytes clone() const { return bytes(byte_view(*this)); }
    void swap(bytes& other) noexcept
    {
        std::swap(block_, other.block_);
        std::swap(first_, other.first_);
        std::swap(size_, other.size_);
        std::swap(end_, other.end_);
    }

    [[nodiscard]] std::byte* data() noexcept { return block_ + first_; }
    [[nodiscard]] const std::byte* data() const noexcept { return block_ + first_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::byte* begin() noexcept { return data(); }
    [[nodiscard]] std::byte* end() noexcept { return data() + size_; }
    [[nodiscard]] const std::byte* begin() const noexcept { return data(); }
    [[nodiscard]] const std::byte* end() const noexcept { return data() + size_; }
    [[nodiscard]] std::byte& operator[](std::size_t i) noexcept { return data()[i]; }
    [[nodiscard]] const std::byte& operator[](std::size_t i) const noexcept { return data()[i]; }
    /// The same bytes as characters; invalid after the next change of this object.
    [[nodiscard]] std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data()), size_}; }
    /// The number of bytes that fit, from `data()` on, without another allocation.
    [[nodiscard]] std::size_t capacity() const noexcept { return end_ - first_; }
    /// The number of bytes of memory held, including the room that `drop_front` left.
    [[nodiscard]] std::size_t footprint() const noexcept { return end_; }

    /// Makes room for `n` bytes in all. May move the bytes.
    void reserve(std::size_t n);
    /// Sets the size; new bytes have unspecified values.
    void resize(std::size_t n)
    {
        reserve(n);
        size_ = n;
    }
    /// Appends a copy of what `view` shows, which may be part of these bytes.
    void append(byte_view view);
    /// Removes all bytes and keeps the memory.
    void clear() noexcept { first_ = size_ = 0; }
    /// Removes all bytes and frees the memory.
    void reset() noexcept { bytes().swap(*this); }
    /// Removes the first `n` bytes, at most `size()`, without moving the rest.
    void drop_front(std::size_t n) noexcept
    {
        first_ += n;
        size_ -= n;
        if (size_ == 0)
            first_ = 0;
    }

    /// The free room behind the last byte. Fill it, then call `commit`.
    [[nodiscard]] std::span<std::byte> spare() noexcept { return {data() + size_, capacity() - size_}; }
    /// Makes the first `n` bytes of `spare()` part of the content.
    void commit(std::size_t n) noexcept { size_ += n; }

    friend bool operator==(const bytes& a, const bytes& b) noexcept { return byte_view(a) == byte_view(b); }
    friend bool operator==(const bytes& a, byte_view b) noexcept { return byte_view(a) == b; }

private:
    void free_block() noexcept;

    std::byte* block_ = nullptr;
    std::size_t first_ = 0; // offset of data() in the block
    std::size_t size_ = 0;
    std::size_t end_ = 0; // size of the block
};

inline bytes buffers::copy() const
{
    bytes all;
    for (const byte_view part : list())
        all.append(part);
    return all;
}

} // namespace ferrule
