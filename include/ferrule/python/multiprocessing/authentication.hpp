// The handshake of Python's multiprocessing, by which both ends prove that they know a key.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>

#include <string>

namespace ferrule::python {

/// How a challenge is answered. CPython up to 3.11 knows only `md5`.
enum class digest : unsigned char { md5, sha256, sha384, sha3_256, sha3_384 };

/// One end's part of the handshake: which messages to send, and what to think of those that arrive. No I/O and no clock; the
/// messages travel as `multiprocessing_bytes` of at most `longest` bytes, or as packets. One thread at a time.
///
///     while (!h.is_done())
///         if (h.sends()) connection.send(h.next()); else h.take(connection.recv());
///     h.check();
///
/// The key is known to both ends, and never sent; what follows the handshake is not protected by it. Source:
/// Lib/multiprocessing/connection.py, `deliver_challenge` and `answer_challenge`.
class FERRULE_MULTIPROCESSING_EXPORT handshake {
public:
    enum class role : unsigned char { listener, client };

    static constexpr std::size_t longest = 256;

    /// With `least` above `md5`, peers that know nothing else are refused: CPython up to 3.11. Throws `usage_error`
    /// (`errc::invalid_argument`) if the key is empty. `random` is for tests: what our challenge consists of, 40 bytes, instead
    /// of random ones.
    handshake(role r, std::string key, digest least = digest::md5, byte_view random = {});

    /// Nothing more to send or to receive, for good or ill.
    [[nodiscard]] bool is_done() const noexcept { return step_ == steps; }
    /// Whether it is our turn.
    [[nodiscard]] bool sends() const noexcept { return (step_ % 2 == 0) == (role_ == role::listener); }
    /// The message to be sent now; then it is the other's turn, or all is done. Throws `error` if the system has no random
    /// numbers or not the digest.
    [[nodiscard]] bytes next();
    /// What has arrived. If the other end has failed, it may have to be told so: `sends()` is true then.
    void take(byte_view message);
    /// Throws `error` (`errc::unauthenticated`), saying which end has refused which, if they do not trust each other.
    void check() const;
    /// What `check` throws; clear if all is well.
    [[nodiscard]] error_code result() const noexcept
    {
        return problem_ == nullptr ? error_code() : errc::unauthenticated;
    }

private:
    static constexpr int steps = 6; // by turns; the listener begins

    void fail(const char* why) noexcept;
    [[nodiscard]] bool is_good(byte_view response) const;

    role role_;
    digest least_;
    int step_ = 0;
    const char* problem_ = nullptr;
    bool tell_ = false; // that the other has failed
    std::string key_;
    bytes random_;
    bytes asked_;  // our challenge
    bytes answer_; // to theirs
};

} // namespace ferrule::python
