// A descriptor between an endpoint and another descriptor, controlled by a script. Private.
#pragma once

#include <ferrule/socket_like.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

namespace ferrule::testing::kit {

/// Called at every call of a `scripted` descriptor, under the rules of `socket_like`: at most one thread for each
/// direction.
class script {
public:
    script() = default;
    script(const script&) = delete;
    script& operator=(const script&) = delete;
    virtual ~script() = default;

    /// Called before a call. Returns an answer that replaces the call, or nothing. `max_size` is the number of bytes that
    /// the call may move; the script may lower it, which packets ignore.
    virtual std::optional<io_result> before(direction, std::size_t& max_size) noexcept = 0;
    virtual void has_read(std::span<const std::byte> room, const io_result&) noexcept { (void)room; }
    virtual void has_written(std::span<const byte_view> offered, const io_result&) noexcept { (void)offered; }
    /// Called before a wait. Returns true to answer "ready now" instead.
    virtual bool arming(direction) noexcept { return false; }
};

class scripted {
public:
    scripted(descriptor d, std::shared_ptr<script> s) : inner_(std::move(d).take()), script_(std::move(s)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        std::size_t max_size = in.size();
        io_result r = io_result::would_block();
        if (const auto answer = script_->before(direction::read, max_size))
            r = *answer;
        else
            r = inner_->try_read(cuts() ? in.first(std::min(max_size, in.size())) : in);
        script_->has_read(in, r);
        return r;
    }
    io_result try_write(std::span<const byte_view> out) noexcept { return try_write(out, invalid_handle); }
    io_result try_write(std::span<const byte_view> out, native_handle_type beside) noexcept
    {
        const auto write = [&](std::span<const byte_view> some) {
            return beside == invalid_handle ? inner_->try_write(some) : inner_->try_write(some, beside);
        };
        std::size_t room = SIZE_MAX;
        io_result r = io_result::would_block();
        if (const auto answer = script_->before(direction::write, room))
            r = *answer;
        else if (!cuts() || room == SIZE_MAX)
            r = write(out);
        else {
            std::array<byte_view, 64> cut;
            std::size_t n = 0;
            for (; n < out.size() && n < cut.size() && room != 0; ++n) {
                cut[n] = out[n].first(std::min(out[n].size(), room));
                room -= cut[n].size();
            }
            r = write({cut.data(), n});
        }
        script_->has_written(out, r);
        return r;
    }
    readiness arm(direction d) noexcept { return script_->arming(d) ? readiness::now() : inner_->arm(d); }
    void disarm(direction d) noexcept { inner_->disarm(d); }
    void close() noexcept { inner_->close(); }
    bool can(direction d) const noexcept { return inner_->can(d); }
    transfer_kind kind() const noexcept { return inner_->kind(); }
    error_code shutdown_write() noexcept { return inner_->shutdown_write(); }
    std::size_t unsent() const noexcept { return inner_->unsent(); }
    io_result try_flush() noexcept { return inner_->try_flush(); }
    bool sends_in_background() const noexcept { return inner_->sends_in_background(); }
    io_result try_drain() noexcept { return inner_->try_drain(); }
    bool stale(direction d) const noexcept { return inner_->stale(d); }
    native_handle_type native_handle() const noexcept { return inner_->native_handle(); }
    native_handle_type release(bytes& left) noexcept { return inner_->release(left); }
    bool inheritable() const { return inner_->inheritable(); }
    error_code set_inheritable(bool on) noexcept { return inner_->set_inheritable(on); }

private:
    [[nodiscard]] bool cuts() const noexcept { return inner_->kind() == transfer_kind::stream; }

    std::unique_ptr<ferrule::detail::any_descriptor> inner_;
    std::shared_ptr<script> script_;
};

} // namespace ferrule::testing::kit
