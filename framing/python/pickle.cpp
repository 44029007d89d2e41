#include <ferrule/python/pickle.hpp>

#include "framing/python/document.hpp"
#include "framing/python/names.hpp"

#include <algorithm>
#include <bit>

namespace ferrule::python {
namespace {

using detail::body;
using detail::cell;

constexpr std::size_t max_depth = 1000;

/// The parts of a value that occur more than once, by address, and their places in the memo once written.
class shared_parts {
public:
    /// Records `b`. Returns false if it was recorded before.
    bool see(const void* b)
    {
        if (2 * (count_ + 1) > slots_.size())
            grow();
        slot& s = find(b);
        if (s.at != nullptr) {
            s.is_shared = true;
            if (s.is_open)
                share_open(b);
            return false;
        }
        s.is_open = true;
        open_.push_back(b);
        s.at = b;
        ++count_;
        return true;
    }

    struct slot {
        const void* at = nullptr;
        std::uint32_t place = 0; // 1 + index in the memo
        bool is_shared = false;
        bool is_open = false; // its parts are being visited
    };
    /// Ends the visit of the last recorded value.
    void close()
    {
        find(open_.back()).is_open = false;
        open_.pop_back();
    }
    [[nodiscard]] slot& find(const void* b)
    {
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = (std::bit_cast<std::uintptr_t>(b) >> 4) * 0x9e3779b97f4a7c15 >> 20 & mask;
        while (slots_[at].at != nullptr && slots_[at].at != b)
            at = (at + 1) & mask;
        return slots_[at];
    }

private:
    /// Handles a `b` that contains itself. A tuple is written after its parts, so the writer meets it again within
    /// them. Every value on the way back to it must then be shared, to end the recursion.
    void share_open(const void* b)
    {
        for (std::size_t i = open_.size(); i-- > 0 && open_[i] != b;)
            find(open_[i]).is_shared = true;
    }
    void grow()
    {
        std::vector<slot> old(std::max<std::size_t>(16, 2 * slots_.size()));
        old.swap(slots_);
        for (const slot& s : old)
            if (s.at != nullptr)
                find(s.at) = s;
    }

    std::vector<slot> slots_;
    std::vector<const void*> open_;
    std::size_t count_ = 0;
};

class pickler {
public:
    pickler(bytes& out, const globals& allowed) : out_(out), allowed_(allowed) {}

    error_code run(const cell& c)
    {
        if (!look(c, 0))
            return errc::unencodable;
        put("\x80\x04");
        write(c);
        put('.');
        return {};
    }

private:
    /// Data up to this size is written again instead of shared.
    static constexpr std::size_t small = 24;

    /// The address that identifies `c`, or null if sharing it does not matter. Data is identified by its address, and a
    /// bytearray by its bytes. The empty tuple is a singleton in Python.
    static const void* identity(const cell& c) noexcept
    {
        if (c.has_body())
            return c.kind() == type::tuple && c.contents()->size == 0 ? nullptr : c.contents();
        return (c.kind() >= type::string || c.is_large()) && c.data().size() > small ? c.data().data() : nullptr;
    }
    /// Records a value without parts. Returns false if it was recorded before.
    bool see_alone(const cell& c)
    {
        const bool is_new = shared_.see(identity(c));
        if (is_new)
            shared_.close();
        return is_new;
    }

    // ---- first pass: find shared parts and names that may not be sent ----

    bool look(const cell& c, std::size_t depth)
    {
        if (identity(c) == nullptr)
            return true;
        if (!c.has_body()) {
            see_alone(c);
            return true;
        }
        const body& b = *c.contents();
        if (depth == max_depth)
            return false;
        if (c.kind() == type::global) {
            const std::span<const cell> names = b.all();
            if (!allowed_.allows(names[detail::in_module].data().text(), names[detail::in_name].data().text()))
                return false;
            return !see_alone(c) || std::ranges::all_of(names, [&](const cell& name) { return look(name, depth + 1); });
        }
        if (!shared_.see(&b))
            return true;
        for (const cell& child : b.all())
            if (!look(child, depth + 1))
                return false;
        shared_.close();
        return true;
    }

