// Owners of OpenSSL's objects, and its errors. Private.
#pragma once

#include <ferrule/platform/tls.hpp>

#include <boost/system/system_category.hpp>

#include <memory>
#include <vector>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace ferrule::tls {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* p) const noexcept
    {
        Free(p);
    }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, freed_by<Free>>;

/// What a context has beside its SSL_CTX.
struct context::settings {
    owned<SSL_CTX, &SSL_CTX_free> openssl;
    std::vector<unsigned char> protocols{}; // each preceded by its size, as on the wire
    bool for_clients = true;
    bool for_servers = true;
    bool own_trust = false; // instead of the system's
    bool anyone = false;
};

/// The code of a verification that failed.
inline error_code verification_error(long result) noexcept
{
    return {static_cast<int>(result), category()};
}

inline error_code error_of(unsigned long e) noexcept
{
    if (e != 0 && ERR_SYSTEM_ERROR(e))
        return {static_cast<int>(ERR_GET_REASON(e)), boost::system::system_category()};
    if (e == 0 || ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE) // an error needs memory, too
        return detail::no_memory();
    return {static_cast<int>(e), category()};
}

/// OpenSSL's error that led to the others in this thread's queue, which is then empty.
inline error_code first_error() noexcept
{
    const error_code ec = error_of(ERR_get_error());
    ERR_clear_error();
    return ec;
}

} // namespace ferrule::tls
