// Consoles: text, which is UTF-8 here whatever the console's code pages are.
//
// A read, which ends with a line, is done by a thread of the endpoint's own. Giving up a wait does not end it, since Windows would
// forget what was typed so far. Writing is ready at any time.
#include "platform/caught.hpp"
#include "platform/windows/text.hpp"
#include "platform/windows/threaded.hpp"

#include <algorithm>
#include <array>
#include <memory>

namespace ferrule::windows {
namespace {

constexpr std::size_t most_units = 4096; // of UTF-16, read or written at once

class console_state {
public:
    explicit console_state(HANDLE h) noexcept : console_(h) {}

    io_result read(std::span<std::byte> in)
    {
        if (text_.empty()) {
            if (!reading_.is_pending() && start() != ERROR_IO_PENDING)
                return io_result::failed(last_error());
            if (!reading_.finish(0))
                return io_result::would_block();
            if (error_ != 0 && error_ != ERROR_OPERATION_ABORTED) // aborted: by Ctrl-C
                return io_result::failed(system_error(error_));
            if (took() == ended)
                return io_result::end();
            if (text_.empty())
                return io_result::would_block();
        }
        const std::size_t n = std::min(in.size(), text_.size());
        std::copy_n(text_.begin(), n, in.begin());
        text_.drop_front(n);
        return io_result::moved(n);
    }

    readiness arm() noexcept
    {
        return !text_.empty() || !reading_.is_pending() ? readiness::now() : readiness::readable(reading_.event());
    }

    /// Ends a read; what has come goes to `left`.
    void stop(bytes& left)
    {
        if (reading_.is_pending()) {
            reading_.cancel();
            (void)took();
        }
        left.append(text_);
    }

    io_result write(std::span<const byte_view> out)
    {
        std::size_t total = 0;
        for (byte_view p : out) {
            p = p.first(std::min(p.size(), most_units));
            begun_.append(p);
            const std::size_t whole = begun_.size() - unfinished(begun_);
            const std::wstring w = wide(byte_view(byte_view(begun_).first(whole)).text(), 0);
            DWORD n = 0;
            if (::WriteConsoleW(console_, w.data(), static_cast<DWORD>(w.size()), &n, nullptr) == 0) {
                const error_code ec = last_error();
                begun_.clear();
                return total != 0 ? io_result::moved(total) : io_result::failed(ec);
            }
            begun_.drop_front(whole);
            total += p.size();
            if (p.size() == most_units)
                break;
        }
        return io_result::moved(total);
    }

private:
    enum outcome_of_reading : bool { more, ended };

    DWORD start() noexcept
    {
        return reading_.start(
            [](void* self) noexcept {
                auto& c = *static_cast<console_state*>(self);
                ::SetLastError(0);
                if (::ReadConsoleW(c.console_, c.units_.data() + c.kept_, most_units, &c.count_, nullptr) == 0)
                    c.count_ = 0;
                c.error_ = c.count_ == 0 ? ::GetLastError() : 0;
            },
            this);
    }

    outcome_of_reading took()
    {
        constexpr wchar_t control_z = 26;
        if (count_ != 0 && kept_ == 0 && units_[0] == control_z)
            return ended;
        std::wstring_view come(units_.data(), kept_ + count_);
        kept_ = !come.empty() && (come.back() & 0xfc00) == 0xd800 ? 1 : 0; // half a character
        text_.append(narrow(come.substr(0, come.size() - kept_)));
        if (kept_ != 0)
            units_[0] = come.back();
        return more;
    }

    /// Bytes at the end that begin a character.
    static std::size_t unfinished(byte_view text) noexcept
    {
        for (std::size_t n = 1; n <= std::min<std::size_t>(3, text.size()); ++n) {
            const auto b = std::to_integer<unsigned>(text[text.size() - n]);
            if (b >= 0xc0)
                return n < (b >= 0xf0 ? 4u : b >= 0xe0 ? 3u : 2u) ? n : 0;
            if (b < 0x80)
                break;
        }
        return 0;
    }

    const HANDLE console_;
    bytes text_;                                  // read, and wanted by nobody yet
    bytes begun_;                                 // written: the first bytes of a character
    std::array<wchar_t, 1 + most_units> units_{}; // what the thread has read follows what was kept
    std::size_t kept_ = 0;
    DWORD count_ = 0;
    DWORD error_ = 0;
    calling_thread reading_; // last: ends first
};

class console_end {
public:
    console_end(HANDLE h, bool owned, bool reads)
        : console_(h),
          owned_(owned),
          reads_(reads),
          state_(std::make_unique<console_state>(h))
    {
    }

    io_result try_read(std::span<std::byte> in) noexcept
    {
        return os::result_of([&] { return state_->read(in); });
    }
    io_result try_write(std::span<const byte_view> out) noexcept
    {
        return os::result_of([&] { return state_->write(out); });
    }
    [[nodiscard]] readiness arm(direction d) noexcept
    {
        return d == direction::read ? state_->arm() : readiness::now();
    }
    [[nodiscard]] bool can(direction d) const noexcept { return (d == direction::read) == reads_; }
    void close() noexcept
    {
        state_.reset();
        if (owned_ && console_ != invalid_handle)
            ::CloseHandle(std::exchange(console_, invalid_handle));
    }
    [[nodiscard]] native_handle_type native_handle() const noexcept { return console_; }
    [[nodiscard]] native_handle_type release(bytes& left) noexcept
    {
        state_->stop(left);
        return std::exchange(console_, invalid_handle);
    }
    [[nodiscard]] bool inheritable() const { return is_inheritable(console_); }
    error_code set_inheritable(bool on) noexcept { return make_inheritable(console_, on); }

private:
    HANDLE console_;
    bool owned_;
    bool reads_;
    std::unique_ptr<console_state> state_;
};

} // namespace

bool is_console(HANDLE h) noexcept
{
    DWORD mode = 0;
    return ::GetConsoleMode(h, &mode) != 0;
}

descriptor open_console(HANDLE h, bool owned)
{
    DWORD events = 0;
    return console_end(h, owned, ::GetNumberOfConsoleInputEvents(h, &events) != 0);
}

} // namespace ferrule::windows