    // ---- second pass: write the opcodes ----

    static constexpr std::size_t large = 64 * 1024;

    /// Room for any opcode with a number. Most of a pickle consists of these, so they are written in place.
    [[nodiscard]] std::byte* room()
    {
        constexpr std::size_t max_size = 9;
        if (out_.capacity() - out_.size() < max_size)
            out_.reserve(out_.size() + out_.size() / 2 + 64);
        return out_.data() + out_.size();
    }
    void put(char code)
    {
        *room() = static_cast<std::byte>(code);
        out_.commit(1);
    }
    void put(std::string_view codes) { out_.append(codes); }
    void put(char code, std::uint64_t n, std::size_t size)
    {
        std::byte* const b = room();
        b[0] = static_cast<std::byte>(code);
        for (std::size_t i = 0; i < 8; ++i) // bytes beyond `size` are overwritten later
            b[1 + i] = static_cast<std::byte>(n >> (8 * i));
        out_.commit(1 + size);
    }
    /// Writes one of three opcodes, chosen by the size of the size; '\0' means that there is no such opcode.
    void put_sized(char one, char four, char eight, byte_view data)
    {
        if (data.size() <= 0xff && one != '\0')
            put(one, data.size(), 1);
        else if (data.size() <= 0xffffffff && four != '\0')
            put(four, data.size(), 4);
        else
            put(eight, data.size(), 8);
        if (data.size() >= large)
            out_.reserve(out_.size() + data.size() + large); // later appends must not move the data
        out_.append(data);
    }
    void put_text(byte_view utf8) { put_sized('\x8c', 'X', '\x8d', utf8); }
    void put_bytes(byte_view data) { put_sized('C', 'B', '\x8e', data); }
    void put_global(std::string_view module, std::string_view name)
    {
        put_text(module);
        put_text(name);
        put('\x93');
    }
    void put_integer(std::int64_t i)
    {
        if (i >= 0 && i <= 0xff)
            return put('K', static_cast<std::uint64_t>(i), 1);
        if (i >= 0 && i <= 0xffff)
            return put('M', static_cast<std::uint64_t>(i), 2);
        if (i >= INT32_MIN && i <= INT32_MAX)
            return put('J', static_cast<std::uint64_t>(i), 4);
        std::byte b[8];
        for (std::size_t at = 0; at < sizeof b; ++at)
            b[at] = static_cast<std::byte>(static_cast<std::uint64_t>(i) >> (8 * at));
        put_large(byte_view(b, detail::shortest(byte_view(b, sizeof b))));
    }
    void put_large(byte_view twos_complement) { put_sized('\x8a', '\x8b', '\0', twos_complement); }

    /// Writes a reference to `c` if it was written before, and returns whether it did.
    bool again(const cell& c)
    {
        const void* const id = identity(c);
        if (id == nullptr)
            return false;
        const auto& s = shared_.find(id);
        if (s.place == 0)
            return false;
        if (s.place - 1 <= 0xff)
            put('h', s.place - 1, 1);
        else
            put('j', s.place - 1, 4);
        return true;
    }
    /// Puts the value just written into the memo, if it is shared.
    void memoize(const cell& c)
    {
        const void* const id = identity(c);
        if (id == nullptr)
            return;
        auto& s = shared_.find(id);
        if (!s.is_shared)
            return;
        put('\x94');
        s.place = ++memoized_;
    }
    /// Writes data, or a reference to it if it was written before.
    template <class Put>
    void write_data(const cell& c, Put put_it)
    {
        if (again(c))
            return;
        put_it();
        memoize(c);
    }
    void write_all(std::span<const cell> cells)
    {
        for (const cell& c : cells)
            write(c);
    }
    void write_marked(std::span<const cell> cells, char code)
    {
        if (cells.empty())
            return;
        put('(');
        write_all(cells);
        put(code);
    }

