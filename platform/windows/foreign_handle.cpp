#include "platform/foreign_handle.hpp"
#include "platform/windows/handle.hpp"

namespace ferrule {

using namespace windows;

passed_handle::passed_handle(const endpoint& e, std::string framing) : framing_(std::move(framing))
{
    detail::require_nothing_held(e.channel());
    const detail::handle_use use(e.channel()); // nobody closes it meanwhile
    if (use.get() == invalid_handle)
        throw_error(errc::closed);
    if (is_socket(use.get())) // which do not survive it
        throw_error(errc::unsupported);
    unique_handle copy = copy_of(use.get());
    if (!copy.is_open())
        throw_error(last_error());
    handle_ = copy.release();
}

passed_handle::~passed_handle()
{
    if (handle_ != invalid_handle)
        ::CloseHandle(handle_);
}

os::foreign_handle os::name_of(const passed_handle& h, bool readable, bool writable) noexcept
{
    return {reinterpret_cast<std::uintptr_t>(h.native_handle()), ::GetCurrentProcessId(),
            (readable ? DWORD{FILE_GENERIC_READ} : 0) | (writable ? DWORD{FILE_GENERIC_WRITE} : 0)};
}

passed_handle os::take_over(const foreign_handle& h)
{
    const HANDLE named = reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(h.number));
    if (h.process == ::GetCurrentProcessId()) // somebody has put it here
        return passed_handle(named);
    const unique_handle process(::OpenProcess(PROCESS_DUP_HANDLE, FALSE, h.process));
    HANDLE own = nullptr;
    if (!process.is_open() || ::DuplicateHandle(process.get(), named, ::GetCurrentProcess(), &own, h.access, FALSE,
                                                DUPLICATE_CLOSE_SOURCE) == 0)
        throw_error(last_error());
    return passed_handle(own);
}

} // namespace ferrule
