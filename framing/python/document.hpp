// The memory of Python values. Private.
#pragma once

#include <ferrule/python/value.hpp>

#include <cstring>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

namespace ferrule::python::detail {

/// What a container, a global or an object consists of. Lives in a document, and is never changed once a `value` shows it.
struct body {
    cell* items = nullptr; // elements; of a dict keys and values by turns; of the others as below
    std::size_t size = 0;
    std::size_t capacity = 0;
    std::uint32_t block = 0; // 1 + which one of the document `items` is, if it is one
    std::uint32_t depth = 1; // of what is within it, and itself
    python::call call{};     // of an object

    [[nodiscard]] std::span<const cell> all() const noexcept { return {items, size}; }
};

/// `items` of a global.
enum global_part : std::size_t { in_module, in_name, global_parts };

/// `items` of an object. Lists: what was appended; dicts: what was set; calls: made for their effect on the object, such as
/// those that set its state.
enum object_part : std::size_t { in_callable, in_args, in_kwargs, in_state, in_list, in_dict, in_calls, object_parts };

/// Memory that is freed as a whole, and what else has to live for as long.
class document {
public:
    explicit document(std::size_t first_block = 256) : arena_(first_block) {}
    document(const document&) = delete;
    document& operator=(const document&) = delete;
    ~document();

    [[nodiscard]] body* make_body() { return new (arena_.allocate(sizeof(body), alignof(body))) body; }
    /// Cells of no value.
    [[nodiscard]] cell* make_cells(std::size_t n)
    {
        return static_cast<cell*>(arena_.allocate(n * sizeof(cell), alignof(cell)));
    }
    /// Memory for bytes.
    [[nodiscard]] std::span<std::byte> make_bytes(std::size_t n)
    {
        return {static_cast<std::byte*>(arena_.allocate(n == 0 ? 1 : n, 1)), n};
    }
    [[nodiscard]] byte_view copy(byte_view data)
    {
        const auto room = make_bytes(data.size());
        if (!data.empty())
            std::memcpy(room.data(), data.data(), data.size());
        return room;
    }
    /// A body with these items.
    [[nodiscard]] body* make_body(std::span<const cell> items)
    {
        body* const b = make_body();
        append(*b, items);
        return b;
    }
    void append(body& b, std::span<const cell> items)
    {
        if (b.size + items.size() > b.capacity)
            grow(b, std::max(b.size + items.size(), b.capacity + b.capacity / 2));
        std::copy(items.begin(), items.end(), b.items + b.size);
        b.size += items.size();
    }

    /// What the cells of this document refer to beyond itself.
    std::vector<std::shared_ptr<const document>> kept;
    bytes message; // that strings were found in

private:
    /// From this many on, items have a block of their own, which grows without leaving the old one behind.
    static constexpr std::size_t large = 2048;

    void grow(body& b, std::size_t capacity);

    std::pmr::monotonic_buffer_resource arena_;
    std::vector<std::unique_ptr<cell, void (*)(void*)>> blocks_;
    std::shared_ptr<const document> dies_next_; // while many are destroyed
};

[[nodiscard]] inline std::uint32_t depth_of(const cell& c) noexcept
{
    return c.has_body() ? c.contents()->depth : 0;
}

/// Whether these are equal for Python. Throws `frame_error` when `budget` steps are not enough.
[[nodiscard]] bool equal(const cell& a, const cell& b, std::size_t& budget);

/// Whether these are equal for Python, whatever the classes of objects in them think of equality: different objects never are.
[[nodiscard]] bool surely_equal(const cell& a, const cell& b, std::size_t& budget);

/// Removes pairs of a dict (`stride` 2) or elements of a set (1) that come again: the key that came first stays, with the
/// value that came last. Nothing goes that may be another key for Python. False if a key cannot be hashed.
[[nodiscard]] bool remove_duplicates(body& b, std::size_t stride, std::size_t& budget);

constexpr std::size_t steps_at_most = 10'000'000;

/// UTF-8, in which surrogates may be encoded like other characters, as Python does (surrogatepass).
[[nodiscard]] bool is_text(std::string_view s) noexcept;
/// The size of the smallest two's complement with the same value; 0 for the number 0.
[[nodiscard]] std::size_t shortest(byte_view integer) noexcept;
/// The cell of an integer in two's complement, little-endian, in the document's memory.
[[nodiscard]] cell integer_cell(byte_view integer) noexcept;
/// Whether such an integer is that number.
[[nodiscard]] bool is_equal(byte_view integer, double d);
/// Decimal digits, with or without a sign; the result is stored in the document. False if they are none.
[[nodiscard]] bool parse_integer(std::string_view digits, document& d, cell& out);

} // namespace ferrule::python::detail
