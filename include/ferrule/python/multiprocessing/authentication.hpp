// The handshake of Python's multiprocessing, in which both ends prove that they know a key.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>

#include <string>

namespace ferrule::python {

/// The digest of a response. CPython up to 3.11 knows only `md5`.
enum class digest : unsigned char { md5, sha256, sha384, sha3_256, sha3_384 };

/// One end of the handshake: which messages to send, and whether the received ones are right. It does no I/O and reads
/// no clock. The messages travel as `multiprocessing_bytes` of at most `max_message` bytes, or as packets.
///
///     while (!h.is_done())
///         if (h.sends()) connection.send(h.next()); else h.take(connection.recv());
///     h.check();
///
/// Both ends know the key, which is never sent. The key does not protect the data that follows the handshake.
/// Thread safety: one thread at a time.
///
/// Source: Lib/multiprocessing/connection.py, `deliver_challenge` and `answer_challenge`.
class FERRULE_MULTIPROCESSING_EXPORT handshake {
public:
    enum class role : unsigned char { listener, client };

    static constexpr std::size_t max_message = 256;

    /// With `least` above `md5`, peers that know only `md5` are refused, which includes CPython up to 3.11. `random` is
    /// for tests: 40 bytes that replace the random challenge. Throws `usage_error` (`errc::invalid_argument`) if the
    /// key is empty.
    handshake(role r, std::string key, digest least = digest::md5, byte_view random = {});

    /// Whether nothing is left to send or receive, after success or failure.
    [[nodiscard]] bool is_done() const noexcept { return step_ == steps; }
    /// Whether this end sends the next message.
    [[nodiscard]] bool sends() const noexcept { return (step_ % 2 == 0) == (role_ == role::listener); }
    /// The message to send now. Throws `error` if the system has no random numbers or does not know the digest.
    [[nodiscard]] bytes next();
    /// Takes a received message. If it is wrong, `sends()` may become true, because the peer must be told.
    void take(byte_view message);
    /// Throws `error` (`errc::unauthenticated`) if the handshake has failed. The message says which end refused which.
    void check() const;
    /// The error code that `check` throws, or a clear one.
    [[nodiscard]] error_code result() const noexcept
    {
        return problem_ == nullptr ? error_code() : errc::unauthenticated;
    }

private:
    static constexpr int steps = 6; // turns of both ends; the listener begins

    void fail(const char* why) noexcept;
    [[nodiscard]] bool is_good(byte_view response) const;

    role role_;
    digest least_;
    int step_ = 0;
    const char* problem_ = nullptr;
    bool tell_ = false; // send the peer a failure
    std::string key_;
    bytes random_;
    bytes asked_;  // our challenge
    bytes answer_; // our response to the peer's challenge
};

} // namespace ferrule::python
