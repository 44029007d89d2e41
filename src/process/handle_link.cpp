#include <ferrule/process/handle_link.hpp>

#include "platform/handle_socket.hpp"

namespace ferrule {
namespace {

constexpr std::byte bare{1};
constexpr std::byte with_framing{2};
constexpr std::size_t max_name = 255;

} // namespace

decode_result handles::decode(byte_view buffered, const limits&) const noexcept
{
    if (buffered.empty())
        return decode_result::need_more(1);
    if (buffered.front() != with_framing)
        return decode_result::frame(0, 1);
    if (buffered.size() < 2)
        return decode_result::need_more(1);
    const std::size_t size = 2 + std::to_integer<std::size_t>(buffered[1]);
    return buffered.size() < size ? decode_result::need_more(size - buffered.size()) : decode_result::frame(0, size);
}

error_code handles::encode(const passed_handle& h, const limits&, encoded& out) const
{
    if (h.native_handle() == invalid_handle)
        return errc::bad_descriptor;
    if (h.framing().size() > max_name)
        return errc::too_large;
    error_code ec; // the caller's handle may be closed before the frame leaves
    os::unique_handle copy(os::duplicate_handle(h.native_handle(), ec));
    if (ec)
        return ec;
    const auto own = std::make_shared<const os::unique_handle>(std::move(copy));
    out.attach(own->get(), own);
    if (h.framing().empty())
        out.append_owned(bytes(byte_view(&bare, 1)));
    else {
        const std::byte head[] = {with_framing, static_cast<std::byte>(h.framing().size())};
        out.append_copy(head);
        out.append_owned(bytes(byte_view(h.framing())));
    }
    return {};
}

std::shared_ptr<detail::handle_arrival> handles::attached(std::uint64_t position) const noexcept
{
    return arrivals_->take(position);
}

passed_handle handles::load(const bytes& payload, const std::shared_ptr<detail::handle_arrival>& with) const
{
    const bool named = payload.size() > 1;
    const bool cut = with && with->is_cut;
    if (cut || !with || !with->handle.is_open() || (!named && payload.data()[0] != bare)) {
        if (with)
            with->handle = {};
        throw_error(cut ? errc::packet_truncated : errc::malformed);
    }
    std::string framing(named ? payload.text().substr(2) : "");
    return passed_handle(with->handle.release(), std::move(framing));
}

handle_link open_handle_link(native_handle_type socket)
{
    auto arrivals = std::make_shared<detail::handle_arrivals>();
    duplex d(os::open_handle_socket(socket, arrivals));
    return {std::move(d), handles(std::move(arrivals))};
}

std::pair<handle_link, handle_link> handle_link_pair()
{
    auto [one, other] = os::handle_sockets();
    handle_link first = open_handle_link(one.get());
    (void)one.release();
    handle_link second = open_handle_link(other.get());
    (void)other.release();
    return {std::move(first), std::move(second)};
}

} // namespace ferrule
