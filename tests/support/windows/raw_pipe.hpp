// The end of a named pipe as CPython uses it, by hand: Lib/multiprocessing/connection.py, `PipeConnection` and `PipeListener`.
#pragma once

#include <string>

namespace ferrule::test {

/// Messages without headers. Blocks; reports what fails by exceptions.
class raw_pipe {
public:
    /// As `PipeListener` does; `accept` follows.
    static raw_pipe listen(const std::string& name);
    /// As `PipeClient` does.
    static raw_pipe connect(const std::string& name);
    raw_pipe(raw_pipe&& other) noexcept;
    raw_pipe& operator=(raw_pipe&&) = delete;
    ~raw_pipe();

    void accept();
    void send(const std::string& message);
    std::string recv();

private:
    explicit raw_pipe(void* handle);

    void* handle_;
    void* event_;
};

/// That nobody has used.
std::string fresh_pipe_name();

/// The path of this program.
std::string this_program();

/// Whether what passes for Windows here is Wine.
bool is_wine();

} // namespace ferrule::test
