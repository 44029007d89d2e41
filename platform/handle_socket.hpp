// A unix stream socket that carries native handles, each beside a byte. Private.
#pragma once

#include "platform/unique_handle.hpp"

#include <ferrule/socket_like.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

namespace ferrule {
namespace detail {

/// The handle that came with one byte.
class handle_arrival {
public:
    os::unique_handle handle;
    bool is_several = false; // none of which is kept, since no receiver could have them
    bool is_cut = false;     // there were more
};

/// The handles that have arrived, by the position of their bytes. Everything here happens under the lock of the link's
/// reading direction.
class handle_arrivals {
public:
    /// Allocates memory for one more; `add` or `expect_none` must follow. Throws `std::bad_alloc`.
    void expect() { waiting_.emplace_back(UINT64_MAX, std::make_shared<handle_arrival>()); }
    void expect_none() noexcept { waiting_.pop_back(); }
    void add(std::uint64_t position, handle_arrival a) noexcept
    {
        waiting_.back().position = position;
        *waiting_.back().what = std::move(a);
        // These are unlikely to be received, and a peer must not fill the descriptor table of this process.
        for (const std::size_t max_size = max_held(); waiting_.size() > max_size;) {
            lose(waiting_.front().position + 1);
            waiting_.pop_front();
        }
    }
    /// Notes that handles of bytes before `position` may be missing.
    void lose(std::uint64_t position) noexcept { lost_before_ = position; }
    [[nodiscard]] std::shared_ptr<handle_arrival> take(std::uint64_t position) noexcept
    {
        while (!waiting_.empty() && waiting_.front().position < position)
            waiting_.pop_front();
        if (!waiting_.empty() && waiting_.front().position == position)
            return waiting_.front().what;
        return position < lost_before_ ? lost_ : nullptr;
    }
    void clear() noexcept { waiting_.clear(); }

private:
    struct entry {
        entry(std::uint64_t p, std::shared_ptr<handle_arrival> a) noexcept : position(p), what(std::move(a)) {}

        std::uint64_t position;
        std::shared_ptr<handle_arrival> what; // shared with the receiver
    };

    /// At most 1024, and a quarter of this process's descriptor limit.
    static std::size_t max_held() noexcept;

    std::deque<entry> waiting_;
    std::uint64_t lost_before_ = 0;
    std::shared_ptr<handle_arrival> lost_ = [] {
        auto a = std::make_shared<handle_arrival>();
        a->is_cut = true;
        return a;
    }();
};

} // namespace detail

namespace os {

/// Takes over a connected unix stream socket; arriving handles go to `a`. Throws `usage_error` for anything else, and
/// on Windows `error` (`errc::unsupported`).
[[nodiscard]] descriptor open_handle_socket(native_handle_type socket, std::shared_ptr<detail::handle_arrivals> a);
/// Makes two connected sockets. Throws `error`.
[[nodiscard]] std::pair<unique_handle, unique_handle> handle_sockets();

} // namespace os

} // namespace ferrule