    void write(const cell& c)
    {
        switch (c.kind()) {
        case type::none: return put('N');
        case type::boolean: return put(c.integer() != 0 ? '\x88' : '\x89');
        case type::integer:
            return c.is_large() ? write_data(c, [&] { put_large(c.data()); }) : put_integer(c.integer());
        case type::floating: {
            const auto bits = std::bit_cast<std::uint64_t>(c.floating());
            std::uint64_t reversed = 0; // big-endian, unlike the other numbers
            for (int i = 0; i < 8; ++i)
                reversed = reversed << 8 | (bits >> (8 * i) & 0xff);
            return put('G', reversed, 8);
        }
        case type::string: return write_data(c, [&] { put_text(c.data()); });
        case type::bytes: return write_data(c, [&] { put_bytes(c.data()); });
        case type::bytearray:
            put_global("builtins", "bytearray");
            write_data(c, [&] { put_bytes(c.data()); });
            return put("\x85R");
        case type::global:
            return write_data(c, [&] {
                write_all(c.contents()->all());
                put('\x93');
            });
        default: break;
        }
        if (again(c))
            return;
        const std::span<const cell> items = c.contents()->all();
        switch (c.kind()) {
        case type::list:
            put(']');
            memoize(c);
            return write_marked(items, 'e');
        case type::dict:
            put('}');
            memoize(c);
            return write_marked(items, 'u');
        case type::set:
            put('\x8f');
            memoize(c);
            return write_marked(items, '\x90');
        case type::tuple: return write_tuple(c, items);
        case type::frozenset:
            put('(');
            write_all(items);
            if (drop_if_written(c, items.size(), true))
                return;
            put('\x91');
            return memoize(c);
        default: return write_object(c);
        }
    }
    void write_tuple(const cell& c, std::span<const cell> items)
    {
        if (items.empty())
            return put(')');
        if (items.size() > 3)
            put('(');
        write_all(items);
        if (drop_if_written(c, items.size(), items.size() > 3))
            return;
        put(items.size() > 3 ? 't' : "\x85\x86\x87"[items.size() - 1]);
        memoize(c);
    }
    /// Drops the parts of a value that was written within its own parts, and returns whether it was.
    bool drop_if_written(const cell& c, std::size_t parts, bool marked)
    {
        if (identity(c) == nullptr || shared_.find(c.contents()).place == 0)
            return false;
        if (marked)
            put('1');
        else
            for (std::size_t i = 0; i < parts; ++i)
                put('0');
        return again(c);
    }
    void write_object(const cell& c)
    {
        const std::span<const cell> part = c.contents()->all();
        const bool by_call = c.contents()->call == python::call::function;
        write(part[detail::in_callable]);
        write(part[detail::in_args]);
        if (part[detail::in_kwargs].has_body()) {
            write(part[detail::in_kwargs]);
            put('\x92');
        } else
            put(by_call ? 'R' : '\x81');
        if (shared_.find(c.contents()).place != 0) { // it was written within its own arguments
            put('0');
            (void)again(c);
            return;
        }
        memoize(c);
        if (const cell& list = part[detail::in_list]; list.has_body())
            write_marked(list.contents()->all(), 'e');
        if (const cell& dict = part[detail::in_dict]; dict.has_body())
            write_marked(dict.contents()->all(), 'u');
        if (part[detail::in_state].kind() != type::none) {
            write(part[detail::in_state]);
            put('b');
        }
        if (const cell& calls = part[detail::in_calls]; calls.has_body())
            for (const cell& effect : calls.contents()->all()) {
                write(effect);
                const bool is_call = effect.kind() == type::object;
                put(is_call ? '0' : 'b');
            }
    }

    bytes& out_;
    const globals& allowed_;
    shared_parts shared_;
    std::uint32_t memoized_ = 0;
};

} // namespace

bool globals::allows(std::string_view module, std::string_view name) const noexcept
{
    return any_ || detail::is_standard(module, name) ||
           std::ranges::any_of(allowed_, [&](const auto& one) { return one.first == module && one.second == name; });
}

error_code dumps(const value& v, bytes& out, const globals& allowed)
{
    return pickler(out, allowed).run(v.cell());
}

} // namespace ferrule::python
