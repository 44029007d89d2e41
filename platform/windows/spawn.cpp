// Children inherit a list of handles and nothing else, whatever other threads start or open meanwhile.
#include "platform/process.hpp"
#include "platform/windows/handle.hpp"
#include "platform/windows/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <io.h>
#include <memory>
#include <string_view>

namespace ferrule::os {

using namespace windows;

namespace {

// The prefixes of the names of inherited handles.
constexpr std::string_view of_handle = "handle:";
constexpr std::string_view of_socket = "socket:"; // a pipe that carries what opens the socket

unique_handle inheritable_copy(HANDLE h)
{
    unique_handle copy = copy_of(h, true);
    if (!copy.is_open())
        throw_error(last_error());
    return copy;
}

std::string name_of(std::string_view kind, HANDLE h)
{
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.begin(), digits.end(), reinterpret_cast<std::uintptr_t>(h), 16).ptr;
    return std::string(kind).append(digits.begin(), end);
}

HANDLE handle_of(std::string_view digits)
{
    std::uintptr_t n = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), n, 16);
    if (parsed.ec != std::errc() || parsed.ptr != digits.data() + digits.size())
        nothing_inherited();
    return reinterpret_cast<HANDLE>(n);
}

/// A socket for the child. What opens it can be made only when the child exists.
struct travelling_socket {
    SOCKET s;
    unique_handle tells;
};

