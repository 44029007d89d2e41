#include "platform/digest.hpp"
#include "platform/windows/handle.hpp"

#include <memory>

#include <bcrypt.h>

namespace ferrule::os {
namespace {

struct known {
    std::string_view name;
    const wchar_t* algorithm;
};
constexpr known digests[] = {{"md5", L"MD5"},
                             {"sha256", L"SHA256"},
                             {"sha384", L"SHA384"},
                             {"sha3_256", L"SHA3-256"}, // since Windows 11 24H2
                             {"sha3_384", L"SHA3-384"}};

void close(BCRYPT_ALG_HANDLE h) noexcept
{
    ::BCryptCloseAlgorithmProvider(h, 0);
}

// BCrypt takes non-const pointers to data that it only reads.
unsigned char* writable(byte_view v) noexcept
{
    return reinterpret_cast<unsigned char*>(const_cast<std::byte*>(v.data()));
}

} // namespace

bytes hmac(std::string_view digest, std::string_view key, byte_view message)
{
    for (const known& k : digests) {
        BCRYPT_ALG_HANDLE algorithm = nullptr;
        if (k.name != digest ||
            ::BCryptOpenAlgorithmProvider(&algorithm, k.algorithm, nullptr, BCRYPT_ALG_HANDLE_HMAC_FLAG) != 0)
            continue;
        const std::unique_ptr<void, void (*)(BCRYPT_ALG_HANDLE)> owner(algorithm, &close);
        DWORD size = 0;
        DWORD n = 0;
        bytes mac;
        if (::BCryptGetProperty(algorithm, BCRYPT_HASH_LENGTH, reinterpret_cast<unsigned char*>(&size), sizeof size, &n,
                                0) != 0)
            return mac;
        mac.resize(size);
        if (::BCryptHash(algorithm, writable(key), static_cast<ULONG>(key.size()), writable(message),
                         static_cast<ULONG>(message.size()), writable(mac), size) != 0)
            mac.clear();
        return mac;
    }
    return {};
}

void fill_with_random(std::span<std::byte> out)
{
    if (::BCryptGenRandom(nullptr, writable(out), static_cast<ULONG>(out.size()), BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
        throw_error(windows::system_error(ERROR_GEN_FAILURE));
}

} // namespace ferrule::os
