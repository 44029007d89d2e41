#include "src/multiprocessing/meeting.hpp"

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

meeting::state meeting::advance()
{
    for (;;) {
        if (!out_.empty()) {
            const io_result r = os::send_some(socket_.get(), out_);
            if (r.what() == io_result::status::would_block)
                return state::writing;
            if (r.what() != io_result::status::moved)
                throw_error(r.error());
            out_.drop_front(r.size());
        } else if (handshake_.is_done()) {
            handshake_.check();
            return state::done;
        } else if (handshake_.sends()) {
            out_ = frame_of(handshake_.next());
        } else {
            const decode_result frame = multiprocessing_bytes().decode(in_, limits(handshake::longest));
            if (frame.what() == decode_result::outcome::failed)
                throw_error(frame.error());
            if (frame.what() == decode_result::outcome::frame) {
                handshake_.take(byte_view(in_.data() + frame.header(), frame.payload()));
                in_.clear();
                continue;
            }
            in_.reserve(in_.size() + frame.needed());
            const io_result r = os::receive_some(socket_.get(), in_.spare().first(frame.needed()));
            if (r.what() == io_result::status::would_block)
                return state::reading;
            if (r.what() == io_result::status::end)
                throw_error(in_.empty() ? errc::end_of_stream : errc::truncated);
            if (r.what() != io_result::status::moved)
                throw_error(r.error());
            in_.commit(r.size());
        }
    }
}

} // namespace ferrule::python::detail
