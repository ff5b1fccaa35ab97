// What the TLS sessions and the certificates share.
#pragma once

#include "nx_secure_tls_api.h"
#include "sockets.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace postrider::hosted {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using ssl_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;

/// Null when the data is no certificate.
x509_ptr parse(const NX_SECURE_X509_CERT& cert);

/// Fills in what can be read from the certificate's data; false when that is no certificate.
bool describe(NX_SECURE_X509_CERT& cert);

} // namespace postrider::hosted
