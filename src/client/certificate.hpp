// certificate.hpp - what a server's certificate says, and whether its CA has taken it back.
#pragma once

#include "openssl_ptr.hpp"
#include "postrider/client.hpp"

#include <string>

namespace postrider::line {

certificate_info describe(const X509& certificate);

/// SHA-256 of the DER, in lower-case hex.
std::string fingerprint_of(const X509& certificate);

/// 64 lower-case hex digits from a fingerprint as people write it; empty when it is none.
std::string normalised_fingerprint(std::string_view text);

/// Looks at the stapled OCSP response (RFC 6066 8) of a finished, verified handshake. Returns why the
/// certificate must not be used: it is revoked, or it promises a staple (RFC 7633) and there is no good one.
/// Empty when nothing is wrong.
std::string staple_problem(SSL& ssl);

/// "certificate has expired", with the certificate it was said of; `wanted` is the name that was looked for.
std::string explain(int verify_error, int depth, const X509* certificate, std::string_view wanted);

} // namespace postrider::line
