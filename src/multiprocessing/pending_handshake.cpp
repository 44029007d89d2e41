#include "src/multiprocessing/pending_handshake.hpp"

#include <ferrule/framing/multiprocessing_bytes.hpp>

namespace ferrule::python::detail {
namespace {

bytes frame_of(byte_view message)
{
    encoded e;
    if (const error_code ec = multiprocessing_bytes().encode({&message, 1}, {}, e))
        throw_error(ec);
    bytes frame;
    for (std::size_t i = 0; i < e.parts(); ++i)
        frame.append(e.part(i));
    return frame;
}

} // namespace

std::optional<readiness> pending_handshake::advance()
{
    for (;;) {
        if (waits_)
            connection_.get()->disarm(*std::exchange(waits_, {}));
        if (!sends_ && handshake_.is_done()) {
            handshake_.check();
            return std::nullopt;
        }
        if (!sends_ && handshake_.sends()) {
            out_ = handshake_.next();
            if (connection_.get()->kind() == transfer_kind::stream)
                out_ = frame_of(out_);
            sends_ = true;
        }
        if (sends_ ? send() : receive())
            continue;
        waits_ = sends_ ? direction::write : direction::read;
        const readiness r = connection_.get()->arm(*waits_);
        if (!r.is_now())
            return r;
    }
}

bool pending_handshake::send()
{
    const byte_view part(out_);
    const io_result r = connection_.get()->try_write({&part, 1});
    if (r.status() == io_status::would_block)
        return false;
    if (r.status() != io_status::moved)
        throw_error(r.error());
    out_.drop_front(r.size());
    sends_ = !out_.empty();
    return true;
}

bool pending_handshake::receive()
{
    std::size_t wanted = handshake::max_message; // of a packet
    if (connection_.get()->kind() == transfer_kind::stream) {
        const decode_result frame = multiprocessing_bytes().decode(in_, limits(handshake::max_message));
        if (frame.status() == decode_status::failed)
            throw_error(frame.error());
        if (frame.status() == decode_status::frame) {
            handshake_.take(byte_view(in_.data() + frame.header(), frame.payload()));
            in_.clear();
            return true;
        }
        wanted = frame.needed();
    }
    in_.reserve(in_.size() + wanted);
    const io_result r = connection_.get()->try_read(in_.spare().first(wanted));
    switch (r.status()) {
    case io_status::would_block: return false;
    case io_status::end: throw_error(in_.empty() ? errc::end_of_stream : errc::truncated);
    case io_status::larger: throw_error(errc::too_large);
    case io_status::failed: throw_error(r.error());
    case io_status::moved: break;
    }
    in_.commit(r.size());
    if (connection_.get()->kind() == transfer_kind::message) {
        handshake_.take(in_);
        in_.clear();
    }
    return true;
}

} // namespace ferrule::python::detail
