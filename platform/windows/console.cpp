// Consoles. Text is UTF-8 whatever the console's code pages are.
//
// A read ends with a line and runs in the endpoint's own thread. Giving up a wait does not end it, since Windows would
// forget what was typed so far. Writing is always ready.
#include "platform/windows/threaded.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace ferrule::windows {
namespace {

constexpr std::size_t at_once = 4096; // UTF-16 units per read, or bytes per write

/// Returns the number of bytes at the end that begin an incomplete character.
std::size_t unfinished(std::string_view text) noexcept
{
    for (std::size_t n = 1; n <= std::min<std::size_t>(3, text.size()); ++n) {
        const auto b = static_cast<unsigned char>(text[text.size() - n]);
        if (b >= 0xc0)
            return n < (b >= 0xf0 ? 4u : b >= 0xe0 ? 3u : 2u) ? n : 0;
        if (b < 0x80)
            break;
    }
    return 0;
}

class console_input {
public:
    explicit console_input(HANDLE h) noexcept : console_(h) {}

    io_result read(std::span<std::byte> in) noexcept
    {
        if (text_.empty()) {
            if (!reading_.is_pending()) {
                if (const DWORD e = start(); e != ERROR_IO_PENDING)
                    return io_result::failed(system_error(e));
            }
            if (!reading_.finish(0))
                return io_result::would_block();
            if (error_ != 0 && error_ != ERROR_OPERATION_ABORTED) // Ctrl-C aborts a read
                return io_result::failed(system_error(error_));
            constexpr wchar_t control_z = 26;
            if (count_ != 0 && kept_ == 0 && units_[0] == control_z)
                return io_result::end();
            take();
            if (text_.empty())
                return io_result::would_block();
        }
        const std::size_t n = std::min(in.size(), text_.size());
        std::copy_n(byte_view(text_).begin(), n, in.begin());
        text_.remove_prefix(n);
        return io_result::moved(n);
    }

    readiness arm() const noexcept
    {
        return !text_.empty() || !reading_.is_pending() ? readiness::now() : readiness::readable(reading_.event());
    }

    /// Ends a read and appends its input to `left`.
    void stop(bytes& left)
    {
        if (reading_.is_pending()) {
            reading_.cancel();
            take();
        }
        left.append(text_);
    }

private:
    DWORD start() noexcept
    {
        return reading_.start(
            [](void* self) noexcept {
                auto& c = *static_cast<console_input*>(self);
                ::SetLastError(0);
                if (::ReadConsoleW(c.console_, c.units_.data() + c.kept_, at_once, &c.count_, nullptr) == 0)
                    c.count_ = 0;
                c.error_ = c.count_ == 0 ? ::GetLastError() : 0;
            },
            this);
    }

    /// Converts the input to UTF-8.
    void take() noexcept
    {
        const std::size_t all = kept_ + count_;
        kept_ = all != 0 && (units_[all - 1] & 0xfc00) == 0xd800 ? 1 : 0; // half a surrogate pair
        const int n = ::WideCharToMultiByte(CP_UTF8, 0, units_.data(), static_cast<int>(all - kept_), space_.data(),
                                            static_cast<int>(space_.size()), nullptr, nullptr);
        text_ = {space_.data(), static_cast<std::size_t>(n)};
        if (kept_ != 0)
            units_[0] = units_[all - 1];
    }

    const HANDLE console_;
    std::array<wchar_t, 1 + at_once> units_{}; // the kept unit, then what the thread has read
    std::size_t kept_ = 0;
    DWORD count_ = 0;
    DWORD error_ = 0;
    std::array<char, 3 * (1 + at_once)> space_{};
    std::string_view text_;  // in `space_`, not delivered yet
    calling_thread reading_; // last, so that it ends first
};

class console_output {
public:
    explicit console_output(HANDLE h) noexcept : console_(h) {}

    io_result write(std::span<const byte_view> out) noexcept
    {
        std::size_t total = 0;
        for (const byte_view p : out) {
            const std::string_view part = p.text().substr(0, at_once);
            if (const error_code ec = show(part))
                return total != 0 ? io_result::moved(total) : io_result::failed(ec);
            total += part.size();
            if (part.size() < p.size())
                break;
        }
        return io_result::moved(total);
    }

private:
    error_code show(std::string_view part) noexcept
    {
        const auto end = std::copy(part.begin(), part.end(), text_.begin() + begun_);
        const std::string_view all(text_.begin(), end);
        begun_ = unfinished(all);
        const int n = ::MultiByteToWideChar(CP_UTF8, 0, text_.data(), static_cast<int>(all.size() - begun_),
                                            units_.data(), static_cast<int>(units_.size()));
        std::copy_n(end - begun_, begun_, text_.begin());
        DWORD shown = 0;
        if (n != 0 && ::WriteConsoleW(console_, units_.data(), static_cast<DWORD>(n), &shown, nullptr) == 0)
            return last_error();
        return {};
    }

    const HANDLE console_;
    std::array<char, 3 + at_once> text_{};
    std::size_t begun_ = 0; // bytes of it that begin an incomplete character
    std::array<wchar_t, 3 + at_once> units_{};
};

class console_end {
public:
    console_end(HANDLE h, bool owned, bool reads) : console_(h), owned_(owned)
    {
        if (reads)
            input_ = std::make_unique<console_input>(h);
        else
            output_ = std::make_unique<console_output>(h);
    }

    io_result try_read(std::span<std::byte> in) noexcept { return input_->read(in); }
    io_result try_write(std::span<const byte_view> out) noexcept { return output_->write(out); }
    [[nodiscard]] readiness arm(direction d) noexcept
    {
        return d == direction::read ? input_->arm() : readiness::now();
    }
    [[nodiscard]] bool can(direction d) const noexcept { return (d == direction::read) == (input_ != nullptr); }
    void close() noexcept
    {
        input_.reset();
        const HANDLE h = std::exchange(console_, invalid_handle);
        if (owned_ && h != invalid_handle)
            ::CloseHandle(h);
    }
    [[nodiscard]] native_handle_type native_handle() const noexcept { return console_; }
    [[nodiscard]] native_handle_type release(bytes& left) noexcept
    {
        if (input_)
            input_->stop(left);
        return std::exchange(console_, invalid_handle);
    }
    [[nodiscard]] bool inheritable() const { return is_inheritable(console_); }
    error_code set_inheritable(bool on) noexcept { return make_inheritable(console_, on); }

private:
    HANDLE console_;
    bool owned_;
    std::unique_ptr<console_input> input_; // one of the two is null
    std::unique_ptr<console_output> output_;
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
