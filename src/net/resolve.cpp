#include "src/net/resolve.hpp"

#include "platform/background.hpp"
#include "platform/caught.hpp"

#include <mutex>

namespace ferrule::detail {

std::vector<os::native_address> resolve_now(const address& a)
{
    error_code ec;
    switch (a.kind()) {
    case address::family::unix_path: return {os::unix_address(a.name())};
    case address::family::unix_abstract: return {os::abstract_address(a.name())};
    case address::family::pipe: return {os::pipe_address(a.name())};
    case address::family::tcp: break;
    }
    return os::look_up(a.name(), a.service(), true, ec);
}

std::vector<os::native_address> resolve(const address& a)
{
    std::vector<os::native_address> all = resolve_now(a);
    error_code ec;
    if (all.empty())
        all = os::look_up(a.name(), a.service(), false, ec);
    if (ec)
        throw error(ec, "ferrule: " + a.to_string());
    return all;
}

address address_of(const os::native_address& a)
{
    os::address_text t = os::text_of(a);
    switch (a.type) {
    case os::native_address::kind::unix_path: return address::unix_path(std::move(t.name));
    case os::native_address::kind::unix_abstract: return address::unix_abstract(std::move(t.name));
    case os::native_address::kind::pipe: return address::pipe(std::move(t.name));
    case os::native_address::kind::ip: break;
    }
    return address::tcp(std::move(t.name), t.port);
}

class lookup::state {
public:
    void run(const address& a) noexcept
    {
        error_code ec;
        std::vector<os::native_address> found;
        try {
            found = os::look_up(a.name(), a.service(), false, ec);
        } catch (...) {
            ec = os::caught();
        }
        {
            const std::lock_guard guard(mutex_);
            found_ = std::move(found);
            error_ = ec;
            done_ = true;
        }
        bell_.ring();
    }
    [[nodiscard]] std::optional<std::vector<os::native_address>> take(error_code& ec)
    {
        const std::lock_guard guard(mutex_);
        if (!done_)
            return std::nullopt;
        ec = error_;
        return std::move(found_);
    }
    [[nodiscard]] readiness wait_handle() const noexcept { return bell_.wait_handle(); }

private:
    os::doorbell bell_;
    std::mutex mutex_;
    bool done_ = false;
    std::vector<os::native_address> found_;
    error_code error_;
};

lookup::lookup(const address& a) : state_(std::make_shared<state>())
{
    // The thread is never joined, since a lookup of the system cannot be cancelled.
    os::start_thread([s = state_, a] { s->run(a); });
}

readiness lookup::wait_handle() const noexcept
{
    return state_->wait_handle();
}

std::optional<std::vector<os::native_address>> lookup::result(error_code& ec)
{
    return state_->take(ec);
}

std::unique_ptr<os::listening> listen_at(const address& a, int backlog)
{
    const os::native_address at = resolve(a).front();
    try {
        return os::listen_at(at, backlog);
    } catch (const error& e) {
        throw error(e.code(), "ferrule: listening at " + a.to_string());
    }
}

} // namespace ferrule::detail
