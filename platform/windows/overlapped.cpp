#include "platform/windows/overlapped.hpp"

#include <winternl.h>

namespace ferrule::windows {

std::size_t room_in(HANDLE h) noexcept
{
    struct { // FILE_PIPE_LOCAL_INFORMATION
        ULONG type, configuration, max_instances, instances, inbound_quota, readable, outbound_quota, room, state, end;
    } pipe{};
    constexpr int local_information = 24; // FilePipeLocalInformation
    IO_STATUS_BLOCK status{};
    const auto what = static_cast<FILE_INFORMATION_CLASS>(local_information);
    return ::NtQueryInformationFile(h, &status, &pipe, sizeof pipe, what) == 0 ? pipe.room : 0;
}

DWORD overlapped_call::begun(BOOL done) noexcept
{
    const DWORD e = done != 0 ? 0 : ::GetLastError();
    pending_ = e == ERROR_IO_PENDING;
    return e;
}

DWORD overlapped_call::probe(HANDLE h) noexcept
{
    static std::byte none;
    return read(h, {&none, 0});
}

DWORD overlapped_call::read(HANDLE h, std::span<std::byte> in) noexcept
{
    return begun(::ReadFile(h, in.data(), static_cast<DWORD>(in.size()), nullptr, begin()));
}

// When a thread ends, Windows cancels the calls that it has begun. So a thread that does not end begins each write that
// may stay pending. A completion port would also do, but a handle cannot be taken out of one.
DWORD overlapped_call::write(HANDLE h, byte_view data)
{
    DWORD e;
    const auto start = [&] {
        e = begun(::WriteFile(h, data.data(), static_cast<DWORD>(data.size()), nullptr, begin()));
    };
    if (!data.empty() && room_in(h) >= data.size())
        start();
    else
        do_in_lasting_thread(start);
    return e == ERROR_IO_PENDING ? 0 : e;
}

DWORD overlapped_call::connect(HANDLE h)
{
    DWORD e;
    do_in_lasting_thread([&] { e = begun(::ConnectNamedPipe(h, begin())); });
    return e;
}

outcome overlapped_call::take(HANDLE h, std::span<std::byte> in) noexcept
{
    outcome o{read(h, in), 0};
    if (o.error == ERROR_IO_PENDING)
        return cancel(h);
    if (o.error == 0 || o.error == ERROR_MORE_DATA)
        ::GetOverlappedResult(h, &call_, &o.size, FALSE);
    return o;
}

} // namespace ferrule::windows
