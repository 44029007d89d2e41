#include "framing/python/document.hpp"

namespace ferrule::python::detail {

// Values within values within values … are freed one after the other: recursion would take a stack as deep as they are.
document::~document()
{
    std::vector<std::shared_ptr<const document>> dying = std::move(kept);
    while (!dying.empty()) {
        const auto d = std::move(dying.back());
        dying.pop_back();
        if (d.use_count() != 1)
            continue;
        auto& its = const_cast<document&>(*d).kept; // nobody else can see it any more
        dying.insert(dying.end(), std::make_move_iterator(its.begin()), std::make_move_iterator(its.end()));
        its.clear();
    }
}

} // namespace ferrule::python::detail
