// A script that chops, refuses and fails at random, and reports transfers to the reference. Private.
#pragma once

#include "src/testing/dice.hpp"
#include "src/testing/scripted.hpp"
#include "src/testing/traffic.hpp"

#include <boost/system/errc.hpp>

namespace ferrule::testing::kit {

class moody final : public script {
public:
    /// `in` and `out` are the traffic that the end receives and sends, or null. They must outlive the descriptor.
    moody(std::uint64_t seed, traffic* in, traffic* out) : dice_(seed), in_(in), out_(out)
    {
        switch (dice_(5)) {
        case 0:
        case 1: break; // behaves like the real one
        case 4: fails = dice_.one_in(2); [[fallthrough]];
        case 3: refuses = true; [[fallthrough]];
        case 2: max_size_ = dice_.one_in(2) ? 1 + dice_(8) : 1 + dice_(300);
        }
    }

    std::optional<io_result> before(direction d, std::size_t& max_size) noexcept override
    {
        refused_[index(d)] = false;
        if (max_size_ != 0)
            max_size = std::min(max_size, 1 + dice_(max_size_));
        if (fails && dice_.one_in(30)) {
            ++failures[index(d)];
            return io_result::failed(failure());
        }
        if (refuses && dice_.one_in(4)) {
            refused_[index(d)] = true;
            return io_result::would_block();
        }
        return std::nullopt;
    }
    void has_read(std::span<const std::byte> room, const io_result& r) noexcept override
    {
        if (in_ != nullptr && r.status() == io_status::moved)
            in_->read(byte_view(room).first(r.size()));
    }
    void has_written(std::span<const byte_view> offered, const io_result& r) noexcept override
    {
        if (out_ != nullptr && r.status() == io_status::moved)
            out_->wrote(offered, r.size());
    }
    /// A call refused at random is possible immediately, and the real handle is ready too.
    bool arming(direction d) noexcept override { return refused_[index(d)] && dice_.one_in(2); }

    static error_code failure() noexcept
    {
        return boost::system::errc::make_error_code(boost::system::errc::state_not_recoverable);
    }
    [[nodiscard]] bool chops() const noexcept { return max_size_ != 0; }
    void calm() noexcept { refuses = fails = false; }

    bool refuses = false;
    bool fails = false;
    std::size_t failures[2] = {}; // injected failures, by direction

private:
    static std::size_t index(direction d) noexcept { return d == direction::read ? 0 : 1; }

    dice dice_;
    traffic* in_;
    traffic* out_;
    std::size_t max_size_ = 0;
    bool refused_[2] = {};
};

} // namespace ferrule::testing::kit
