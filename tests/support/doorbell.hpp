// A handle that is signalled while it is rung: what types without a handle of their own wait with.
#pragma once

#include "support/unique_fd.hpp"

#include <utility>

namespace ferrule::test {

class doorbell {
public:
    doorbell();

    void set(bool on) noexcept
    {
        if (std::exchange(on_, on) != on)
            signal(on);
    }
    [[nodiscard]] native_handle_type handle() const noexcept { return handle_.get(); }

private:
    void signal(bool on) noexcept;

    unique_fd handle_;
    bool on_ = false;
};

} // namespace ferrule::test
