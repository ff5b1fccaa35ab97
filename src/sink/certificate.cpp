// A CA and a leaf, not one self-signed certificate: verifiers that follow RFC 5280 to the letter refuse a CA
// as a server's own certificate, and others refuse a trust anchor that is no CA.
#include "sink/certificate.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string_view>

namespace postrider::sink {
namespace {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* what) const noexcept {
        Free(what);
    }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using cert_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;

[[noreturn]] void fail(const std::string& what) {
    const auto code = ERR_get_error();
    std::array<char, 256> reason{};
    if (code != 0)
        ERR_error_string_n(code, reason.data(), reason.size());
    ERR_clear_error();
    throw setup_error(setup_error::kind::tls,
                      code == 0 ? what
                                : fmt::format("{} ({})", what, static_cast<const char*>(reason.data())));
}

void require(bool good, const char* what) {
    if (!good)
        fail(fmt::format("the certificate in memory could not be made: {}", what));
}

void add_extension(X509* cert, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
    std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    require(extension && X509_add_ext(cert, extension.get(), -1) == 1, value);
}

void set_serial(X509* cert) {
    std::uint64_t serial = 0;
    require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "no random numbers");
    require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1U) == 1, "serial number");
}

cert_ptr blank_certificate(EVP_PKEY* key, std::string_view common_name) {
    constexpr long day = 24L * 60 * 60;
    cert_ptr cert(X509_new());
    require(cert && X509_set_version(cert.get(), X509_VERSION_3) == 1, "version");
    set_serial(cert.get());
    require(X509_gmtime_adj(X509_getm_notBefore(cert.get()), -day) != nullptr &&
                X509_gmtime_adj(X509_getm_notAfter(cert.get()), 30 * day) != nullptr,
            "validity");
    require(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(common_name.data()),
                                       static_cast<int>(common_name.size()), -1, 0) == 1,
            "subject");
    require(X509_set_pubkey(cert.get(), key) == 1, "public key");
    return cert;
}

void sign(X509* cert, X509* issuer, EVP_PKEY* key) {
    add_extension(cert, cert, NID_subject_key_identifier, "hash");
    add_extension(cert, issuer, NID_authority_key_identifier, "keyid:always");
    require(X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 &&
                X509_sign(cert, key, EVP_sha256()) > 0,
            "signature");
}

std::string pem(X509* cert) {
    bio_ptr out(BIO_new(BIO_s_mem()));
    require(out && PEM_write_bio_X509(out.get(), cert) == 1, "PEM");
    char* text = nullptr;
    const long length = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(length)};
}

std::string install_made_certificate(SSL_CTX* context) {
    const key_ptr ca_key(EVP_EC_gen("P-256"));
    const key_ptr key(EVP_EC_gen("P-256"));
    require(ca_key && key, "keys");
    const auto ca = blank_certificate(ca_key.get(), "Postrider sink CA");
    add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(ca.get(), ca.get(), ca_key.get());
    const auto cert = blank_certificate(key.get(), "localhost");
    add_extension(cert.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(cert.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
    add_extension(cert.get(), ca.get(), NID_ext_key_usage, "serverAuth");
    add_extension(cert.get(), ca.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
    sign(cert.get(), ca.get(), ca_key.get());
    require(SSL_CTX_use_certificate(context, cert.get()) == 1 &&
                SSL_CTX_use_PrivateKey(context, key.get()) == 1 &&
                SSL_CTX_add1_chain_cert(context, ca.get()) == 1,
            "context");
    return pem(ca.get());
}

// The last certificate of a PEM file: the top of the chain that the server shows.
std::string last_certificate(const std::string& path) {
    bio_ptr in(BIO_new_file(path.c_str(), "r"));
    std::string last;
    while (in) {
        const cert_ptr cert(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
        if (!cert)
            break;
        last = pem(cert.get());
    }
    ERR_clear_error(); // the end of the file counts as an error
    return last;
}

} // namespace

std::string install_certificate(SSL_CTX* context, const config& settings) {
    if (settings.cert_file.empty() != settings.key_file.empty())
        throw setup_error(
            setup_error::kind::configuration,
            "a certificate needs its key and a key its certificate: give both files, or neither to have "
            "a certificate for localhost made");
    if (settings.cert_file.empty())
        return install_made_certificate(context);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, settings.cert_file.c_str()) != 1)
        fail(fmt::format(
            "the certificate {} cannot be used: it must be a PEM chain, the server's own certificate first",
            settings.cert_file));
    if (SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        fail(fmt::format(
            "the key {} cannot be used: it must be the certificate's private key, PEM, without a passphrase",
            settings.key_file));
    return last_certificate(settings.cert_file);
}

} // namespace postrider::sink
