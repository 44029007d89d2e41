// Standard streams as other programs than ours give them to their children.
#include "support/windows/child_program.hpp"

#include "support/skip.hpp"
#include "support/system.hpp"
#include "support/test.hpp"
#include "support/windows/must.hpp"

using test::timeout;

namespace {

/// Starts the program beside this one, by the system's own call.
child start_child(const std::string& role, STARTUPINFOEXA& how, bool inherits)
{
    std::string line = "\"" + test::child_program() + "\" \"" + role + "\"";
    how.StartupInfo.cb = sizeof how;
    PROCESS_INFORMATION made;
    test::must(::CreateProcessA(nullptr, line.data(), nullptr, nullptr, inherits ? TRUE : FALSE,
                                how.lpAttributeList != nullptr ? EXTENDED_STARTUPINFO_PRESENT : 0, nullptr, nullptr,
                                &how.StartupInfo, &made) != 0);
    child c(static_cast<int>(made.dwProcessId));
    ::CloseHandle(made.hThread);
    ::CloseHandle(made.hProcess);
    return c;
}

/// Our end of a pipe, and one that a child inherits, whose calls wait and go both ways.
std::pair<test::unique_fd, test::unique_fd> pipe_as_node_makes()
{
    auto ends = test::raw_stream_pair();
    test::must(::SetHandleInformation(ends.second.get(), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) != 0);
    return ends;
}

/// A console that nobody sees. What is in it is told by a pipe; it is there from Windows 10 1809 on.
class pseudo_console {
public:
    pseudo_console()
    {
        const HMODULE kernel = ::GetModuleHandleA("kernel32.dll");
        const auto create = reinterpret_cast<HRESULT(WINAPI*)(COORD, HANDLE, HANDLE, DWORD, void**)>(
            reinterpret_cast<void*>(::GetProcAddress(kernel, "CreatePseudoConsole")));
        close_ = reinterpret_cast<void(WINAPI*)(void*)>(
            reinterpret_cast<void*>(::GetProcAddress(kernel, "ClosePseudoConsole")));
        if (create == nullptr || close_ == nullptr)
            test::skip("this Windows has no pseudo consoles");
        HANDLE typed;
        HANDLE shows;
        test::must(::CreatePipe(&typed, &types_, nullptr, 0) != 0);
        test::must(::CreatePipe(&shown_, &shows, nullptr, 0) != 0);
        test::must(create({80, 25}, typed, shows, 0, &console_) == S_OK);
        ::CloseHandle(typed);
        ::CloseHandle(shows);
    }
    pseudo_console(const pseudo_console&) = delete;
    pseudo_console& operator=(const pseudo_console&) = delete;
    ~pseudo_console()
    {
        close_(console_);
        ::CloseHandle(types_);
    }

    child start(const std::string& role)
    {
        constexpr DWORD_PTR pseudoconsole = 0x20016; // PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE
        SIZE_T size = 0;
        ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
        std::vector<std::byte> memory(size);
        STARTUPINFOEXA how{};
        how.lpAttributeList = reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory.data());
        test::must(::InitializeProcThreadAttributeList(how.lpAttributeList, 1, 0, &size) != 0);
        test::must(::UpdateProcThreadAttribute(how.lpAttributeList, 0, pseudoconsole, console_, sizeof console_,
                                               nullptr, nullptr) != 0);
        child c = start_child(role, how, false);
        ::DeleteProcThreadAttributeList(how.lpAttributeList);
        return c;
    }

    /// What the console shows, with control sequences of a terminal in between. Once.
    [[nodiscard]] reader shown() { return reader(adopt(shown_)); }

private:
    void(WINAPI* close_)(void*);
    void* console_ = nullptr;
    HANDLE types_ = nullptr;
    HANDLE shown_ = nullptr;
};

} // namespace

TEST_CASE("child: standard streams may be pipes whose calls wait, both ways, as those of Node's children")
{
    auto [our_in, their_out] = pipe_as_node_makes();
    auto [our_out, their_in] = pipe_as_node_makes();
    CHECK_THROWS_AS(borrow(their_in.get()), usage_error); // which direction it is for, only the name of the stream says
    STARTUPINFOEXA how{};
    how.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    how.StartupInfo.hStdInput = their_in.get();
    how.StartupInfo.hStdOutput = their_out.get();
    how.StartupInfo.hStdError = ::GetStdHandle(STD_ERROR_HANDLE);
    child c = start_child("echo streams", how, true);
    their_in.reset();
    their_out.reset();
    message_reader in(adopt(our_in.release()), varint());
    message_writer out(adopt(our_out.release()), varint());
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{300'000}}) {
        CAPTURE(n);
        const std::string text(n, 'z');
        std::jthread sending([&] { out.send(text, timeout); });
        CHECK(in.recv(timeout) == byte_view(text));
    }
    out.close();
    CHECK_THROWS_AS(in.recv(timeout), eof_error);
    CHECK(c.wait(timeout).success());
}

TEST_CASE("child: standard streams may be a console")
{
    pseudo_console console;
    reader shown = console.shown();
    child c = console.start("console");
    // The child looks at itself, and ends with the line where it did not like what it saw.
    const exit_status s = c.wait(timeout);
    CHECK(s.code() == 0);
    CHECK_NOTHROW(shown.recv_until("\xc3\xbc\xc3\x9f\x65", timeout));
}
