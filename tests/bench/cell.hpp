// What is measured: a cell of the tables.
#pragma once

#include "support/posix/transport.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace ferrule::bench {

using test::transport;
/// `all`: not pinned.
enum class cores : std::uint8_t { one, two, all };
enum class task : std::uint8_t {
    round_trip,
    stream,
    eight_writers,
    lock,
    tls_round_trip,
    tls_stream,
    tls_handshake,
    shared_round_trip,
    shared_stream
};

inline const char* name(std::optional<transport> t)
{
    return t ? test::name(*t) : "none";
}
inline const char* name(cores c)
{
    static constexpr const char* names[] = {"one core", "two cores", "all cores"};
    return names[static_cast<std::size_t>(c)];
}
inline const char* name(task t)
{
    static constexpr const char* names[] = {
        "round trip",          "stream",     "eight writers", "lock and unlock",
        "TLS round trip",      "TLS stream", "TLS handshake", "shared memory round trip",
        "shared memory stream"};
    return names[static_cast<std::size_t>(t)];
}
inline bool goes_back(task t)
{
    return t == task::round_trip || t == task::tls_round_trip || t == task::shared_round_trip;
}
inline std::string size_name(std::size_t n)
{
    if (n >= 1024 * 1024)
        return std::to_string(n / (1024 * 1024)) + " MiB";
    return n >= 1024 ? std::to_string(n / 1024) + " KiB" : std::to_string(n) + " B";
}

struct cell {
    std::optional<transport> over; // none for a lock
    cores on;
    task what;
    std::size_t size; // of a message; 0 where there are none

    [[nodiscard]] std::string label() const { return size == 0 ? name(what) : name(what) + (' ' + size_name(size)); }
    /// Such as "pipe/one core/round trip/64 KiB/raw".
    [[nodiscard]] std::string full_name(const char* contender) const
    {
        std::string s = over ? name(over) + std::string("/") : "";
        s += std::string(name(on)) + '/' + name(what) + '/';
        return (size == 0 ? s : s + size_name(size) + '/') + contender;
    }
};

} // namespace ferrule::bench
