// Connections with TLS, for clients.
#pragma once

#include <ferrule/client/connector.hpp>
#include <ferrule/net/tls.hpp>

namespace ferrule::tls {

/// Connects as `tls::connect` does.
///
///     client instrument(tls::connector("tls://example.org:5025", tls::context::client()));
[[nodiscard]] inline ferrule::connector connector(const destination& to, const context& c,
                                                  const connect_options& o = ferrule::detail::watchful())
{
    return {to.where.to_string(), [to, c, o] { return ferrule::detail::connecting<void>(to, c, o); }};
}

} // namespace ferrule::tls
