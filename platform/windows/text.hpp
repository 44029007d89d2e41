// Conversions between UTF-8 and UTF-16. Private.
#pragma once

#include "platform/windows/handle.hpp"

#include <string>
#include <string_view>

namespace ferrule::windows {

/// Converts UTF-8 to UTF-16. Throws `usage_error` (`errc::invalid_argument`).
[[nodiscard]] inline std::wstring wide(std::string_view text)
{
    if (text.empty())
        return {};
    const int size = static_cast<int>(text.size());
    const int n = ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, nullptr, 0);
    if (n == 0)
        throw_error(errc::invalid_argument);
    std::wstring w(static_cast<std::size_t>(n), L'\0');
    ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size, w.data(), n);
    return w;
}

/// Converts UTF-16 to UTF-8.
[[nodiscard]] inline std::string narrow(std::wstring_view text)
{
    const int size = static_cast<int>(text.size());
    const int n = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, nullptr, 0, nullptr, nullptr);
    std::string s(static_cast<std::size_t>(n), '\0');
    ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, s.data(), n, nullptr, nullptr);
    return s;
}

} // namespace ferrule::windows
