#pragma once

#include "platform/unique_handle.hpp"

namespace ferrule::test {

class unique_fd : public os::unique_handle {
public:
    using os::unique_handle::unique_handle;
    void reset() noexcept { *this = unique_fd(); }
};

} // namespace ferrule::test
