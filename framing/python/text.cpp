#include "framing/python/document.hpp"

#include <cstdint>

namespace ferrule::python::detail {

bool is_text(std::string_view s) noexcept
{
    const auto* p = reinterpret_cast<const unsigned char*>(s.data());
    const auto* const end = p + s.size();
    while (p != end) {
        while (end - p >= 8) { // usually plain ASCII
            std::uint64_t eight;
            std::memcpy(&eight, p, sizeof eight);
            if ((eight & 0x8080808080808080) != 0)
                break;
            p += 8;
        }
        if (p == end)
            break;
        const unsigned first = *p++;
        if (first < 0x80)
            continue;
        const int following = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
        if (first < 0xc2 || first > 0xf4 || end - p < following)
            return false;
        // Excludes overlong forms, and code points above U+10FFFF.
        const unsigned second = *p;
        if ((first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
            return false;
        for (int i = 0; i < following; ++i)
            if ((*p++ & 0xc0) != 0x80)
                return false;
    }
    return true;
}

} // namespace ferrule::python::detail
