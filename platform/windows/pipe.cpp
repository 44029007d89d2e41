// Named and anonymous pipes of bytes and of messages.
//
// Reading begins with a read of 0 bytes, which Windows ends when input arrives. So nothing leaves the pipe before a
// caller wants it, and ending a wait loses nothing. On message pipes such a read takes empty messages, which is noted.
// Writing copies the bytes, and the copy exists until Windows has written it.
#include "platform/caught.hpp"
#include "platform/windows/overlapped.hpp"
#include "platform/windows/threaded.hpp"

#include <algorithm>
#include <memory>

namespace ferrule::windows {
namespace {

constexpr std::size_t chunk = 64 * 1024;
constexpr std::size_t max_message = std::size_t{1} << 30;

io_result failed_reading(DWORD e) noexcept
{
    return e == ERROR_BROKEN_PIPE || e == ERROR_PIPE_NOT_CONNECTED || e == ERROR_HANDLE_EOF
               ? io_result::end()
               : io_result::failed(system_error(e));
}

io_result failed_writing(DWORD e) noexcept
{
    return io_result::failed(system_error(e == ERROR_NO_DATA || e == ERROR_PIPE_NOT_CONNECTED ? ERROR_BROKEN_PIPE : e));
}

/// Whether the pipe keeps message boundaries, and what its handle allows.
struct pipe_facts {
    bool messages;
    bool reads;
    bool writes;
};

/// `Call` makes the calls on this handle without blocking.
template <class Call>
struct pipe_state {
    pipe_state(HANDLE h, bool own, pipe_facts f) : pipe(h), owned(own), facts(f) {}

    io_result read(std::span<std::byte> in)
    {
        const presence p = look();
        if (p.what != presence::there)
            return p.what == presence::nothing ? io_result::would_block()
                   : p.what == presence::empty ? io_result::moved(0)
                                               : failed_reading(p.error);
        if (facts.messages && part.size() + p.left > in.size())
            return io_result::larger(part.size() + p.left);
        const std::size_t wanted =
            facts.messages ? in.size() - part.size() : std::min<std::size_t>(in.size(), p.available);
        std::copy(byte_view(part).begin(), byte_view(part).end(), in.begin());
        const outcome o = probing.take(pipe, in.subspan(part.size(), std::min(wanted, max_message)));
        known = facts.messages || o.error != 0 ? 0 : p.available - o.size;
        if (o.error == ERROR_OPERATION_ABORTED) // another reader of the pipe was faster
            return io_result::would_block();
        if (o.error == ERROR_MORE_DATA) { // the message has grown since the look
            part.append(byte_view(in).subspan(part.size(), o.size));
            return io_result::larger(part.size() + chunk);
        }
        if (o.error != 0)
            return failed_reading(o.error);
        const std::size_t size = part.size() + o.size;
        part.clear();
        return io_result::moved(size);
    }

    io_result write(std::span<const byte_view> parts)
    {
        if (writing.is_pending()) {
            const auto o = writing.result(pipe);
            if (o.error == ERROR_IO_INCOMPLETE)
                return io_result::would_block();
            if (o.error != 0)
                return failed_writing(o.error);
        }
        out.clear();
        for (const byte_view p : parts) {
            const std::size_t n = facts.messages ? p.size() : std::min(p.size(), chunk - out.size());
            out.append(p.first(n));
        }
        if (out.size() > max_message)
            return io_result::failed(errc::too_large);
        if (out.empty() && !facts.messages)
            return io_result::moved(0);
        if (const DWORD e = writing.write(pipe, out); e != 0)
            return failed_writing(e);
        return io_result::moved(out.size());
    }

    readiness arm_read() noexcept
    {
        if (empty_came || !part.empty() || known != 0)
            return readiness::now();
        if (!probing.is_pending() && probe() != ERROR_IO_PENDING)
            return readiness::now();
        return readiness::readable(probing.event());
    }

    readiness arm_write() noexcept
    {
        return writing.is_pending() ? readiness::readable(writing.event()) : readiness::now();
    }

    void stop_reading() noexcept
    {
        if (!probing.is_pending())
            return;
        note(probing.cancel(pipe).error);
    }

    const HANDLE pipe;
    const bool owned;
    const pipe_facts facts;
    Call probing; // also takes what it has found
    Call writing;
    bytes out;               // what is being written
    bytes part;              // the beginning of a message
    bool empty_came = false; // an empty message
    DWORD known = 0;         // bytes seen and left in the pipe

private:
    struct presence {
        enum : unsigned char { nothing, empty, there, failed } what;
        DWORD error = 0;
        DWORD available = 0;
        DWORD left = 0; // bytes of the message
    };

    DWORD probe() noexcept
    {
        const DWORD e = probing.probe(pipe);
        if (e != ERROR_IO_PENDING)
            note(e);
        return e;
    }
    /// Evaluates the end of a probe.
    void note(DWORD e) noexcept
    {
        if (e == 0 && facts.messages)
            empty_came = true;
    }

