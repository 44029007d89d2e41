// Files and devices that are handed in as handles.

#include "support/test.hpp"
#include "support/windows/must.hpp"

#include <filesystem>

namespace {

/// A file that is removed in the end.
class temporary_file {
public:
    temporary_file()
        : path_(std::filesystem::temp_directory_path() /
                ("ferrule files test " + std::to_string(::GetCurrentProcessId())))
    {
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() { std::filesystem::remove(path_); }

    [[nodiscard]] HANDLE open(DWORD access, DWORD flags = 0) const { return open(path_, access, flags); }
    [[nodiscard]] static HANDLE open(const std::filesystem::path& path, DWORD access, DWORD flags = 0)
    {
        return must(::CreateFileW(path.c_str(), access, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS, flags,
                                  nullptr));
    }

private:
    std::filesystem::path path_;
};

error_code code_of_adopting(HANDLE h)
{
    const error_code ec = code_of([&] { (void)adopt(h); });
    if (ec)
        CHECK(::CloseHandle(h) != 0); // it is the caller's still
    return ec;
}

} // namespace

TEST_CASE("files: are written and read as streams that are always ready")
{
    const temporary_file file;
    const std::string large(300'000, 'x');
    {
        message_writer<varint> w(adopt(file.open(GENERIC_WRITE)));
        w.send("first", deadline::now());
        w.send({large, "end"}, deadline::now());
        CHECK(run(w.async_send("third")) == 6);
        CHECK_THROWS_AS(reader(duplicate(w.native_handle())).recv(), usage_error); // opened for writing only
    }
    message_reader<varint> r(adopt(file.open(GENERIC_READ)));
    CHECK(r.recv(deadline::now()) == byte_view("first"));
    CHECK(run(r.async_recv()) == byte_view(large + "end"));
    CHECK(r.recv(deadline::now()) == byte_view("third"));
    CHECK_THROWS_AS(r.recv(deadline::now()), eof_error);
}

TEST_CASE("files: a borrowed file goes on where the endpoint has stopped")
{
    const temporary_file file;
    const HANDLE h = file.open(GENERIC_READ | GENERIC_WRITE);
    {
        writer w(borrow(h));
        w.send("one line\nanother");
    }
    CHECK(::SetFilePointer(h, 0, nullptr, FILE_BEGIN) == 0);
    {
        reader r(borrow(h));
        CHECK(r.recv_line() == byte_view("one line"));
        CHECK(r.release().first == h);
    }
    CHECK(::CloseHandle(h) != 0);
}

TEST_CASE("files: the null device takes everything and is empty")
{
    duplex d(adopt(temporary_file::open("NUL", GENERIC_READ | GENERIC_WRITE)));
    d.send(std::string(100'000, 'x'), deadline::now());
    CHECK(d.recv_all().empty());
}

TEST_CASE("files: what cannot be waited for, or is no stream, is refused and stays the caller's")
{
    const temporary_file file;
    CHECK(code_of_adopting(file.open(GENERIC_READ, FILE_FLAG_OVERLAPPED)) == errc::unsupported);
    CHECK(code_of_adopting(temporary_file::open(std::filesystem::temp_directory_path(), GENERIC_READ,
                                                FILE_FLAG_BACKUP_SEMANTICS)) == errc::bad_descriptor);
    CHECK(code_of_adopting(::CreateEventW(nullptr, TRUE, FALSE, nullptr)) == errc::bad_descriptor);
}
