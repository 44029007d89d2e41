// What `content_length` should make of a stream, over the whole input at once.
#pragma once

#include "fuzz/decoder.hpp"
#include "fuzz/grammar.hpp"

#include <string>

namespace ferrule::test {

inline answer content_length_answer(byte_view in, const limits& l)
{
    constexpr std::size_t most_headers = 8192;
    constexpr const char* digits = "0123456789";
    std::optional<std::uint64_t> length;
    for (std::size_t at = 0;;) {
        const std::string_view rest = in.text().substr(0, most_headers).substr(at);
        const std::size_t n = rest.find('\n');
        if (n == std::string_view::npos)
            return in.size() < most_headers ? answer::more(1) : answer::failed(errc::too_large);
        at += n + 1;
        std::string line(rest.substr(0, n));
        if (!line.empty() && line.back() == '\r')
            line.pop_back();
        if (line.empty()) {
            if (!length)
                return answer::failed(errc::malformed);
            return answer_for(announced{at, *length}, in, l);
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos)
            return answer::failed(errc::malformed);
        std::string name = line.substr(0, colon);
        for (char& c : name)
            if (c >= 'A' && c <= 'Z')
                c = static_cast<char>(c - 'A' + 'a');
        if (name != "content-length")
            continue;
        std::string value = line.substr(colon + 1);
        while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
            value.pop_back();
        while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
            value.erase(0, 1);
        if (length || value.empty() || value.find_first_not_of(digits) != std::string::npos)
            return answer::failed(errc::malformed);
        value.erase(0, std::min(value.find_first_not_of('0'), value.size() - 1));
        // Digits of one size compare like numbers.
        const std::string largest = std::to_string(l.max_payload());
        if (value.size() > largest.size() || (value.size() == largest.size() && value > largest))
            return answer::failed(errc::too_large);
        length = std::stoull(value);
    }
}

/// A frame as peers write it, among other headers.
inline std::string content_length_piece(choices& r, const std::string& payload)
{
    static constexpr std::string_view ends[] = {"\r\n", "\r\n", "\n"};
    static constexpr std::string_view names[] = {"Content-Length:", "content-length: ", "CONTENT-LENGTH:\t"};
    static constexpr std::string_view others[] = {
        "Content-Type: application/vscode-jsonrpc; charset=utf-8", "X:", "X: y", " folded", "Content-Length : 3", ":"};
    const auto end = [&] { return std::string(r.one_of(ends)); };
    std::string headers;
    for (std::size_t n = r.below(3); n > 0 && r.one_in(2); --n)
        headers += std::string(r.one_of(others)) + end();
    headers += std::string(r.one_of(names)) + (r.one_in(8) ? "00" : "") + std::to_string(payload.size());
    headers += (r.one_in(8) ? " " : "") + end();
    if (r.one_in(8))
        headers += std::string(r.one_of(others)) + end();
    return r.perhaps_damaged(headers) + end() + payload;
}

} // namespace ferrule::test
