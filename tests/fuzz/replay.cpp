// Runs a fuzz target over files, and over some mutations of them: replay_x <folder or file>...
#include "fuzz/grammar.hpp"

#include "support/random.hpp"

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

// All of the same seed.
void run_mutations(const std::vector<std::vector<std::uint8_t>>& inputs)
{
    constexpr std::size_t most = 4096;
    constexpr int mutations = 1000;
    ferrule::test::dice random(0);
    std::vector<std::uint8_t> data;
    for (int i = 0; i < mutations; ++i) {
        if (data.empty() || random.one_in(3))
            data = inputs[random(static_cast<std::uint32_t>(inputs.size()))];
        const std::size_t size = std::min(data.size(), most);
        data.resize(most);
        data.resize(LLVMFuzzerCustomMutator(data.data(), size, most, random(UINT32_MAX)));
        run(data.data(), data.size());
    }
}

} // namespace

std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most)
{
    static ferrule::test::dice random(1);
    std::string s(reinterpret_cast<const char*>(data), size);
    const std::size_t at = random(static_cast<std::uint32_t>(size + 1));
    const char byte = static_cast<char>(random(256));
    if (random.one_in(2) || at == size)
        s.insert(s.begin() + static_cast<std::ptrdiff_t>(at), byte);
    else if (random.one_in(2))
        s[at] = byte;
    else
        s.erase(at, 1 + random(4));
    s.resize(std::min(s.size(), most));
    std::copy(s.begin(), s.end(), data);
    return s.size();
}

int main(int argc, char** argv)
{
    const std::vector<fs::path> files = files_of(argc, argv);
    std::vector<std::vector<std::uint8_t>> inputs;
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
        inputs.push_back(data);
    }
    if (!inputs.empty())
        run_mutations(inputs);
    std::printf("%zu files\n", files.size());
    return files.empty() ? 1 : 0;
}
