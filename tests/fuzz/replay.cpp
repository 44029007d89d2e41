// Runs a fuzz target over files instead of over what a fuzzer invents: replay_x <folder or file>...
#include "fuzz/fuzz.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

namespace fs = std::filesystem;

namespace {

std::vector<fs::path> files_of(int argc, char** argv)
{
    std::vector<fs::path> files;
    for (int i = 1; i < argc; ++i) {
        if (!fs::is_directory(argv[i])) {
            files.emplace_back(argv[i]);
            continue;
        }
        for (const auto& entry : fs::directory_iterator(argv[i])) {
            if (entry.is_regular_file())
                files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

// In memory of exactly that size, so that a sanitizer sees a read beyond the end.
void run(const std::uint8_t* data, std::size_t size)
{
    const std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[size]);
    std::copy_n(data, size, copy.get());
    LLVMFuzzerTestOneInput(copy.get(), size);
}

} // namespace

int main(int argc, char** argv)
{
    const std::vector<fs::path> files = files_of(argc, argv);
    for (const fs::path& path : files) {
        std::ifstream file(path, std::ios::binary);
        const std::vector<char> chars((std::istreambuf_iterator<char>(file)), {});
        if (!file && chars.empty()) {
            std::fprintf(stderr, "cannot read %s\n", path.string().c_str());
            return 1;
        }
        std::fprintf(stderr, "%s\n", path.string().c_str());
        const std::vector<std::uint8_t> data(chars.begin(), chars.end());
        // The file and everything it begins with: cheap, and finds what happens at an early end.
        for (std::size_t size = 0; size <= data.size(); ++size)
            run(data.data(), size);
    }
    std::printf("%zu files\n", files.size());
    return files.empty() ? 1 : 0;
}
