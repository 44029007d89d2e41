#include <ferrule/platform/tls.hpp>

#include "platform/tls/connection.hpp"
#include "platform/tls/openssl.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace ferrule::tls {
namespace {

constexpr int first_packed_code = 1 << 23; // OpenSSL's codes begin with the number of a library

// Alerts which say that the peer has refused our certificate (RFC 8446, section 6.2).
bool is_refusal(int reason) noexcept
{
    switch (reason - SSL_AD_REASON_OFFSET) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED: return true;
    }
    return reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
}

class openssl_category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "ferrule.tls"; }
    std::string message(int code) const override
    {
        if (code < first_packed_code)
            return X509_verify_cert_error_string(code);
        const char* const reason = ERR_reason_error_string(static_cast<unsigned long>(code));
        return reason != nullptr ? reason : "OpenSSL's error " + std::to_string(code);
    }
    bool equivalent(int code, const error_condition& c) const noexcept override
    {
        const auto packed = static_cast<unsigned long>(code);
        const bool refused =
            code < first_packed_code || (ERR_GET_LIB(packed) == ERR_LIB_SSL && is_refusal(ERR_GET_REASON(packed)));
        if (c == condition::untrusted)
            return refused;
        if (c == condition::broken)
            return !refused && ERR_GET_LIB(packed) == ERR_LIB_SSL;
        return error_category::equivalent(code, c);
    }
};

[[noreturn]] void fail(const std::string& what)
{
    detail::throw_in_context(first_error(), "ferrule: TLS: " + what);
}

void check(bool well, const std::string& what)
{
    if (!well)
        fail(what);
}

void free_stack(STACK_OF(X509) * s) noexcept
{
    sk_X509_free(s);
}

/// PEM text, or the content of a file.
class pem {
public:
    pem(std::string_view given, const char* what)
    {
        const bool is_text = given.find("-----BEGIN") != given.npos;
        name_ = std::string(what) + (is_text ? "" : " '" + std::string(given) + "'");
        ERR_clear_error();
        if (is_text && given.size() <= std::numeric_limits<int>::max())
            bio_.reset(BIO_new_mem_buf(given.data(), static_cast<int>(given.size())));
        else
            bio_.reset(BIO_new_file(std::string(given).c_str(), "r"));
        check(bio_ != nullptr, name_);
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// All certificates, at least one. Throws `error`.
    [[nodiscard]] std::vector<owned<X509, &X509_free>> certificates()
    {
        std::vector<owned<X509, &X509_free>> all;
        while (X509* const next = PEM_read_bio_X509_AUX(bio_.get(), nullptr, &no_password, nullptr))
            all.emplace_back(next);
        const unsigned long e = ERR_peek_last_error();
        const bool at_end = ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
        check(at_end && !all.empty(), name_);
        ERR_clear_error();
        return all;
    }
    [[nodiscard]] owned<EVP_PKEY, &EVP_PKEY_free> key()
    {
        owned<EVP_PKEY, &EVP_PKEY_free> k(PEM_read_bio_PrivateKey(bio_.get(), nullptr, &no_password, nullptr));
        check(k != nullptr, name_);
        return k;
    }

private:
    // OpenSSL would ask for it at the terminal.
    static int no_password(char*, int, int, void*) noexcept { return -1; }

    owned<BIO, &BIO_free> bio_;
    std::string name_;
};

} // namespace

const boost::system::error_category& category() noexcept
{
    static const openssl_category c;
    return c;
}

// ---- settings ----

context::context(std::shared_ptr<settings> s) noexcept : settings_(std::move(s)) {}

context context::client()
{
    auto s = std::make_shared<settings>();
    s->for_servers = false;
    ERR_clear_error();
    s->openssl.reset(SSL_CTX_new(TLS_client_method()));
    check(s->openssl != nullptr && SSL_CTX_set_default_verify_paths(s->openssl.get()) == 1, "a context");
    SSL_CTX_set_verify(s->openssl.get(), SSL_VERIFY_PEER, nullptr);
    return context(std::move(s));
}

