#include "platform/foreign_handle.hpp"
#include "platform/windows/handle.hpp"

namespace ferrule::os {

foreign_handle name_of(native_handle_type h, bool readable, bool writable) noexcept
{
    return {reinterpret_cast<std::uintptr_t>(h), ::GetCurrentProcessId(),
            (readable ? DWORD{FILE_GENERIC_READ} : 0) | (writable ? DWORD{FILE_GENERIC_WRITE} : 0)};
}

unique_handle take_over(const foreign_handle& h)
{
    const HANDLE named = reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(h.number));
    if (h.process == ::GetCurrentProcessId()) // another process has put it here
        return unique_handle(named);
    const unique_handle process(::OpenProcess(PROCESS_DUP_HANDLE, FALSE, h.process));
    HANDLE own = nullptr;
    if (!process.is_open() || ::DuplicateHandle(process.get(), named, ::GetCurrentProcess(), &own, h.access, FALSE,
                                                DUPLICATE_CLOSE_SOURCE) == 0)
        throw_error(windows::last_error());
    return unique_handle(own);
}

} // namespace ferrule::os
