#include "support/system.hpp"

namespace ferrule::test {

std::string read_to_end(native_handle_type h)
{
    std::string all;
    for (;;) {
        const std::string part = read_n(h, 4096);
        all += part;
        if (part.size() < 4096)
            return all;
    }
}

} // namespace ferrule::test
