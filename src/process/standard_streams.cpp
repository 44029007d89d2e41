#include <ferrule/process/standard_streams.hpp>

#include "platform/process.hpp"

namespace ferrule {

std::pair<descriptor, descriptor> take_standard_streams()
{
    return os::take_standard_streams();
}

} // namespace ferrule
