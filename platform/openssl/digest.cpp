#include "platform/digest.hpp"

#include <ferrule/error.hpp>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace ferrule::os {
namespace {

struct known {
    std::string_view name;
    const EVP_MD* (*function)();
};
constexpr known digests[] = {{"md5", &EVP_md5},
                             {"sha256", &EVP_sha256},
                             {"sha384", &EVP_sha384},
                             {"sha3_256", &EVP_sha3_256},
                             {"sha3_384", &EVP_sha3_384}};

} // namespace

bytes hmac(std::string_view digest, std::string_view key, byte_view message)
{
    bytes mac;
    for (const known& k : digests) {
        if (k.name != digest)
            continue;
        mac.resize(EVP_MAX_MD_SIZE);
        unsigned size = 0;
        if (::HMAC(k.function(), key.data(), static_cast<int>(key.size()),
                   reinterpret_cast<const unsigned char*>(message.data()), message.size(),
                   reinterpret_cast<unsigned char*>(mac.data()), &size) == nullptr)
            size = 0;
        mac.resize(size);
    }
    return mac;
}

void fill_with_random(std::span<std::byte> out)
{
    if (::RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) != 1)
        throw_error(boost::system::errc::make_error_code(boost::system::errc::io_error));
}

} // namespace ferrule::os
