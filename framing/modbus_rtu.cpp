#include <ferrule/framing/modbus_rtu.hpp>

#include "framing/payload.hpp"

#include <ferrule/framing/checksummed.hpp>

#include <array>

namespace ferrule {
namespace {

constexpr std::size_t header = 2; // address and function code
constexpr std::size_t crc_size = 2;
constexpr std::size_t max_message = 254;
constexpr unsigned exception_flag = 0x80;

/// The length of the data behind the header.
class data_size {
public:
    enum class known : unsigned char { yes, later, never };

    static data_size of(std::size_t n) noexcept { return {known::yes, n}; }
    /// Known once `n` bytes of the data are there.
    static data_size behind(std::size_t n) noexcept { return {known::later, n}; }
    static data_size unknown() noexcept { return {known::never, 0}; }

    known how;
    std::size_t size;
};

/// The size of data that contain the number of the bytes behind, in `count_size` bytes at `at`.
data_size counted(byte_view data, std::size_t at, std::size_t count_size = 1) noexcept
{
    const std::size_t needed = at + count_size;
    if (data.size() < needed)
        return data_size::behind(needed);
    std::size_t n = 0;
    for (std::size_t i = at; i < needed; ++i)
        n = n << 8 | std::to_integer<std::size_t>(data[i]);
    return data_size::of(needed + n);
}

data_size size_of_response(unsigned function, byte_view data) noexcept
{
    if ((function & exception_flag) != 0)
        return data_size::of(1);
    switch (function) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 12:
    case 17:
    case 20:
    case 21:
    case 23: return counted(data, 0);
    case 7: return data_size::of(1);
    case 5:
    case 6:
    case 8:
    case 11:
    case 15:
    case 16: return data_size::of(4);
    case 22: return data_size::of(6);
    case 24: return counted(data, 0, 2);
    default: return data_size::unknown();
    }
}

data_size size_of_request(unsigned function, byte_view data) noexcept
{
    switch (function) {
    case 7:
    case 11:
    case 12:
    case 17: return data_size::of(0);
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 8: return data_size::of(4);
    case 15:
    case 16: return counted(data, 4);
    case 20:
    case 21: return counted(data, 0);
    case 22: return data_size::of(6);
    case 23: return counted(data, 8);
    case 24: return data_size::of(2);
    default: return data_size::unknown();
    }
}

std::array<std::byte, crc_size> crc_of(std::span<const byte_view> parts)
{
    crc_16_modbus crc;
    for (const byte_view part : parts)
        crc.process_bytes(part.data(), part.size());
    return {static_cast<std::byte>(crc.checksum() & 0xff), static_cast<std::byte>(crc.checksum() >> 8)};
}

} // namespace

decode_result modbus_rtu::decode(byte_view buffered, const limits& l) const noexcept
{
    if (buffered.size() < header)
        return decode_result::need_more(header - buffered.size());
    const auto function = std::to_integer<unsigned>(buffered[1]);
    const byte_view data = buffered.subspan(header);
    const data_size d = role_ == role::client ? size_of_response(function, data) : size_of_request(function, data);
    if (d.how == data_size::known::never)
        return decode_result::failed(errc::malformed);
    if (d.how == data_size::known::later)
        return decode_result::need_more(d.size - data.size());
    const std::size_t size = header + d.size;
    if (size > max_message)
        return decode_result::failed(errc::malformed);
    if (size > l.max_payload())
        return decode_result::failed(errc::too_large, size + crc_size);
    if (buffered.size() < size + crc_size)
        return decode_result::need_more(size + crc_size - buffered.size());
    const byte_view message = buffered.first(size);
    if (buffered.subspan(size, crc_size) != byte_view(crc_of({&message, 1})))
        return decode_result::failed(errc::malformed, size + crc_size);
    return decode_result::frame(0, size, crc_size);
}

error_code modbus_rtu::encode(std::span<const byte_view> payload, const limits& l, encoded& out) const
{
    std::size_t size;
    if (const error_code ec = detail::measure(payload, l, size))
        return ec;
    if (size < header || size > max_message)
        return errc::unencodable;
    out.append_view(payload);
    out.append_copy(byte_view(crc_of(payload)));
    return {};
}

} // namespace ferrule
