#include "src/core/channel.hpp"

#include "src/core/write_operation.hpp"

namespace ferrule::detail {

channel::~channel()
{
    // Operations keep the channel alive, so no caller is inside. The tail is dropped, so that nothing blocks here.
    shut(false);
}

bool channel::shut(bool keep_handle) noexcept
{
    const std::uint32_t entered = users.enter(); // keeps the descriptor open until `leave`
    const bool first = users.shut();
    if (first) {
        keep_handle_ = keep_handle;
        for (channel_half* s : {&reading, &writing}) {
            s->lock.shut();
            s->point->wake();
        }
    }
    leave(entered);
    return first;
}

void channel::close_descriptor() noexcept
{
    for (channel_half* s : {&reading, &writing}) {
        const auto guard = s->point->guard();
        s->point->unwatch(); // a closed descriptor would stay in the set while a forked process has it open
    }
    if (!keep_handle_)
        fd->close();
    users.set_finished();
}

bool channel::push_rest() noexcept
{
    if (!writing.lock.try_lock())
        return true; // the sender pushes it, or wakes the reader when leaving
    write_request nothing(write_request::what::flush);
    transfer_result unused;
    write_operation flush(*this, nothing, unused);
    const bool fine = flush.advance(true) != step::done || !flush.result;
    writing.lock.unlock();
    return fine;
}

} // namespace ferrule::detail