    presence look() noexcept
    {
        if (probing.is_pending()) {
            const DWORD e = probing.result(pipe).error;
            if (e == ERROR_IO_INCOMPLETE)
                return {presence::nothing};
            note(e);
        }
        if (std::exchange(empty_came, false))
            return {presence::empty};
        presence p{presence::there, 0, known};
        if (known != 0)
            return p;
        if (::PeekNamedPipe(pipe, nullptr, 0, nullptr, &p.available, &p.left) == 0)
            return {presence::failed, ::GetLastError()};
        if (p.available != 0)
            return p;
        if (!facts.messages)
            return {presence::nothing};
        // There may be an empty message, which can be taken but not seen.
        const DWORD e = probe();
        if (std::exchange(empty_came, false))
            return {presence::empty};
        if (e == ERROR_IO_PENDING)
            return {presence::nothing};
        if (e != ERROR_MORE_DATA)
            return {presence::failed, e};
        return ::PeekNamedPipe(pipe, nullptr, 0, nullptr, &p.available, &p.left) != 0
                   ? p
                   : presence{presence::failed, ::GetLastError()};
    }
};

template <class Call>
class pipe_end {
public:
    explicit pipe_end(std::unique_ptr<pipe_state<Call>> s) noexcept : state_(std::move(s)) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        return attempt([&] { return state_->read(in); });
    }
    io_result try_write(std::span<const byte_view> out) noexcept
    {
        return attempt([&] { return state_->write(out); });
    }
    [[nodiscard]] readiness arm(direction d) noexcept
    {
        return d == direction::read ? state_->arm_read() : state_->arm_write();
    }
    // Ends the read, so that the next user of the handle, such as a child, finds all input in the pipe.
    void disarm(direction d) noexcept
    {
        if (d == direction::read)
            state_->stop_reading();
    }
    [[nodiscard]] bool can(direction d) const noexcept
    {
        return d == direction::read ? state_->facts.reads : state_->facts.writes;
    }
    [[nodiscard]] transfer_kind kind() const noexcept
    {
        return state_->facts.messages ? transfer_kind::message : transfer_kind::stream;
    }
    [[nodiscard]] native_handle_type native_handle() const noexcept { return state_ ? state_->pipe : invalid_handle; }
    [[nodiscard]] bool inheritable() const { return is_inheritable(state_->pipe); }
    error_code set_inheritable(bool on) noexcept { return make_inheritable(state_->pipe, on); }

    // Bytes that `try_write` has taken are still written, as long as the pipe has a reader.
    void close() noexcept
    {
        if (!state_)
            return;
        state_->stop_reading();
        if (state_->writing.is_pending() && state_->writing.result(state_->pipe).error == ERROR_IO_INCOMPLETE) {
            if (PTP_WAIT const wait = ::CreateThreadpoolWait(&written, state_.get(), nullptr)) {
                ::SetThreadpoolWait(wait, state_.release()->writing.event(), nullptr);
                return;
            }
            (void)state_->writing.result(state_->pipe, true);
        }
        shut(*state_);
        state_.reset();
    }
    /// Blocks until the bytes that `try_write` has taken are written.
    [[nodiscard]] native_handle_type release(bytes& left) noexcept
    {
        state_->stop_reading();
        if (state_->writing.is_pending())
            (void)state_->writing.result(state_->pipe, true);
        left.append(state_->part);
        const HANDLE h = state_->pipe;
        state_.reset();
        return h;
    }

private:
    template <class F>
    static io_result attempt(F f) noexcept
    {
        try {
            return f();
        } catch (...) {
            return io_result::failed(os::caught());
        }
    }
    static void shut(pipe_state<Call>& s) noexcept
    {
        if (s.owned)
            ::CloseHandle(s.pipe);
    }
    static void CALLBACK written(PTP_CALLBACK_INSTANCE, void* state, PTP_WAIT wait, TP_WAIT_RESULT) noexcept
    {
        const std::unique_ptr<pipe_state<Call>> s(static_cast<pipe_state<Call>*>(state));
        (void)s->writing.result(s->pipe);
        shut(*s);
        ::CloseThreadpoolWait(wait);
    }

    std::unique_ptr<pipe_state<Call>> state_;
};

} // namespace

descriptor open_pipe(HANDLE h, bool owned, uses u)
{
    DWORD flags = 0;
    if (::GetNamedPipeInfo(h, &flags, nullptr, nullptr, nullptr) == 0)
        throw_error(errc::bad_descriptor);
    const ULONG access = access_of(h);
    pipe_facts f{(flags & PIPE_TYPE_MESSAGE) != 0, u.reads && (access & FILE_READ_DATA) != 0,
                 u.writes && (access & FILE_WRITE_DATA) != 0};
    const bool waits = is_synchronous(h);
    if (waits && f.reads && f.writes) // Windows makes one of the two wait for the other
        throw_error(errc::unsupported);
    DWORD mode = 0;
    if (f.messages && f.reads && // a client's end reads bytes by default
        (::GetNamedPipeHandleStateW(h, &mode, nullptr, nullptr, nullptr, nullptr, 0) == 0 ||
         (mode & PIPE_READMODE_MESSAGE) == 0)) {
        mode = PIPE_READMODE_MESSAGE;
        if (::SetNamedPipeHandleState(h, &mode, nullptr, nullptr) == 0)
            throw_error(last_error());
    }
    if (waits)
        return pipe_end(std::make_unique<pipe_state<threaded_call>>(h, owned, f));
    return pipe_end(std::make_unique<pipe_state<overlapped_call>>(h, owned, f));
}

} // namespace ferrule::windows
