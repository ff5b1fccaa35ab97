// Keys and certificates for TLS servers, made on the spot.
#pragma once

#include "tx_api.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <vector>

namespace test {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;

struct identity {
    key_ptr key;
    x509_ptr cert;
};

inline void add_extension(X509* cert, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    ASSERT_NE(extension, nullptr);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

/// Signed by issuer, or by itself without one; valid from an hour ago until `seconds` from now.
inline identity make_identity(const char* common_name, const identity* issuer, const char* alternative,
                              long seconds = 3600, bool rsa = false) {
    identity made;
    made.key.reset(rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
    made.cert.reset(X509_new());
    auto* cert = made.cert.get();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), issuer != nullptr ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), seconds);
    X509_set_pubkey(cert, made.key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    auto* signer = issuer != nullptr ? issuer->cert.get() : cert;
    X509_set_issuer_name(cert, X509_get_subject_name(signer));
    add_extension(cert, signer, NID_basic_constraints, issuer != nullptr ? "CA:FALSE" : "critical,CA:TRUE");
    if (issuer != nullptr) {
        add_extension(cert, signer, NID_key_usage, "digitalSignature,keyEncipherment");
        add_extension(cert, signer, NID_ext_key_usage, "serverAuth");
        add_extension(cert, signer, NID_subject_alt_name, alternative);
    }
    X509_sign(cert, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256());
    return made;
}

inline std::vector<UCHAR> der(const X509* cert) {
    std::vector<UCHAR> data(static_cast<std::size_t>(i2d_X509(const_cast<X509*>(cert), nullptr)));
    auto* at = data.data();
    i2d_X509(const_cast<X509*>(cert), &at);
    return data;
}

} // namespace test
