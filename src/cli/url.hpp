// url.hpp - where mail goes, as people write it: scheme://[user@]host[:port] or lmtp+unix:///path.
//
// The scheme says what is required of the line. There is no way to write a password: a URL is seen in process
// lists, shell histories and logs.
#pragma once

#include "postrider/session.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace postrider::cli {

/// A parsed server URL.
struct server_url {
    postrider::protocol protocol = postrider::protocol::smtp;
    tls_policy tls = tls_policy::required;
    std::string host;       ///< a name (UTF-8 as it was given) or an IP address without brackets
    std::uint16_t port = 0; ///< never 0 for TCP
    std::string unix_path;
    std::string user; ///< empty: none given
    /// The host is 127.0.0.0/8, ::1 or a name that RFC 6761 keeps for loopback; or the path of a Unix socket.
    bool loopback = false;

    /// The URL in its plainest form, without the user.
    std::string text() const;
};

/// Schemes and what they require:
///
///     smtps               TLS from the first octet, 465
///     smtp                STARTTLS required, 587; on loopback used when offered
///     smtp+tls            STARTTLS required also on loopback, 587
///     smtp+opportunistic  STARTTLS used when offered, 25
///     smtp+notls          never TLS, 25
///     lmtp, lmtp+tls, lmtp+opportunistic, lmtp+notls   the same for LMTP, 24
///     lmtp+unix           LMTP over a Unix socket, without TLS
///
/// Throws command_error (usage); its text never holds a password that stood in the URL.
server_url parse_server_url(std::string_view url);

/// Whether the host needs no network: see server_url::loopback.
bool is_loopback(std::string_view host);

} // namespace postrider::cli
