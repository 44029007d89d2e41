// One or several separators, as arguments.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ferrule::detail {

/// The argument of calls that look for the first of several separators: text, `{"\r\n", "\n"}` with at most eight, or a
/// vector of strings. It refers to them.
class separators {
public:
    // No initializer list, which g++ 12 does not compile beside `co_await`.
    template <std::convertible_to<std::string_view>... Text>
        requires(sizeof...(Text) <= 8)
    separators(const Text&... each) noexcept : few_{each...},
                                               count_(sizeof...(Text))
    {
    }
    separators(const std::vector<std::string>& many) noexcept : many_(many) {}

    [[nodiscard]] std::vector<std::string> copy() const
    {
        std::vector<std::string> all(many_.begin(), many_.end());
        all.insert(all.end(), few_.begin(), few_.begin() + count_);
        return all;
    }

private:
    std::array<std::string_view, 8> few_{};
    std::ptrdiff_t count_ = 0;
    std::span<const std::string> many_;
};

} // namespace ferrule::detail
