#include <ferrule/python/authentication.hpp>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <optional>
#include <string_view>

namespace ferrule::python {
namespace {

constexpr std::string_view challenge = "#CHALLENGE#";
constexpr std::string_view welcome = "#WELCOME#";
constexpr std::string_view failure = "#FAILURE#";

// CPython before 3.12: a challenge of 20 bytes, without the name of a digest, answered by 16.
constexpr std::size_t old_challenge = 20;
constexpr std::size_t old_response = 16;

struct known {
    std::string_view name;
    const EVP_MD* (*function)();
};
// By `digest`.
constexpr known digests[] = {{"md5", &EVP_md5},
                             {"sha256", &EVP_sha256},
                             {"sha384", &EVP_sha384},
                             {"sha3_256", &EVP_sha3_256},
                             {"sha3_384", &EVP_sha3_384}};

/// What `{name}` at the front says; md5 where CPython leaves it out.
std::optional<digest> digest_of(byte_view message)
{
    if (message.size() == old_challenge || message.size() == old_response)
        return digest::md5;
    const std::string_view text = message.text();
    for (const known& k : digests) {
        if (text.starts_with('{') && text.substr(1).starts_with(k.name) &&
            text.substr(1 + k.name.size()).starts_with('}'))
            return static_cast<digest>(&k - digests);
    }
    return std::nullopt;
}

/// Nothing if this OpenSSL may not use the digest.
bytes mac_of(digest d, std::string_view key, byte_view message)
{
    bytes mac;
    mac.resize(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    if (::HMAC(digests[static_cast<std::size_t>(d)].function(), key.data(), static_cast<int>(key.size()),
               reinterpret_cast<const unsigned char*>(message.data()), message.size(),
               reinterpret_cast<unsigned char*>(mac.data()), &size) == nullptr)
        size = 0;
    mac.resize(size);
    return mac;
}

bytes joined(std::string_view a, byte_view b)
{
    bytes out{byte_view(a)};
    out.append(b);
    return out;
}

} // namespace

handshake::handshake(role r, std::string key, digest least, byte_view random)
    : role_(r),
      least_(least),
      key_(std::move(key)),
      random_(random)
{
    if (key_.empty())
        throw usage_error(errc::invalid_argument, std::string("an empty key, which CPython takes for none"));
}

void handshake::fail(const char* why) noexcept
{
    problem_ = why;
    step_ = steps;
}

// Steps, of the listener; the client's are the other way round, and begin in the middle:
//   0 send a challenge   1 take the response   2 send what it is worth
//   3 take a challenge   4 send the response   5 take what it is worth
// The step where each message of the six is: by who challenges whom.
bytes handshake::next()
{
    const int mine = role_ == role::listener ? step_ : (step_ + 3) % steps; // as if we were the listener
    ++step_;
    if (tell_) {
        step_ = steps;
        return bytes(byte_view(failure));
    }
    switch (mine) {
    case 0: {
        if (random_.empty()) {
            random_.resize(40);
            if (::RAND_bytes(reinterpret_cast<unsigned char*>(random_.data()), 40) != 1)
                throw_error(boost::system::errc::make_error_code(boost::system::errc::io_error));
        }
        asked_ = joined("{sha256}", random_);
        return joined(challenge, asked_);
    }
    case 2: return bytes(byte_view(welcome));
    default: return std::move(answer_);
    }
}

bool handshake::is_good(byte_view response) const
{
    const auto d = digest_of(response);
    if (!d || *d < least_)
        return false;
    const bool has_name = response.size() != old_challenge && response.size() != old_response;
    const byte_view mac =
        has_name ? byte_view(response.subspan(digests[static_cast<std::size_t>(*d)].name.size() + 2)) : response;
    const bytes expected = mac_of(*d, key_, asked_);
    return !expected.empty() && mac.size() == expected.size() &&
           ::CRYPTO_memcmp(mac.data(), expected.data(), expected.size()) == 0;
}

void handshake::take(byte_view message)
{
    const int mine = role_ == role::listener ? step_ : (step_ + 3) % steps;
    ++step_;
    switch (mine) {
    case 1:
        if (!is_good(message)) {
            problem_ = "the other end does not know the key, or answers with a digest that is refused here";
            tell_ = true;
        }
        return;
    case 3: {
        if (!message.text().starts_with(challenge))
            return fail("the other end does not ask for a key: it may have none");
        const byte_view asked = message.subspan(challenge.size());
        const auto d = digest_of(asked);
        if (asked.size() < old_challenge || !d || *d < least_)
            return fail("the other end asks in a way that is refused here");
        const bytes mac = mac_of(*d, key_, asked);
        if (mac.empty())
            return fail("this OpenSSL may not use the digest that the other end asks for");
        const bool is_old = asked.size() == old_challenge;
        answer_ =
            is_old ? joined("", mac) : joined("{" + std::string(digests[static_cast<std::size_t>(*d)].name) + "}", mac);
        return;
    }
    default:
        if (message != byte_view(welcome))
            fail("the other end has refused our key");
    }
}

void handshake::check() const
{
    if (problem_ != nullptr)
        throw error(errc::unauthenticated, std::string(problem_));
}

} // namespace ferrule::python
