// Files and the null device, which are always ready.
#include "platform/windows/handle.hpp"

#include <winternl.h>

#include <algorithm>

namespace ferrule::windows {
namespace {

constexpr std::size_t at_once = std::size_t{1} << 30;

DWORD size_of(std::size_t n) noexcept
{
    return static_cast<DWORD>(std::min(n, at_once));
}

class file_end {
public:
    file_end(HANDLE h, bool owned, bool reads, bool writes) : file_(h), owned_(owned), reads_(reads), writes_(writes) {}

    io_result try_read(std::span<std::byte> in) noexcept
    {
        DWORD n = 0;
        if (::ReadFile(file_, in.data(), size_of(in.size()), &n, nullptr) == 0)
            return ::GetLastError() == ERROR_HANDLE_EOF ? io_result::end() : io_result::failed(last_error());
        return n == 0 && !in.empty() ? io_result::end() : io_result::moved(n);
    }
    io_result try_write(std::span<const byte_view> out) noexcept
    {
        std::size_t total = 0;
        for (const byte_view p : out) {
            DWORD n = 0;
            if (::WriteFile(file_, p.data(), size_of(p.size()), &n, nullptr) == 0)
                return total != 0 ? io_result::moved(total) : io_result::failed(last_error());
            total += n;
            if (n < p.size())
                break;
        }
        return io_result::moved(total);
    }
    [[nodiscard]] readiness arm(direction) noexcept { return readiness::now(); }
    [[nodiscard]] bool can(direction d) const noexcept { return d == direction::read ? reads_ : writes_; }
    void close() noexcept
    {
        const HANDLE h = release();
        if (owned_ && h != invalid_handle)
            ::CloseHandle(h);
    }
    [[nodiscard]] native_handle_type native_handle() const noexcept { return file_; }
    [[nodiscard]] native_handle_type release() noexcept { return std::exchange(file_, invalid_handle); }
    [[nodiscard]] bool inheritable() const { return is_inheritable(file_); }
    error_code set_inheritable(bool on) noexcept { return make_inheritable(file_, on); }

private:
    HANDLE file_;
    bool owned_;
    bool reads_;
    bool writes_;
};

bool is_null_device(HANDLE h)
{
    struct { // FILE_FS_DEVICE_INFORMATION
        ULONG type, characteristics;
    } device{};
    constexpr int device_information = 4;    // FileFsDeviceInformation
    constexpr ULONG file_device_null = 0x15; // FILE_DEVICE_NULL
    IO_STATUS_BLOCK status{};
    return ::NtQueryVolumeInformationFile(h, &status, &device, sizeof device,
                                          static_cast<FS_INFORMATION_CLASS>(device_information)) == 0 &&
           device.type == file_device_null;
}

bool is_folder(HANDLE h)
{
    FILE_STANDARD_INFO info{};
    return ::GetFileInformationByHandleEx(h, FileStandardInfo, &info, sizeof info) != 0 && info.Directory != 0;
}

} // namespace

descriptor open_file(HANDLE h, bool owned)
{
    if (::GetFileType(h) != FILE_TYPE_DISK) {
        if (!is_null_device(h)) // such as a serial line, which is not always ready
            throw_error(errc::unsupported);
    } else if (is_folder(h))
        throw_error(errc::bad_descriptor);
    else if (!is_synchronous(h))
        throw_error(errc::unsupported);
    const ULONG access = access_of(h);
    return file_end(h, owned, (access & FILE_READ_DATA) != 0, (access & (FILE_WRITE_DATA | FILE_APPEND_DATA)) != 0);
}

} // namespace ferrule::windows
