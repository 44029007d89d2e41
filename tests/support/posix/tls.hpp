// Certificates that a test makes for itself, and TLS connections in memory.
#pragma once

#include "support/system_kinds.hpp"

#include "platform/tls/connection.hpp"

#include <ferrule/net/tls.hpp>
#include <ferrule/platform/descriptor_pair.hpp>
#include <ferrule/platform/tls.hpp>

#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace ferrule::test {

/// A certificate and its key, as PEM text.
struct identity {
    std::string chain;
    std::string key;
};

struct wanted_certificate {
    std::string common_name = "a test";
    std::vector<std::string> names{"peer.test"}; // "IP:127.0.0.1" for an address
    long begins = -3600;                         // seconds from now
    long ends = 3600;
};

/// Issues certificates.
class authority {
public:
    explicit authority(const std::string& name = "ferrule's tests");

    /// Its own certificate.
    [[nodiscard]] const std::string& certificate() const noexcept { return pem_; }
    [[nodiscard]] identity issue(const wanted_certificate& wanted = {}) const;
    /// One that it does not sign.
    [[nodiscard]] static identity self_signed(const wanted_certificate& wanted = {});

private:
    std::shared_ptr<x509_st> certificate_;
    std::shared_ptr<evp_pkey_st> key_;
    std::string pem_;
};

/// The authority of this program.
const authority& test_authority();
/// Contexts that trust it, and a server "peer.test".
tls::context client_context();
tls::context server_context();

/// A client and a server before their handshake.
struct tls_ends {
    std::unique_ptr<tls::connection> client;
    std::unique_ptr<tls::connection> server;

    explicit tls_ends(ends under = socketpair_descriptors(), const tls::context& c = client_context(),
                      const tls::context& s = server_context());

    /// One step of each. True once both are done. Throws `error` if one fails.
    bool step();
    /// Throws `error` if one fails.
    void shake_hands();
    [[nodiscard]] ends descriptors() &&;
};

/// After the handshake.
ends tls_pair(ends under = socketpair_descriptors(), const tls::context& c = client_context(),
              const tls::context& s = server_context());

} // namespace ferrule::test