/// The handles for the child.
class belongings {
public:
    explicit belongings(std::span<const given_handle> given)
    {
        for (const given_handle& g : given) {
            if (is_socket(g.handle))
                add_socket(g.handle, g.number);
            else
                add(inheritable_copy(g.handle), g.number, of_handle);
        }
        constexpr std::array<DWORD, 3> names{STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
        for (std::size_t n = 0; n < names.size(); ++n) {
            const HANDLE ours = ::GetStdHandle(names[n]);
            if (standard_[n] == nullptr && ours != nullptr && ours != invalid_handle)
                add(inheritable_copy(ours), static_cast<int>(n), of_handle);
        }
    }

    [[nodiscard]] std::vector<HANDLE>& handles() noexcept { return handles_; }
    [[nodiscard]] const std::string& names() const noexcept { return names_; }
    void fill(STARTUPINFOW& s) const noexcept
    {
        s.dwFlags |= STARTF_USESTDHANDLES;
        s.hStdInput = standard_[0];
        s.hStdOutput = standard_[1];
        s.hStdError = standard_[2];
    }
    [[nodiscard]] bool has_sockets() const noexcept { return !sockets_.empty(); }
    /// Called when the child exists but is still suspended.
    void send_sockets(DWORD pid) const
    {
        for (const travelling_socket& t : sockets_) {
            WSAPROTOCOL_INFOW info;
            if (::WSADuplicateSocketW(t.s, pid, &info) != 0)
                throw_error(last_socket_error());
            DWORD n = 0;
            if (::WriteFile(t.tells.get(), &info, sizeof info, &n, nullptr) == 0)
                throw_error(last_error());
        }
    }

private:
    void add(unique_handle h, int number, std::string_view kind)
    {
        if (number <= 2)
            standard_[static_cast<std::size_t>(number)] = h.get();
        else
            (names_ += names_.empty() ? "" : ",") += name_of(kind, h.get());
        handles_.push_back(h.get());
        owned_.push_back(std::move(h));
    }
    void add_socket(HANDLE s, int number)
    {
        if (number <= 2) // a standard stream cannot be a socket
            throw_error(errc::unsupported);
        HANDLE reading;
        HANDLE writing;
        if (::CreatePipe(&reading, &writing, nullptr, sizeof(WSAPROTOCOL_INFOW)) == 0)
            throw_error(last_error());
        const unique_handle here(reading);
        sockets_.push_back({reinterpret_cast<SOCKET>(s), unique_handle(writing)});
        add(inheritable_copy(reading), number, of_socket);
    }

    std::array<HANDLE, 3> standard_{};
    std::vector<HANDLE> handles_;
    std::vector<unique_handle> owned_;
    std::string names_;
    std::vector<travelling_socket> sockets_;
};

/// Appends an argument as the C library and CommandLineToArgvW will parse it.
void quote(std::wstring& line, const std::wstring& argument)
{
    if (!line.empty())
        line += L' ';
    if (!argument.empty() && argument.find_first_of(L" \t\n\v\"") == std::wstring::npos) {
        line += argument;
        return;
    }
    line += L'"';
    std::size_t backslashes = 0;
    for (const wchar_t c : argument) {
        if (c == L'\\') {
            ++backslashes;
            continue;
        }
        // Backslashes count half before a quote, and as themselves elsewhere.
        line.append(c == L'"' ? 2 * backslashes + 1 : backslashes, L'\\');
        backslashes = 0;
        line += c;
    }
    line.append(2 * backslashes, L'\\');
    line += L'"';
}

std::wstring command_line(const std::vector<std::string>& command)
{
    std::string program = command[0];
    std::ranges::transform(program, program.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    // cmd.exe runs batch files, and parses arguments in its own way.
    if (command.size() > 1 && (program.ends_with(".bat") || program.ends_with(".cmd")))
        throw_error(errc::invalid_argument);
    std::wstring line;
    for (const std::string& argument : command) {
        if (argument.find('\0') != std::string::npos)
            throw_error(errc::invalid_argument);
        quote(line, wide(argument));
    }
    return line;
}

/// Returns this process's environment with the names of the inherited handles.
std::wstring environment(const std::string& names)
{
    const std::wstring variable = wide(std::string(inherited_variable) + "=");
    std::wstring all;
    const std::unique_ptr<wchar_t, BOOL(WINAPI*)(wchar_t*)> ours(::GetEnvironmentStringsW(),
                                                                 &::FreeEnvironmentStringsW);
    for (const wchar_t* e = ours.get(); e != nullptr && *e != L'\0';) {
        const std::wstring_view entry(e);
        if (!entry.starts_with(variable))
            all.append(entry).push_back(L'\0');
        e += entry.size() + 1;
    }
    if (!names.empty())
        all.append(variable).append(wide(names)).push_back(L'\0');
    all.push_back(L'\0');
    return all;
}

/// Returns a job that ends with this process, together with the processes in it.
HANDLE life_of_this_process()
{
    static const HANDLE job = [] {
        unique_handle j(::CreateJobObjectW(nullptr, nullptr));
        JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        if (!j.is_open() ||
            ::SetInformationJobObject(j.get(), JobObjectExtendedLimitInformation, &limits, sizeof limits) == 0)
            throw_error(last_error());
        return j.release();
    }();
    return job;
}

/// The list of handles to inherit. `handles` must stay in place.
class attribute_list {
public:
    explicit attribute_list(std::vector<HANDLE>& handles)
    {
        SIZE_T size = 0;
        ::InitializeProcThreadAttributeList(nullptr, 1, 0, &size);
        memory_.resize(size);
        if (::InitializeProcThreadAttributeList(get(), 1, 0, &size) == 0)
            throw_error(last_error());
        if (!handles.empty() && ::UpdateProcThreadAttribute(get(), 0, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, handles.data(),
                                                            handles.size() * sizeof(HANDLE), nullptr, nullptr) == 0) {
            const error_code ec = last_error();
            ::DeleteProcThreadAttributeList(get());
            throw_error(ec);
        }
    }
    attribute_list(const attribute_list&) = delete;
    attribute_list& operator=(const attribute_list&) = delete;
    ~attribute_list() { ::DeleteProcThreadAttributeList(get()); }

    [[nodiscard]] LPPROC_THREAD_ATTRIBUTE_LIST get() noexcept
    {
        return reinterpret_cast<LPPROC_THREAD_ATTRIBUTE_LIST>(memory_.data());
    }

private:
    std::vector<std::byte> memory_;
};

} // namespace

native_process start_process(const std::vector<std::string>& command, std::span<const given_handle> handles,
                             bool ends_with_parent)
{
    start_sockets();
    belongings given(handles);
    std::wstring line = command_line(command);
    std::wstring variables = environment(given.names());
    attribute_list attributes(given.handles());
    STARTUPINFOEXW start{};
    start.StartupInfo.cb = sizeof start;
    start.lpAttributeList = attributes.get();
    given.fill(start.StartupInfo);
    const bool prepares = given.has_sockets() || ends_with_parent;
    PROCESS_INFORMATION made;
    if (::CreateProcessW(nullptr, line.data(), nullptr, nullptr, given.handles().empty() ? FALSE : TRUE,
                         EXTENDED_STARTUPINFO_PRESENT | CREATE_UNICODE_ENVIRONMENT | (prepares ? CREATE_SUSPENDED : 0),
                         variables.data(), nullptr, &start.StartupInfo, &made) == 0)
        throw error(last_error(), "ferrule: cannot start '" + command[0] + "'");
    unique_handle process(made.hProcess);
    const unique_handle thread(made.hThread);
    try {
        if (ends_with_parent && ::AssignProcessToJobObject(life_of_this_process(), made.hProcess) == 0)
            throw_error(last_error());
        given.send_sockets(made.dwProcessId);
        if (prepares)
            ::ResumeThread(made.hThread);
        return {static_cast<int>(made.dwProcessId), process.release()};
    } catch (...) {
        ::TerminateProcess(made.hProcess, 1);
        throw;
    }
}

descriptor open_inherited(std::string_view name)
{
    start_sockets();
    if (name.starts_with(of_handle))
        return detail::own(handle_of(name.substr(of_handle.size())));
    if (!name.starts_with(of_socket))
        nothing_inherited();
    const unique_handle tells(handle_of(name.substr(of_socket.size())));
    WSAPROTOCOL_INFOW info;
    DWORD n = 0;
    if (::ReadFile(tells.get(), &info, sizeof info, &n, nullptr) == 0 || n != sizeof info)
        nothing_inherited();
    return open_duplicate(info);
}

std::pair<descriptor, descriptor> take_standard_streams()
{
    // Some parents, such as Node, give pipes that allow both directions.
    std::pair<descriptor, descriptor> ends(duplicate_for({.writes = false}, ::GetStdHandle(STD_INPUT_HANDLE)),
                                           duplicate_for({.reads = false}, ::GetStdHandle(STD_OUTPUT_HANDLE)));
    // The C library's streams use the same handles.
    std::fflush(stdout);
    if (std::freopen("NUL", "r", stdin) == nullptr)
        throw_error(errc::bad_descriptor);
    if (::_dup2(::_fileno(stderr), ::_fileno(stdout)) != 0 && std::freopen("NUL", "w", stdout) == nullptr)
        throw_error(errc::bad_descriptor);
    ::SetStdHandle(STD_INPUT_HANDLE, reinterpret_cast<HANDLE>(::_get_osfhandle(::_fileno(stdin))));
    ::SetStdHandle(STD_OUTPUT_HANDLE, ::GetStdHandle(STD_ERROR_HANDLE));
    return ends;
}

} // namespace ferrule::os
