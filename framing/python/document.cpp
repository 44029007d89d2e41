#include "framing/python/document.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace ferrule::python::detail {

void document::grow(body& b, std::size_t capacity)
{
    if (capacity < large) {
        cell* const grown = make_cells(capacity);
        std::copy_n(b.items, b.size, grown);
        b.items = grown;
    } else {
        if (b.block == 0)
            blocks_.emplace_back(nullptr, &std::free);
        auto& block = blocks_[b.block == 0 ? blocks_.size() - 1 : b.block - 1];
        auto* const grown = static_cast<cell*>(std::realloc(block.get(), capacity * sizeof(cell)));
        if (grown == nullptr)
            throw std::bad_alloc();
        (void)block.release();
        block.reset(grown);
        if (b.block == 0) {
            std::copy_n(b.items, b.size, grown);
            b.block = static_cast<std::uint32_t>(blocks_.size());
        }
        b.items = grown;
    }
    b.capacity = capacity;
}

// Deeply nested values are freed in a loop, because recursion would need a stack as deep as they are.
document::~document()
{
    std::shared_ptr<const document> dying; // a chain, since allocating may fail
    const auto release = [&dying](std::vector<std::shared_ptr<const document>>& all) noexcept {
        for (std::shared_ptr<const document>& d : all) {
            if (d.use_count() != 1) {
                d.reset();
                continue;
            }
            const_cast<document&>(*d).dies_next_ = std::move(dying); // no other reference is left
            dying = std::move(d);
        }
        all.clear();
    };
    release(kept);
    while (dying) {
        const auto d = std::move(dying);
        auto& its = const_cast<document&>(*d);
        dying = std::move(its.dies_next_);
        release(its.kept);
    }
}

} // namespace ferrule::python::detail
