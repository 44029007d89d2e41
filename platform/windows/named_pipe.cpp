// Listening named pipes, and connections to them. Messages go both ways, as in Python's multiprocessing.
#include "platform/caught.hpp"
#include "platform/digest.hpp"
#include "platform/windows/net.hpp"
#include "platform/windows/overlapped.hpp"

#include <array>
#include <memory>

#include <sddl.h>

namespace ferrule::windows {
namespace {

constexpr std::string_view local_pipes = R"(\\.\pipe\)";

class listening_pipe final : public os::listening {
public:
    explicit listening_pipe(const os::native_address& a)
        : at_(a),
          name_(wide(os::text_of(a).name)),
          next_(instance(FILE_FLAG_FIRST_PIPE_INSTANCE))
    {
        wait();
    }
    ~listening_pipe() override
    {
        if (call_.is_pending())
            (void)call_.cancel(next_.get());
    }

    [[nodiscard]] os::native_address where() const override { return at_; }
    [[nodiscard]] readiness wait_handle() const noexcept override { return readiness::readable(call_.event()); }
    [[nodiscard]] std::optional<descriptor> accept(error_code& ec) noexcept override
    {
        if (call_.is_pending())
            came_ = call_.result(next_.get()).error;
        if (came_ == ERROR_IO_INCOMPLETE)
            return std::nullopt;
        return os::try_make(
            [&] {
                // An instance to connect to always exists, since clients would otherwise find no listener.
                unique_handle accepted = std::exchange(next_, instance(0));
                const DWORD e = std::exchange(came_, DWORD{0});
                wait();
                // ERROR_PIPE_CONNECTED reports a client that came before the wait. ERROR_NO_DATA reports one that has
                // left again, but whose data can be read.
                if (e != 0 && e != ERROR_PIPE_CONNECTED && e != ERROR_NO_DATA)
                    throw_error(system_error(e));
                return accepted.adopt();
            },
            ec);
    }

private:
    [[nodiscard]] unique_handle instance(DWORD first) const
    {
        constexpr DWORD room = 64 * 1024;
        return make_pipe_instance(name_, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first,
                                  PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE, PIPE_UNLIMITED_INSTANCES, room, room);
    }
    // The next accept reports an error of this function.
    void wait() noexcept
    {
        try {
            came_ = call_.connect(next_.get());
        } catch (const std::exception&) {
            came_ = ERROR_NOT_ENOUGH_MEMORY;
        }
        if (!call_.is_pending())
            ::SetEvent(call_.event());
    }

    os::native_address at_;
    std::wstring name_;
    overlapped_call call_;
    unique_handle next_; // the instance for the next client
    DWORD came_ = 0;     // the result of waiting for that client, once it is over
};

class pipe_attempt final : public os::attempt {
public:
    // The listener may identify this process but not impersonate it.
    explicit pipe_attempt(const std::wstring& name)
        : pipe_(::CreateFileW(name.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                              FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr))
    {
        if (!pipe_.is_open())
            failed_ = last_error();
    }

    [[nodiscard]] readiness wait_handle() const noexcept override { return readiness::now(); }
    [[nodiscard]] std::optional<descriptor> result(error_code& ec) noexcept override
    {
        if ((ec = failed_))
            return std::nullopt;
        return os::try_make([&] { return pipe_.adopt(); }, ec);
    }

private:
    unique_handle pipe_;
    error_code failed_;
};

} // namespace

std::string fresh_pipe_name()
{
    return std::string(local_pipes) + fresh_name();
}

std::string fresh_name()
{
    std::array<std::byte, 16> random;
    os::fill_with_random(random);
    std::string name = "ferrule-";
    for (const std::byte b : random) {
        name += "0123456789abcdef"[std::to_integer<unsigned>(b >> 4)];
        name += "0123456789abcdef"[std::to_integer<unsigned>(b & std::byte{15})];
    }
    return name;
}

unique_handle make_pipe_instance(const std::wstring& name, DWORD access, DWORD mode, DWORD max_instances,
                                 DWORD room_out, DWORD room_in)
{
    PSECURITY_DESCRIPTOR who = nullptr;
    if (::ConvertStringSecurityDescriptorToSecurityDescriptorA("D:P(A;;GA;;;OW)(A;;GA;;;SY)(A;;GA;;;BA)",
                                                               SDDL_REVISION_1, &who, nullptr) == 0)
        throw_error(last_error());
    const std::unique_ptr<void, HLOCAL(WINAPI*)(HLOCAL)> owner(who, &::LocalFree);
    SECURITY_ATTRIBUTES attributes{sizeof attributes, who, FALSE};
    unique_handle h(::CreateNamedPipeW(name.c_str(), access, mode | PIPE_REJECT_REMOTE_CLIENTS, max_instances, room_out,
                                       room_in, 0, &attributes));
    if (!h.is_open())
        throw_error(last_error());
    return h;
}

void check_pipe_name(const std::string& name)
{
    if (name.size() == local_pipes.size() || !name.starts_with(local_pipes) || name.find('\0') != name.npos)
        throw usage_error(errc::invalid_argument, "pipe '" + name + "'");
}

std::unique_ptr<os::listening> listen_at_pipe(const os::native_address& a)
{
    return std::make_unique<listening_pipe>(a);
}

std::unique_ptr<os::attempt> connect_pipe(const os::native_address& a)
{
    return std::make_unique<pipe_attempt>(wide(os::text_of(a).name));
}

} // namespace ferrule::windows
