// TLS over any stream descriptor (RFC 8446, RFC 5246). OpenSSL does the cryptography.
#pragma once

#include <ferrule/bytes.hpp>
#include <ferrule/detail/export.hpp>
#include <ferrule/error.hpp>
#include <ferrule/socket_like.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace ferrule::tls {

/// The category of OpenSSL's errors. A message is OpenSSL's reason, such as "certificate has expired", "hostname
/// mismatch" or "wrong version number". A value below 2^23 is a result of verifying a certificate (X509_V_ERR_…); other
/// values are OpenSSL's error codes.
///
/// `condition::untrusted` covers certificates that this end refuses, and alerts which say that the peer has refused
/// ours. `condition::broken` covers all other errors of the protocol.
[[nodiscard]] FERRULE_TLS_EXPORT const boost::system::error_category& category() noexcept;

/// Settings of connections: which certificates to present and to trust, and what to speak. Written in place:
///
///     auto settings = tls::context::client().trust("ca.pem").alpn({"h2", "http/1.1"});
///
/// Copies share their settings. Sessions are not resumed, and TLS 1.2 is the least that any connection accepts.
///
/// A certificate, a key or a list of them is PEM text, which contains "-----BEGIN", or the name of a file with such
/// text. Encrypted keys are refused. What cannot be used throws `error`; its text names the file and OpenSSL's reason.
///
/// Thread safety: any thread may use any context for connections. Settings are made before.
class FERRULE_TLS_EXPORT context {
public:
    /// For clients. Trusts what the system trusts, and checks the chain and the name of every server.
    [[nodiscard]] static context client();
    /// For servers. `chain` begins with the server's certificate, and its issuers follow. Asks clients for no
    /// certificate. Throws as `present`.
    [[nodiscard]] static context server(std::string_view chain, std::string_view key);
    /// Shares an SSL_CTX, such as `native_handle()` of an `asio::ssl::context`. Its settings hold, with these
    /// exceptions: a client verifies the server, whatever the mode of the SSL_CTX, unless `trust_anyone` allows
    /// otherwise. TLS 1.2 is the least, and renegotiation is refused. The members below change the SSL_CTX itself.
    /// Throws `usage_error` (`errc::invalid_argument`) for null.
    [[nodiscard]] static context adopt(ssl_ctx_st* openssl);

    /// Trusts the issuers in `certificates`. From the first call on, what the system trusts does not count.
    context& trust(std::string_view certificates);
    /// Presents this certificate, followed by its issuers. Throws `error`, also if the key belongs to another.
    context& present(std::string_view chain, std::string_view key);
    /// The protocols to offer or to accept, the preferred ones first (ALPN, RFC 7301). A server chooses by its own
    /// order, and refuses clients whose offer has none of them. It accepts clients that offer nothing.
    /// Throws `usage_error` (`errc::invalid_argument`) unless each name has 1 to 255 bytes.
    context& alpn(const std::vector<std::string>& protocols);
    /// A server refuses clients without a certificate that one of `issuers` has issued. Trusts nobody else. With TLS 1.3
    /// the handshake of such a client succeeds, and its first receive says that it was refused.
    context& require_client_certificate(std::string_view issuers);
    /// A client accepts any server: it does not know whom it talks to, and neither does anybody who listens.
    context& trust_anyone() noexcept;

    /// The SSL_CTX, which the context still owns.
    [[nodiscard]] ssl_ctx_st* native_handle() const noexcept;

private:
    friend class connection;
    struct settings;

    explicit context(std::shared_ptr<settings> s) noexcept;

    std::shared_ptr<settings> settings_;
};

/// A certificate.
class certificate {
public:
    certificate() = default;

    /// Distinguished names as in RFC 2253, in UTF-8, such as "CN=example.org,O=Example".
    std::string subject;
    std::string issuer;
    /// The SHA-256 digest of the DER form, as 64 hexadecimal digits in lower case.
    std::string sha256;
    /// The DER form, shared by copies.
    std::shared_ptr<const bytes> der;
};

/// What the ends of a connection have agreed on.
class session {
public:
    session() = default;

    /// "TLSv1.2" or "TLSv1.3".
    std::string version;
    /// OpenSSL's name of the cipher suite, such as "TLS_AES_256_GCM_SHA384".
    std::string cipher;
    /// Empty if none was agreed on.
    std::string alpn;
    /// At a client: the name that was asked for. It was checked, unless the context trusts anyone. At a server: the name
    /// that the client has asked for (SNI), or empty.
    std::string server_name;
    /// The certificate that the peer has presented; empty members if none. `verified` says whether it was checked.
    certificate peer;
    bool verified = false;
};

/// A TLS client over `under`, which must be a stream in both directions. Pass the result to a `duplex`. The handshake
/// happens in the first read or write. A deadline or a cancel may end that; the next call continues it.
///
/// `server_name` is the name, or the IP address, that the server's certificate must have among its alternative names
/// (RFC 9525). A name is also told to the server (SNI, RFC 6066). It may be empty only if the context trusts anyone.
///
/// * A read delivers `io_result::end()` only if the peer has ended its output (close_notify). A stream that merely stops
///   is `errc::truncated`.
/// * A send is over when the system has the encrypted bytes. If a deadline or a cancel ends it before, the connection may
///   hold the rest of one record, which `unsent()` and `close()` count. That rest goes out before anything else, and while
///   a receive waits. So the error says that the send is in flight. Its count is that of the bytes that were encrypted,
///   but at least one less than all, unless there was only one.
/// * `shutdown_write` sends close_notify. `close` sends it, too, if that is possible immediately.
/// * There is no native handle, and `release` gives none away, since the other end speaks TLS.
/// * In the child of a fork every call is `errc::forked`, since two processes must not encrypt with the same keys.
///
/// Throws: `usage_error` with `errc::invalid_argument` (no or an impossible name, a context for servers),
/// `errc::wrong_direction`, `errc::unsupported` (not a stream), `errc::bad_descriptor`; `error`.
[[nodiscard]] FERRULE_TLS_EXPORT descriptor client(descriptor under, const context& c, std::string server_name);
/// A TLS server over `under`. Otherwise the same.
[[nodiscard]] FERRULE_TLS_EXPORT descriptor server(descriptor under, const context& c);

} // namespace ferrule::tls