context context::server(std::string_view chain, std::string_view key)
{
    auto s = std::make_shared<settings>();
    s->for_clients = false;
    ERR_clear_error();
    s->openssl.reset(SSL_CTX_new(TLS_server_method()));
    check(s->openssl != nullptr, "a context");
    // Tickets (RFC 8446, section 4.6.1) would be input that a client which only sends never reads. When such a client
    // closes a TCP connection, the system resets it, and the server may lose what was sent.
    SSL_CTX_set_num_tickets(s->openssl.get(), 0);
    SSL_CTX_set_options(s->openssl.get(), SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(s->openssl.get(), SSL_SESS_CACHE_OFF);
    context c(std::move(s));
    c.present(chain, key);
    return c;
}

context context::adopt(ssl_ctx_st* openssl)
{
    if (openssl == nullptr)
        detail::throw_in_context(errc::invalid_argument, "ferrule: TLS: no SSL_CTX");
    auto s = std::make_shared<settings>();
    SSL_CTX_up_ref(openssl);
    s->openssl.reset(openssl);
    return context(std::move(s));
}

context& context::trust(std::string_view certificates)
{
    pem from(certificates, "trusted certificates");
    const auto all = from.certificates();
    SSL_CTX* const ctx = settings_->openssl.get();
    if (!settings_->own_trust) {
        X509_STORE* const fresh = X509_STORE_new();
        check(fresh != nullptr, from.name());
        SSL_CTX_set_cert_store(ctx, fresh);
        settings_->own_trust = true;
    }
    for (const auto& c : all)
        check(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), c.get()) == 1, from.name());
    return *this;
}

context& context::present(std::string_view chain, std::string_view key)
{
    pem from(chain, "certificate");
    const auto all = from.certificates();
    pem secret(key, "key");
    const auto k = secret.key();
    owned<STACK_OF(X509), &free_stack> issuers(sk_X509_new_null());
    check(issuers != nullptr, from.name());
    for (std::size_t i = 1; i < all.size(); ++i)
        check(sk_X509_push(issuers.get(), all[i].get()) > 0, from.name());
    check(X509_check_private_key(all.front().get(), k.get()) == 1, secret.name());
    SSL_CTX* const ctx = settings_->openssl.get();
    check(SSL_CTX_use_cert_and_key(ctx, all.front().get(), k.get(), issuers.get(), 1) == 1, from.name());
    return *this;
}

context& context::alpn(const std::vector<std::string>& protocols)
{
    std::vector<unsigned char> wire;
    for (const std::string& p : protocols) {
        if (p.empty() || p.size() > 255)
            detail::throw_in_context(errc::invalid_argument, "ferrule: TLS: protocol '" + p + "'");
        wire.push_back(static_cast<unsigned char>(p.size()));
        wire.insert(wire.end(), p.begin(), p.end());
    }
    settings_->protocols = std::move(wire);
    connection::choose_protocols(settings_->openssl.get());
    return *this;
}

context& context::require_client_certificate(std::string_view issuers)
{
    settings_->own_trust = false; // nobody else
    trust(issuers);
    SSL_CTX* const ctx = settings_->openssl.get();
    pem from(issuers, "issuers of clients");
    for (const auto& c : from.certificates())
        check(SSL_CTX_add_client_CA(ctx, c.get()) == 1, from.name());
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    return *this;
}

context& context::trust_anyone() noexcept
{
    settings_->anyone = true;
    return *this;
}

ssl_ctx_st* context::native_handle() const noexcept
{
    return settings_->openssl.get();
}

// ---- descriptors ----

std::unique_ptr<connection> open(descriptor under, const context& c, role r, const std::string& name)
{
    if (under.get() == nullptr)
        throw_error(errc::bad_descriptor);
    descriptor both = std::move(under).require(direction::read).require(direction::write);
    try {
        if (both.get()->kind() != transfer_kind::stream)
            detail::throw_in_context(errc::unsupported, "ferrule: TLS needs a stream");
        auto opened = std::make_unique<connection>(c, r, name);
        opened->attach(std::move(both).take());
        return opened;
    } catch (...) {
        both.give_back();
        throw;
    }
}

descriptor client(descriptor under, const context& c, std::string server_name)
{
    return stream(open(std::move(under), c, role::client, server_name));
}

descriptor server(descriptor under, const context& c)
{
    return stream(open(std::move(under), c, role::server, {}));
}

} // namespace ferrule::tls
