// The memory of Python values. Private.
#pragma once

#include <ferrule/python/value.hpp>

#include <cstring>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

namespace ferrule::python::detail {

/// The contents of a container, a global or an object. Lives in a document. It is immutable once a `value` refers to
/// it.
struct body {
    cell* items = nullptr; // elements; in a dict alternating keys and values; in others as enumerated below
    std::size_t size = 0;
    std::size_t capacity = 0;
    std::uint32_t block = 0; // 1 + index of the block that holds `items`, if one does
    std::uint32_t depth = 1; // levels of nesting, including this one
    python::call call{};     // for an object

    [[nodiscard]] std::span<const cell> all() const noexcept { return {items, size}; }
};

/// `items` of a global.
enum global_part : std::size_t { in_module, in_name, global_parts };

/// `items` of an object. `in_list` holds appended elements, `in_dict` items that were set. `in_calls` holds calls that
/// only change the object, such as those that set its state.
enum object_part : std::size_t { in_callable, in_args, in_kwargs, in_state, in_list, in_dict, in_calls, object_parts };

/// Memory that is freed as a whole, and references that must live as long.
class document {
public:
    explicit document(std::size_t first_block = 256) : arena_(first_block) {}
    document(const document&) = delete;
    document& operator=(const document&) = delete;
    ~document();

    [[nodiscard]] body* make_body() { return new (arena_.allocate(sizeof(body), alignof(body))) body; }
    /// Cells that are not initialised.
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

    /// The other documents that cells of this one refer to.
    std::vector<std::shared_ptr<const document>> kept;
    bytes message; // strings refer to it

private:
    /// Lists of this many items or more have a block of their own. It grows by `realloc`, which leaves no old copy
    /// behind.
    static constexpr std::size_t large = 2048;

    void grow(body& b, std::size_t capacity);

    std::pmr::monotonic_buffer_resource arena_;
    std::vector<std::unique_ptr<cell, void (*)(void*)>> blocks_;
    std::shared_ptr<const document> dies_next_; // links documents that are being destroyed
};

[[nodiscard]] inline std::uint32_t depth_of(const cell& c) noexcept
{
    return c.has_body() ? c.contents()->depth : 0;
}

/// Whether Python considers these equal, with objects compared by parts. Throws `frame_error` after `budget` steps.
[[nodiscard]] bool equal(const cell& a, const cell& b, std::size_t& budget);

/// Whether these are equal under any rules of the classes inside them: different objects never are.
[[nodiscard]] bool surely_equal(const cell& a, const cell& b, std::size_t& budget);

/// Removes repeated pairs of a dict (`stride` 2) or elements of a set (1). The first key stays, with the last value.
/// Keys that might differ in Python stay. Returns false if a key cannot be hashed.
[[nodiscard]] bool remove_duplicates(body& b, std::size_t stride, std::size_t& budget);

constexpr std::size_t max_steps = 10'000'000;

/// Whether `s` is UTF-8, in which surrogates may be encoded like other characters, as in Python (surrogatepass).
[[nodiscard]] bool is_text(std::string_view s) noexcept;
/// The size of the shortest two's complement of the same value; 0 for the number 0.
[[nodiscard]] std::size_t shortest(byte_view integer) noexcept;
/// The cell of an integer in two's complement, little-endian. The bytes must be in the document's memory.
[[nodiscard]] cell integer_cell(byte_view integer) noexcept;
/// Whether such an integer equals `d`.
[[nodiscard]] bool is_equal(byte_view integer, double d);
/// Parses decimal digits, with or without a sign, and stores the result in `d`. Returns false if they are invalid.
[[nodiscard]] bool parse_integer(std::string_view digits, document& d, cell& out);

} // namespace ferrule::python::detail
