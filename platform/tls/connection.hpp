// One TLS connection over a descriptor. Private, but for the libraries of this project.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/platform/tls.hpp>
#include <ferrule/socket_like.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

struct ssl_ctx_st; // OpenSSL's SSL_CTX
struct ssl_st;     // OpenSSL's SSL

namespace ferrule::tls {

enum class role : unsigned char { client, server };

/// OpenSSL encrypts into `out_`, which this object owns and sends in order. A write is therefore never repeated: a send
/// may be given up, and another one may follow. A record is made only when the one before has left.
///
/// An SSL object serves one thread at a time, but reads and writes may overlap. So a mutex guards every member, including
/// the calls of the descriptor below. It is never held across a wait.
///
/// Either direction drives the handshake, and may have to wait for the other direction of the descriptor below. When it
/// is over, whoever waits in the other direction waits for the wrong thing: `stale` says so.
class connection {
public:
    /// `attach` follows. Throws `usage_error`, `error`. `name` is empty for a server.
    connection(const context& c, role r, const std::string& name);
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection();

    /// `under` is a stream in both directions.
    void attach(std::unique_ptr<detail::any_descriptor> under) noexcept { under_ = std::move(under); }
    /// Makes the servers of an SSL_CTX choose among the protocols of their context.
    static void choose_protocols(ssl_ctx_st* c) noexcept;

    /// Goes on with the handshake: `moved(0)` when it is done, else `would_block` or `failed`. Then `arm(write)` tells
    /// what to wait for.
    io_result shake_hands() noexcept;
    /// Nothing before the handshake is done. Throws `std::bad_alloc`.
    [[nodiscard]] std::optional<session> details() const;

    // As in `socket_like`:
    io_result try_read(std::span<std::byte> in) noexcept;
    io_result try_write(std::span<const byte_view> out) noexcept;
    io_result try_flush() noexcept;
    readiness arm(direction d) noexcept;
    void disarm(direction d) noexcept;
    void close() noexcept;
    error_code shutdown_write() noexcept;
    [[nodiscard]] std::size_t unsent() const noexcept { return unsent_.load(std::memory_order_acquire); }
    [[nodiscard]] bool stale(direction d) const noexcept { return stale_[index(d)].load(std::memory_order_acquire); }
    [[nodiscard]] native_handle_type socket() const noexcept
    {
        const std::lock_guard guard(mutex_);
        return under_ ? under_->socket() : invalid_handle;
    }

private:
    struct callbacks; // for OpenSSL

    enum class outcome : unsigned char { done, wants_read, wants_write, end, failed };

    static constexpr std::size_t index(direction d) noexcept { return d == direction::read ? 0 : 1; }

    void set_up();
    void set_name();
    /// Evaluates the result of a function of OpenSSL that reads or writes. An error is in `error_`.
    [[nodiscard]] outcome evaluate(int result) noexcept;
    io_result go_on_with_handshake() noexcept;
    io_result read(std::span<std::byte> in) noexcept;
    io_result write(std::span<const byte_view> out) noexcept;
    /// Encrypts up to one record of what follows the first `skip` bytes. Returns its size in plain text.
    [[nodiscard]] std::size_t encrypt(std::span<const byte_view> out, std::size_t skip) noexcept;
    /// Reads into `in_`, which is empty.
    io_result read_ahead() noexcept;
    /// Sends what it can of `out_`.
    io_result push() noexcept;
    io_result broken_by_peer() noexcept;
    io_result push_all() noexcept;
    void end_output() noexcept;
    void discard_input() noexcept;
    /// Fails for good.
    void fail(error_code ec) noexcept;
    void wake_waiting() noexcept;
    [[nodiscard]] bool is_forked() const noexcept;

    mutable std::mutex mutex_;
    std::unique_ptr<detail::any_descriptor> under_;
    const context context_;
    const role role_;
    const std::uint32_t generation_; // of forks
    std::string name_;
    ssl_st* ssl_ = nullptr;
    bytes out_; // encrypted, not yet sent
    bytes in_;  // encrypted, not yet taken by OpenSSL; after the handshake only
    std::atomic<std::size_t> unsent_{0};
    std::atomic<bool> stale_[2] = {};
    std::optional<direction> armed_[2]; // for each direction, what it waits for below
    error_code error_;                  // of the last call
    error_code below_;                  // what the descriptor below has reported during the call of OpenSSL
    error_code failed_;                 // sticky
    error_code write_failed_;           // sticky
    bool begun_ = false;                // the handshake
    bool done_ = false;                 // the handshake
    bool ended_below_ = false;
    bool emptied_below_ = false;    // the last read below was short
    bool drained_ = false;          // there was no more at the last read, here and below
    bool read_wants_write_ = false; // such as for the answer to a KeyUpdate
    bool write_wants_read_ = false;
    bool closed_ = false;
};

/// `connection` as a `socket_like` type.
class stream {
public:
    explicit stream(std::unique_ptr<connection> c) noexcept : connection_(std::move(c)) {}

    [[nodiscard]] connection& get() const noexcept { return *connection_; }

    io_result try_read(std::span<std::byte> in) noexcept { return connection_->try_read(in); }
    io_result try_write(std::span<const byte_view> out) noexcept { return connection_->try_write(out); }
    io_result try_flush() noexcept { return connection_->try_flush(); }
    [[nodiscard]] readiness arm(direction d) noexcept { return connection_->arm(d); }
    void disarm(direction d) noexcept { connection_->disarm(d); }
    void close() noexcept { connection_->close(); }
    error_code shutdown_write() noexcept { return connection_->shutdown_write(); }
    [[nodiscard]] std::size_t unsent() const noexcept { return connection_->unsent(); }
    [[nodiscard]] bool stale(direction d) const noexcept { return connection_->stale(d); }
    [[nodiscard]] native_handle_type socket() const noexcept { return connection_->socket(); }

private:
    std::unique_ptr<connection> connection_;
};

/// Throws as `tls::client`.
[[nodiscard]] std::unique_ptr<connection> open(descriptor under, const context& c, role r, const std::string& name);

} // namespace ferrule::tls
