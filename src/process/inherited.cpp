#include <ferrule/process/inherited.hpp>

#include "platform/process.hpp"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ferrule {

descriptor inherited(std::size_t which)
{
    static std::mutex mutex;
    static std::vector<std::string> names;
    const std::lock_guard guard(mutex);
    if (const char* const found = std::getenv(os::inherited_variable); found != nullptr) {
        std::vector<std::string> all;
        for (std::string_view rest = found; !rest.empty();) {
            const std::string_view name = rest.substr(0, rest.find(','));
            all.emplace_back(name);
            rest.remove_prefix(std::min(name.size() + 1, rest.size()));
        }
        names = std::move(all);
        os::unset_variable(os::inherited_variable);
    }
    if (which >= names.size() || names[which].empty())
        os::nothing_inherited();
    descriptor d = os::open_inherited(names[which]);
    names[which].clear();
    return d;
}

void os::nothing_inherited()
{
    throw usage_error(errc::bad_descriptor, std::string(inherited_variable) + " names no such descriptor");
}

} // namespace ferrule
