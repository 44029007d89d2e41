// A descriptor that reads from one descriptor and writes to another. Private.
#pragma once

#include <ferrule/socket_like.hpp>

#include <boost/system/errc.hpp>

#include <memory>
#include <utility>

namespace ferrule::detail {

class joined_descriptor final : public any_descriptor {
public:
    explicit joined_descriptor(transfer_kind k) noexcept : kind_(k) {}
    ~joined_descriptor() override { close(); }

    /// Called once for each direction, before anything else.
    void set(direction d, std::unique_ptr<any_descriptor> one) noexcept
    {
        (d == direction::read ? in_ : out_) = std::move(one);
    }

    io_result try_read(std::span<std::byte> to) noexcept override { return in_->try_read(to); }
    io_result try_write(std::span<const byte_view> from) noexcept override
    {
        if (out_)
            return out_->try_write(from);
        return io_result::failed(boost::system::errc::make_error_code(boost::system::errc::broken_pipe));
    }
    io_result try_write(std::span<const byte_view> from, native_handle_type beside) noexcept override
    {
        if (out_)
            return out_->try_write(from, beside);
        return io_result::failed(boost::system::errc::make_error_code(boost::system::errc::broken_pipe));
    }
    readiness arm(direction d) noexcept override
    {
        any_descriptor* const one = of(d);
        return one != nullptr ? one->arm(d) : readiness::now();
    }
    void disarm(direction d) noexcept override
    {
        if (any_descriptor* const one = of(d))
            one->disarm(d);
    }
    void close() noexcept override
    {
        for (auto* one : {&in_, &out_})
            if (*one)
                std::exchange(*one, nullptr)->close();
    }
    bool can(direction) const noexcept override { return true; }
    transfer_kind kind() const noexcept override { return kind_; }
    error_code shutdown_write() noexcept override
    {
        if (!out_)
            return {};
        const error_code ec = out_->shutdown_write();
        if (ec != errc::unsupported || out_->can(direction::read))
            return ec;
        std::exchange(out_, nullptr)->close(); // an end that only writes is half-closed by closing it
        return {};
    }
    std::size_t unsent() const noexcept override { return out_ ? out_->unsent() : 0; }
    io_result try_flush() noexcept override { return out_ ? out_->try_flush() : io_result::moved(0); }
    bool sends_in_background() const noexcept override { return out_ && out_->sends_in_background(); }
    io_result try_drain() noexcept override { return out_ ? out_->try_drain() : io_result::moved(0); }
    bool stale(direction d) const noexcept override
    {
        const any_descriptor* const one = of(d);
        return one != nullptr && one->stale(d);
    }
    native_handle_type native_handle() const noexcept override { return invalid_handle; }
    native_handle_type socket() const noexcept override { return in_->socket(); }
    native_handle_type release(bytes&) noexcept override { return invalid_handle; }
    bool inheritable() const override { return in_->inheritable() && out_ && out_->inheritable(); }
    error_code set_inheritable(bool on) noexcept override
    {
        const error_code ec = in_->set_inheritable(on);
        return ec || !out_ ? ec : out_->set_inheritable(on);
    }

private:
    [[nodiscard]] any_descriptor* of(direction d) const noexcept
    {
        return d == direction::read ? in_.get() : out_.get();
    }

    std::unique_ptr<any_descriptor> in_;
    std::unique_ptr<any_descriptor> out_;
    transfer_kind kind_;
};

} // namespace ferrule::detail
