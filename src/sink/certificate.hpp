// certificate.hpp - the server's TLS context: from files, or with a certificate made in memory.
#pragma once

#include "sink/sink.hpp"

#include <openssl/ssl.h>

#include <string>

namespace postrider::sink {

/// Sets up certificate and key in `context` and returns the PEM of what a client must trust.
/// Without files: a CA is made whose key is forgotten at once, and from it a certificate for localhost,
/// 127.0.0.1 and ::1, both EC P-256 and valid for 30 days. Throws setup_error.
std::string install_certificate(SSL_CTX* context, const config& settings);

} // namespace postrider::sink
