// A folder for one test. POSIX only.
#pragma once

#include "support/test.hpp"
#include "support/unique_fd.hpp"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

namespace ferrule::test {

/// Is removed in the end, with what is in it.
class temporary_folder {
public:
    temporary_folder() { REQUIRE(::mkdtemp(path_) != nullptr); }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::string file(const std::string& name = "it") const { return path_ + ("/" + name); }
    [[nodiscard]] bool empty() const { return std::filesystem::is_empty(path_); }

private:
    char path_[32] = "/tmp/ferrule-XXXXXX"; // as mkdtemp wants it
};

class fifo : public temporary_folder {
public:
    fifo() { REQUIRE(::mkfifo(file().c_str(), 0600) == 0); }
    [[nodiscard]] unique_fd open(int flags) const { return unique_fd(::open(file().c_str(), flags | O_CLOEXEC)); }
};

} // namespace ferrule::test
