#include <ferrule/python/multiprocessing/authentication.hpp>

#include "platform/digest.hpp"

#include <optional>
#include <string_view>

namespace ferrule::python {
namespace {

constexpr std::string_view challenge = "#CHALLENGE#";
constexpr std::string_view welcome = "#WELCOME#";
constexpr std::string_view failure = "#FAILURE#";

// CPython before 3.12 sends a challenge of 20 bytes without the name of a digest, and a response of 16 bytes.
constexpr std::size_t old_challenge = 20;
constexpr std::size_t old_response = 16;

// The names by `digest`.
constexpr std::string_view digests[] = {"md5", "sha256", "sha384", "sha3_256", "sha3_384"};

std::string_view name_of(digest d)
{
    return digests[static_cast<std::size_t>(d)];
}

/// The digest that `{name}` at the front names; md5 for the sizes where CPython leaves it out.
std::optional<digest> digest_of(byte_view message)
{
    if (message.size() == old_challenge || message.size() == old_response)
        return digest::md5;
    const std::string_view text = message.text();
    for (const std::string_view& name : digests) {
        if (text.starts_with('{') && text.substr(1).starts_with(name) && text.substr(1 + name.size()).starts_with('}'))
            return static_cast<digest>(&name - digests);
    }
    return std::nullopt;
}

/// Constant-time comparison.
bool is_same(byte_view a, byte_view b)
{
    if (a.size() != b.size())
        return false;
    volatile unsigned char difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        difference = difference | std::to_integer<unsigned char>(a[i] ^ b[i]);
    return difference == 0;
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

// Steps of the listener. The client runs the same steps rotated by three: 0 send a challenge 1 take the response 2 send
// the verdict 3 take a challenge 4 send the response 5 take the verdict
bytes handshake::next()
{
    const int mine = role_ == role::listener ? step_ : (step_ + 3) % steps; // the step in the listener's numbering
    ++step_;
    if (tell_) {
        step_ = steps;
        return bytes(byte_view(failure));
    }
    switch (mine) {
    case 0: {
        if (random_.empty()) {
            random_.resize(40);
            os::fill_with_random({random_.data(), random_.size()});
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
    const byte_view mac = has_name ? byte_view(response.subspan(name_of(*d).size() + 2)) : response;
    const bytes expected = os::hmac(name_of(*d), key_, asked_);
    return !expected.empty() && is_same(mac, expected);
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
        const bytes mac = os::hmac(name_of(*d), key_, asked);
        if (mac.empty())
            return fail("the digest that the other end asks for is not to be had here");
        const bool is_old = asked.size() == old_challenge;
        answer_ = is_old ? joined("", mac) : joined("{" + std::string(name_of(*d)) + "}", mac);
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
