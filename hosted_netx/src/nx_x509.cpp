// X.509 for NetX Secure's names, by OpenSSL.
#include "tls.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace postrider::hosted {

namespace {

bool same_letters(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
        return lower(x) == lower(y);
    });
}

// A wildcard stands for exactly the left-most label.
bool names_match(std::string_view pattern, std::string_view name) {
    if (!pattern.starts_with("*."))
        return same_letters(pattern, name);
    const auto dot = name.find('.');
    return dot != std::string_view::npos && dot != 0 && same_letters(pattern.substr(1), name.substr(dot));
}

std::string_view text(const ASN1_STRING* string) {
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string_view name_entry(const X509_NAME* name, int nid) {
    const int at = X509_NAME_get_index_by_NID(const_cast<X509_NAME*>(name), nid, -1);
    return at >= 0 ? text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) : std::string_view{};
}

// The name's octets where they lie in the certificate's own data: OpenSSL's copy does not live long enough.
void point_into(const NX_SECURE_X509_CERT& cert, std::string_view value, const UCHAR*& where,
                USHORT& length) {
    if (value.empty())
        return;
    const std::string_view raw(reinterpret_cast<const char*>(cert.nx_secure_x509_certificate_raw_data),
                               cert.nx_secure_x509_certificate_raw_data_length);
    const auto at = raw.find(value);
    if (at == std::string_view::npos)
        return;
    where = cert.nx_secure_x509_certificate_raw_data + at;
    length = static_cast<USHORT>(value.size());
}

void name_parts(const NX_SECURE_X509_CERT& cert, const X509_NAME* from,
                NX_SECURE_X509_DISTINGUISHED_NAME& to) {
    point_into(cert, name_entry(from, NID_commonName), to.nx_secure_x509_common_name,
               to.nx_secure_x509_common_name_length);
    point_into(cert, name_entry(from, NID_organizationName), to.nx_secure_x509_organization,
               to.nx_secure_x509_organization_length);
}

bool alternative_name_matches(const X509* x509, std::string_view name) {
    auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr));
    bool found = false;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; ++i) {
        const auto* entry = sk_GENERAL_NAME_value(names, i);
        found = entry->type == GEN_DNS && names_match(text(entry->d.dNSName), name);
    }
    GENERAL_NAMES_free(names);
    return found;
}

int key_purpose_nid(UINT key_usage) {
    switch (key_usage) {
    case NX_SECURE_TLS_X509_TYPE_PKIX_KP_SERVER_AUTH:
        return NID_server_auth;
    case NX_SECURE_TLS_X509_TYPE_PKIX_KP_CLIENT_AUTH:
        return NID_client_auth;
    case NX_SECURE_TLS_X509_TYPE_PKIX_KP_CODE_SIGNING:
        return NID_code_sign;
    case NX_SECURE_TLS_X509_TYPE_PKIX_KP_EMAIL_PROTECT:
        return NID_email_protect;
    case NX_SECURE_TLS_X509_TYPE_PKIX_KP_TIME_STAMPING:
        return NID_time_stamp;
    case NX_SECURE_TLS_X509_TYPE_PKIX_KP_OCSP_SIGNING:
        return NID_OCSP_sign;
    default:
        return NID_undef;
    }
}

UINT find_purpose(const X509* x509, UINT key_usage) {
    auto* usage =
        static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(x509, NID_ext_key_usage, nullptr, nullptr));
    if (usage == nullptr)
        return NX_SECURE_X509_EXTENSION_NOT_FOUND;
    UINT status = NX_SECURE_X509_EXT_KEY_USAGE_NOT_FOUND;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usage); ++i) {
        if (OBJ_obj2nid(sk_ASN1_OBJECT_value(usage, i)) == key_purpose_nid(key_usage))
            status = NX_SECURE_X509_SUCCESS;
    }
    EXTENDED_KEY_USAGE_free(usage);
    return status;
}

UINT check_private_key_type(UINT type) {
    const bool known =
        type == NX_SECURE_X509_KEY_TYPE_RSA_PKCS1_DER || type == NX_SECURE_X509_KEY_TYPE_EC_DER;
    return known ? NX_SECURE_X509_SUCCESS : NX_SECURE_X509_INVALID_PRIVATE_KEY_TYPE;
}

} // namespace

x509_ptr parse(const NX_SECURE_X509_CERT& cert) {
    const unsigned char* at = cert.nx_secure_x509_certificate_raw_data;
    x509_ptr x509(d2i_X509(nullptr, &at, static_cast<long>(cert.nx_secure_x509_certificate_raw_data_length)));
    if (x509 == nullptr)
        ERR_clear_error();
    return x509;
}

bool describe(NX_SECURE_X509_CERT& cert) {
    const auto x509 = parse(cert);
    if (x509 == nullptr)
        return false;
    name_parts(cert, X509_get_subject_name(x509.get()), cert.nx_secure_x509_distinguished_name);
    name_parts(cert, X509_get_issuer_name(x509.get()), cert.nx_secure_x509_issuer);
    return true;
}

} // namespace postrider::hosted

using namespace postrider::hosted;

