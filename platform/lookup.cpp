// Addresses, and the names of hosts: what is the same on every system.
#include "platform/net.hpp"

#include <mutex>

namespace ferrule::os {

class lookup::state {
public:
    void run(const address& a) noexcept
    {
        error_code ec;
        std::vector<resolved_address> found;
        try {
            found = look_up(a, false, ec);
        } catch (...) {
            ec = caught();
        }
        {
            const std::lock_guard guard(mutex_);
            found_ = std::move(found);
            error_ = ec;
            done_ = true;
        }
        bell_.ring();
    }
    [[nodiscard]] std::optional<std::vector<resolved_address>> take(error_code& ec)
    {
        const std::lock_guard guard(mutex_);
        if (!done_)
            return std::nullopt;
        ec = error_;
        return std::move(found_);
    }
    [[nodiscard]] readiness news() const noexcept { return bell_.news(); }

private:
    doorbell bell_;
    std::mutex mutex_;
    bool done_ = false;
    std::vector<resolved_address> found_;
    error_code error_;
};

lookup::lookup(const address& a) : state_(std::make_shared<state>())
{
    // Nobody waits for it: the system cannot be asked to give up.
    start_thread([s = state_, a] { s->run(a); });
}

readiness lookup::news() const noexcept
{
    return state_->news();
}

std::optional<std::vector<resolved_address>> lookup::result(error_code& ec)
{
    return state_->take(ec);
}

std::vector<resolved_address> resolve(const address& a)
{
    std::vector<resolved_address> all = resolve_at_once(a);
    error_code ec;
    if (all.empty())
        all = look_up(a, false, ec);
    if (ec)
        throw error(ec, "ferrule: host '" + a.name() + "'");
    return all;
}

} // namespace ferrule::os
