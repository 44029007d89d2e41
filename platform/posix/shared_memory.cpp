#include "platform/shared_memory/memory.hpp"

#include "platform/posix/last_error.hpp"

#include <boost/interprocess/mapped_region.hpp>
#include <fcntl.h>
#include <new>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ferrule::shared_memory {
namespace {

namespace ipc = boost::interprocess;

constexpr std::uint64_t header = 4096; // before the data, in a page of its own
static_assert(sizeof(ring_words) <= header);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// A peer that made the memory smaller would kill whoever touches the rest.
constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

/// A file without a name, for Boost.
class file {
public:
    explicit file(int fd) noexcept : fd_(fd) {}
    [[nodiscard]] ipc::mapping_handle_t get_mapping_handle() const noexcept { return {fd_, false}; }
    [[nodiscard]] static ipc::mode_t get_mode() noexcept { return ipc::read_write; }

private:
    int fd_;
};

class mapped_memory final : public ring_memory {
public:
    mapped_memory(int fd, std::uint64_t capacity)
        : region_(file(fd), ipc::read_write, 0, static_cast<std::size_t>(header + capacity))
    {
    }
    [[nodiscard]] ring_words& ring() const noexcept override
    {
        return *std::launder(static_cast<ring_words*>(region_.get_address()));
    }
    [[nodiscard]] std::byte* data() const noexcept override
    {
        return static_cast<std::byte*>(region_.get_address()) + header;
    }

private:
    ipc::mapped_region region_;
};

std::unique_ptr<mapped_memory> map(int fd, std::uint64_t capacity)
{
    try {
        return std::make_unique<mapped_memory>(fd, capacity);
    } catch (const ipc::interprocess_exception& e) {
        throw_error({e.get_native_error(), boost::system::system_category()});
    }
}

} // namespace

std::unique_ptr<ring_memory> make_memory(std::uint64_t capacity, os::unique_handle& handle)
{
    os::unique_handle fd = posix::checked(::memfd_create("ferrule", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    // Memory that is missing is an error now, and not the death of whoever touches it.
    if (const int e = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(header + capacity)); e != 0)
        throw_error({e, boost::system::system_category()});
    if (::fcntl(fd.get(), F_ADD_SEALS, seals) != 0)
        throw_error(posix::last_error());
    auto m = map(fd.get(), capacity);
    new (&m->ring()) ring_words;
    handle = std::move(fd);
    return m;
}

std::unique_ptr<ring_memory> map_memory(const os::unique_handle& handle, std::uint64_t capacity)
{
    struct stat st{};
    const int kept = ::fcntl(handle.get(), F_GET_SEALS);
    const bool is_fit = kept >= 0 && (kept & F_SEAL_SHRINK) != 0 && (kept & F_SEAL_WRITE) == 0 &&
                        ::fstat(handle.get(), &st) == 0 && static_cast<std::uint64_t>(st.st_size) == header + capacity;
    if (!is_fit)
        throw_error(errc::malformed);
    return map(handle.get(), capacity);
}

std::pair<descriptor, os::unique_handle> make_bell()
{
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0)
        throw_error(posix::last_error());
    os::unique_handle bell(fds[0]);
    os::unique_handle of_peer(fds[1]);
    (void)::fcntl(fds[1], F_SETPIPE_SZ, 4096); // a few bytes at a time, and a user may have only so many pages
    return {bell.adopt(), std::move(of_peer)};
}

descriptor open_bell(os::unique_handle handle)
{
    struct stat st{};
    if (::fstat(handle.get(), &st) != 0 || !S_ISFIFO(st.st_mode))
        throw_error(errc::malformed);
    descriptor d = handle.adopt();
    if (!d.get()->can(direction::write))
        throw_error(errc::malformed);
    return d;
}

} // namespace ferrule::shared_memory
