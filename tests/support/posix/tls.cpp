#include "support/posix/tls.hpp"

#include "src/net/tls.hpp"
#include "support/timeout.hpp"

#include <stdexcept>
#include <utility>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace ferrule::test {
namespace {

void check(bool well)
{
    if (!well)
        throw std::runtime_error("OpenSSL makes no certificate");
}

template <class Write>
std::string text_of(Write write)
{
    const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), &BIO_free);
    check(out != nullptr && write(out.get()) == 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string text_of(X509* x)
{
    return text_of([&](BIO* out) { return PEM_write_bio_X509(out, x); });
}

std::string text_of(EVP_PKEY* k)
{
    return text_of([&](BIO* out) { return PEM_write_bio_PrivateKey(out, k, nullptr, nullptr, 0, nullptr, nullptr); });
}

std::shared_ptr<EVP_PKEY> make_key()
{
    std::shared_ptr<EVP_PKEY> k(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    check(k != nullptr);
    return k;
}

void extend(X509* x, X509* issuer, int nid, const std::string& value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, x, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> e(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), &X509_EXTENSION_free);
    check(e != nullptr && X509_add_ext(x, e.get(), -1) == 1);
}

// Without an issuer it signs itself.
std::shared_ptr<X509> make_certificate(const wanted_certificate& wanted, EVP_PKEY* key, X509* issuer,
                                       EVP_PKEY* issuers_key, bool is_authority)
{
    std::shared_ptr<X509> x(X509_new(), &X509_free);
    check(x != nullptr && X509_set_version(x.get(), X509_VERSION_3) == 1);
    std::uint32_t serial = 0;
    check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
    check(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x.get()), serial) == 1);
    check(X509_gmtime_adj(X509_getm_notBefore(x.get()), wanted.begins) != nullptr);
    check(X509_gmtime_adj(X509_getm_notAfter(x.get()), wanted.ends) != nullptr);
    check(X509_NAME_add_entry_by_txt(X509_get_subject_name(x.get()), "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(wanted.common_name.c_str()), -1, -1,
                                     0) == 1);
    X509* const by = issuer != nullptr ? issuer : x.get();
    check(X509_set_issuer_name(x.get(), X509_get_subject_name(by)) == 1 && X509_set_pubkey(x.get(), key) == 1);
    extend(x.get(), by, NID_basic_constraints, is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (is_authority)
        extend(x.get(), by, NID_key_usage, "critical,keyCertSign");
    extend(x.get(), by, NID_subject_key_identifier, "hash");
    extend(x.get(), by, NID_authority_key_identifier, "keyid"); // Python 3.13 requires it
    std::string names;
    for (const std::string& n : is_authority ? std::vector<std::string>() : wanted.names)
        names += (names.empty() ? "" : ",") + (n.starts_with("IP:") ? n : "DNS:" + n);
    if (!names.empty())
        extend(x.get(), by, NID_subject_alt_name, names);
    check(X509_sign(x.get(), issuers_key, EVP_sha256()) > 0);
    return x;
}

} // namespace

authority::authority(const std::string& name) : key_(make_key())
{
    wanted_certificate own;
    own.common_name = name;
    certificate_ = make_certificate(own, key_.get(), nullptr, key_.get(), true);
    pem_ = text_of(certificate_.get());
}

identity authority::issue(const wanted_certificate& wanted) const
{
    const auto key = make_key();
    const auto x = make_certificate(wanted, key.get(), certificate_.get(), key_.get(), false);
    return {text_of(x.get()), text_of(key.get())};
}

identity authority::self_signed(const wanted_certificate& wanted)
{
    const auto key = make_key();
    const auto x = make_certificate(wanted, key.get(), nullptr, key.get(), false);
    return {text_of(x.get()), text_of(key.get())};
}

const authority& test_authority()
{
    static const authority a;
    return a;
}

tls::context client_context()
{
    static const tls::context c = tls::context::client().trust(test_authority().certificate());
    return c;
}

tls::context server_context()
{
    static const tls::context c = [] {
        const identity own = test_authority().issue();
        return tls::context::server(own.chain, own.key);
    }();
    return c;
}

tls_ends::tls_ends(ends under, const tls::context& c, const tls::context& s)
    : client(tls::open(std::move(under.first), c, tls::role::client, "peer.test")),
      server(tls::open(std::move(under.second), s, tls::role::server, {}))
{
}

bool tls_ends::step()
{
    bool done = true;
    for (tls::connection* const c : {client.get(), server.get()}) {
        const io_result r = c->shake_hands();
        if (r.status() == io_status::failed)
            throw_error(r.error());
        done = done && r.status() == io_status::moved;
    }
    return done;
}

void tls_ends::shake_hands()
{
    while (!step()) {
    }
}

ends tls_ends::descriptors() &&
{
    descriptor first = tls::stream(std::move(client));
    return {std::move(first), tls::stream(std::move(server))};
}

ends tls_pair(ends under, const tls::context& c, const tls::context& s)
{
    tls_ends e(std::move(under), c, s);
    e.shake_hands();
    return std::move(e).descriptors();
}

} // namespace ferrule::test
