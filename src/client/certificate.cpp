#include "certificate.hpp"

#include <openssl/evp.h>

#include <arpa/inet.h>
#include <array>
#include <ctime>

namespace postrider::line {

namespace {

constexpr int status_request = 5;     // the number of the TLS extension, RFC 6066 8 and RFC 7633 4.2.2
constexpr long clock_tolerance = 300; // seconds that two clocks may differ

std::string text_of(const X509_NAME* name) {
    const bio_ptr out(BIO_new(BIO_s_mem()));
    if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0) {
        return "";
    }
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string text_of(const GENERAL_NAME& name) {
    int kind = 0;
    const auto* const value = static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(&name, &kind));
    if (kind != GEN_DNS && kind != GEN_IPADD) {
        return "";
    }
    const auto* const octets = ASN1_STRING_get0_data(value);
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(value));
    if (kind == GEN_DNS) {
        return {reinterpret_cast<const char*>(octets), size};
    }
    std::array<char, INET6_ADDRSTRLEN> space{};
    const int family = size == 4 ? AF_INET : AF_INET6;
    const bool known = size == 4 || size == 16;
    return known && ::inet_ntop(family, octets, space.data(), space.size()) != nullptr ? space.data() : "";
}

std::vector<std::string> names_of(const X509& certificate) {
    std::vector<std::string> names;
    const general_names_ptr san(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; san && i < sk_GENERAL_NAME_num(san.get()); ++i) {
        std::string text = text_of(*sk_GENERAL_NAME_value(san.get(), i));
        if (!text.empty()) {
            names.push_back(std::move(text));
        }
    }
    return names;
}

std::chrono::system_clock::time_point time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return {};
    }
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

bool promises_staple(const X509& leaf) {
    auto* const features =
        static_cast<STACK_OF(ASN1_INTEGER)*>(X509_get_ext_d2i(&leaf, NID_tlsfeature, nullptr, nullptr));
    bool found = false;
    for (int i = 0; features != nullptr && i < sk_ASN1_INTEGER_num(features); ++i) {
        found = found || ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == status_request;
    }
    sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
    return found;
}

struct staple {
    bool good = false;
    bool revoked = false;
    std::string problem;
};

// What the CA says of the leaf in a response whose signature was checked.
staple look_up(OCSP_BASICRESP& response, const X509& leaf, const X509& issuer) {
    const ocsp_id_ptr id(OCSP_cert_to_id(nullptr, &leaf, &issuer));
    int status = V_OCSP_CERTSTATUS_UNKNOWN;
    int reason = 0;
    ASN1_GENERALIZEDTIME* revoked_at = nullptr;
    ASN1_GENERALIZEDTIME* from = nullptr;
    ASN1_GENERALIZEDTIME* until = nullptr;
    if (!id ||
        OCSP_resp_find_status(&response, id.get(), &status, &reason, &revoked_at, &from, &until) != 1) {
        return {false, false, "the stapled OCSP response speaks of another certificate"};
    }
    if (OCSP_check_validity(from, until, clock_tolerance, -1) != 1) {
        return {false, false, "the stapled OCSP response is out of date"};
    }
    if (status == V_OCSP_CERTSTATUS_REVOKED) {
        return {false, true, "the certificate is revoked (stapled OCSP response)"};
    }
    const bool good = status == V_OCSP_CERTSTATUS_GOOD;
    return {good, false, good ? "" : "the stapled OCSP response does not know the certificate"};
}

staple read_staple(SSL& ssl, const X509& leaf) {
    const unsigned char* der = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(&ssl, &der);
    if (size <= 0 || der == nullptr) {
        return {false, false,
                "the certificate promises a stapled OCSP response (RFC 7633) and none was sent"};
    }
    const ocsp_response_ptr response(d2i_OCSP_RESPONSE(nullptr, &der, size));
    const ocsp_basic_ptr basic(response ? OCSP_response_get1_basic(response.get()) : nullptr);
    STACK_OF(X509)* const chain = SSL_get0_verified_chain(&ssl);
    X509_STORE* const store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(&ssl));
    if (!basic || chain == nullptr || OCSP_basic_verify(basic.get(), chain, store, 0) != 1) {
        ERR_clear_error();
        return {false, false, "the stapled OCSP response is malformed or not signed by the CA"};
    }
    // A leaf that is itself in the trust store has no issuer but itself.
    const X509* const issuer = sk_X509_value(chain, sk_X509_num(chain) > 1 ? 1 : 0);
    return look_up(*basic, leaf, *issuer);
}

} // namespace

certificate_info describe(const X509& certificate) {
    certificate_info info;
    info.subject = text_of(X509_get_subject_name(&certificate));
    info.issuer = text_of(X509_get_issuer_name(&certificate));
    info.names = names_of(certificate);
    info.not_before = time_of(X509_get0_notBefore(&certificate));
    info.not_after = time_of(X509_get0_notAfter(&certificate));
    info.sha256 = fingerprint_of(certificate);
    return info;
}

std::string fingerprint_of(const X509& certificate) {
    static constexpr char digits[] = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    std::string hex;
    if (X509_digest(&certificate, EVP_sha256(), digest.data(), &size) == 1) {
        for (unsigned i = 0; i < size; ++i) {
            hex += {digits[digest[i] >> 4U], digits[digest[i] & 15U]};
        }
    }
    return hex;
}

std::string normalised_fingerprint(std::string_view text) {
    std::string hex;
    for (const char c : text) {
        const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (digit) {
            hex += c;
        } else if (c >= 'A' && c <= 'F') {
            hex += static_cast<char>(c - 'A' + 'a');
        } else if (c != ':' && c != ' ') {
            return "";
        }
    }
    return hex.size() == 64 ? hex : "";
}

std::string staple_problem(SSL& ssl) {
    const X509* const leaf = SSL_get0_peer_certificate(&ssl);
    if (leaf == nullptr) {
        return "the server sent no certificate";
    }
    const staple found = read_staple(ssl, *leaf);
    // A stale or foreign staple tells nothing about a certificate that did not promise one.
    return found.revoked || (!found.good && promises_staple(*leaf)) ? found.problem : "";
}

std::string explain(int verify_error, int depth, const X509* certificate, std::string_view wanted) {
    std::string text = X509_verify_cert_error_string(verify_error);
    if (certificate == nullptr) {
        return text;
    }
    if (verify_error == X509_V_ERR_HOSTNAME_MISMATCH || verify_error == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        std::string names;
        for (const std::string& name : names_of(*certificate)) {
            names += (names.empty() ? "" : ", ") + name;
        }
        text += ": wanted " + std::string(wanted) + ", the certificate is for " +
                (names.empty() ? "nobody" : names);
        return text;
    }
    const std::string subject = text_of(X509_get_subject_name(certificate));
    text += depth == 0 ? " (the server's certificate" : " (a certificate of its chain";
    return text + (subject.empty() ? "" : ", " + subject) + ")";
}

} // namespace postrider::line
