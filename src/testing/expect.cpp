#include "src/testing/expect.hpp"

#include "platform/per_thread.hpp"

namespace ferrule::testing {

contract_failure::~contract_failure() = default;

namespace kit {
namespace {
struct left_notes {
    std::string text;
};
} // namespace

void expect(bool ok, std::string_view what, std::source_location where)
{
    if (ok)
        return;
    const std::string_view file = where.file_name();
    const auto slash = file.find_last_of("/\\");
    throw contract_failure(std::string(what) + " (" +
                           std::string(slash == std::string_view::npos ? file : file.substr(slash + 1)) + ":" +
                           std::to_string(where.line()) + ")");
}

note::~note()
{
    if (std::uncaught_exceptions() > exceptions_)
        os::per_thread<left_notes>().text.insert(0, ", " + text_);
}

std::string note::take()
{
    return std::exchange(os::per_thread<left_notes>().text, {});
}

} // namespace kit
} // namespace ferrule::testing