extern "C" {

UINT _nx_secure_x509_certificate_initialize(NX_SECURE_X509_CERT* certificate, UCHAR* certificate_data,
                                            USHORT length, UCHAR* raw_data_buffer, USHORT buffer_size,
                                            const UCHAR* private_key, USHORT priv_len,
                                            UINT private_key_type) {
    return service("nx_secure_x509_certificate_initialize", [&]() -> UINT {
        *certificate = {};
        if (raw_data_buffer != nullptr && length > buffer_size)
            return NX_SECURE_X509_INSUFFICIENT_CERT_SPACE;
        if (raw_data_buffer != nullptr)
            std::memcpy(raw_data_buffer, certificate_data, length);
        certificate->nx_secure_x509_certificate_raw_data =
            raw_data_buffer != nullptr ? raw_data_buffer : certificate_data;
        certificate->nx_secure_x509_certificate_raw_buffer_size =
            raw_data_buffer != nullptr ? buffer_size : length;
        certificate->nx_secure_x509_certificate_raw_data_length = length;
        if (!describe(*certificate))
            return NX_SECURE_X509_INVALID_CERTIFICATE;
        if (private_key == nullptr || priv_len == 0)
            return NX_SECURE_X509_SUCCESS;
        certificate->nx_secure_x509_hosted_private_key = private_key;
        certificate->nx_secure_x509_hosted_private_key_length = priv_len;
        certificate->nx_secure_x509_private_key_type = private_key_type;
        certificate->nx_secure_x509_certificate_is_identity_cert = NX_TRUE;
        return check_private_key_type(private_key_type);
    });
}

UINT _nxe_secure_x509_certificate_initialize(NX_SECURE_X509_CERT* certificate, UCHAR* certificate_data,
                                             USHORT length, UCHAR* raw_data_buffer, USHORT buffer_size,
                                             const UCHAR* private_key, USHORT priv_len,
                                             UINT private_key_type) {
    if (certificate == nullptr || certificate_data == nullptr || length == 0)
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_x509_certificate_initialize(certificate, certificate_data, length, raw_data_buffer,
                                                  buffer_size, private_key, priv_len, private_key_type);
}

UINT _nx_secure_x509_common_name_dns_check(NX_SECURE_X509_CERT* certificate, const UCHAR* dns_tld,
                                           UINT dns_tld_length) {
    return service("nx_secure_x509_common_name_dns_check", [&]() -> UINT {
        const std::string_view name(reinterpret_cast<const char*>(dns_tld), dns_tld_length);
        const auto x509 = parse(*certificate);
        if (x509 == nullptr)
            return NX_SECURE_X509_INVALID_CERTIFICATE;
        const auto common = name_entry(X509_get_subject_name(x509.get()), NID_commonName);
        const bool match =
            (!common.empty() && names_match(common, name)) || alternative_name_matches(x509.get(), name);
        return match ? NX_SECURE_X509_SUCCESS : NX_SECURE_X509_CERTIFICATE_DNS_MISMATCH;
    });
}

UINT _nxe_secure_x509_common_name_dns_check(NX_SECURE_X509_CERT* certificate, const UCHAR* dns_tld,
                                            UINT dns_tld_length) {
    if (certificate == nullptr || dns_tld == nullptr || dns_tld_length == 0)
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_x509_common_name_dns_check(certificate, dns_tld, dns_tld_length);
}

UINT _nx_secure_x509_dns_name_initialize(NX_SECURE_X509_DNS_NAME* dns_name, const UCHAR* name_string,
                                         USHORT length) {
    return service("nx_secure_x509_dns_name_initialize", [&]() -> UINT {
        if (length > NX_SECURE_X509_DNS_NAME_MAX)
            return NX_SECURE_X509_NAME_STRING_TOO_LONG;
        *dns_name = {};
        std::copy_n(name_string, length, dns_name->nx_secure_x509_dns_name);
        dns_name->nx_secure_x509_dns_name_length = length;
        return NX_SECURE_X509_SUCCESS;
    });
}

UINT _nxe_secure_x509_dns_name_initialize(NX_SECURE_X509_DNS_NAME* dns_name, const UCHAR* name_string,
                                          USHORT length) {
    if (dns_name == nullptr)
        return NX_PTR_ERROR;
    if (length > NX_SECURE_X509_DNS_NAME_MAX)
        return NX_SECURE_X509_NAME_STRING_TOO_LONG;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_x509_dns_name_initialize(dns_name, name_string, length);
}

UINT _nx_secure_x509_extended_key_usage_extension_parse(NX_SECURE_X509_CERT* certificate, UINT key_usage) {
    return service("nx_secure_x509_extended_key_usage_extension_parse", [&]() -> UINT {
        const auto x509 = parse(*certificate);
        return x509 != nullptr ? find_purpose(x509.get(), key_usage) : NX_SECURE_X509_INVALID_CERTIFICATE;
    });
}

UINT _nxe_secure_x509_extended_key_usage_extension_parse(NX_SECURE_X509_CERT* certificate, UINT key_usage) {
    if (certificate == nullptr)
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_x509_extended_key_usage_extension_parse(certificate, key_usage);
}

UINT _nx_secure_x509_key_usage_extension_parse(NX_SECURE_X509_CERT* certificate, USHORT* bitfield) {
    return service("nx_secure_x509_key_usage_extension_parse", [&]() -> UINT {
        const auto x509 = parse(*certificate);
        if (x509 == nullptr)
            return NX_SECURE_X509_INVALID_CERTIFICATE;
        const auto usage = X509_get_key_usage(x509.get());
        if (usage == UINT32_MAX)
            return NX_SECURE_X509_EXTENSION_NOT_FOUND;
        // OpenSSL keeps the first eight bits in the low octet, most significant first; NetX in the high one.
        *bitfield = static_cast<USHORT>(((usage & 0xFFU) << 8U) | ((usage & KU_DECIPHER_ONLY) >> 8U));
        return NX_SECURE_X509_SUCCESS;
    });
}

UINT _nxe_secure_x509_key_usage_extension_parse(NX_SECURE_X509_CERT* certificate, USHORT* bitfield) {
    if (certificate == nullptr || bitfield == nullptr)
        return NX_PTR_ERROR;
    NX_THREADS_ONLY_CALLER_CHECKING
    return _nx_secure_x509_key_usage_extension_parse(certificate, bitfield);
}

} // extern "C"
