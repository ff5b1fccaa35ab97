/* X.509 certificates as NetX Secure shows them to an application. */
#ifndef NX_SECURE_X509_H
#define NX_SECURE_X509_H

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the interface's. */

#include "nx_api.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NX_SECURE_X509_SUCCESS 0
#define NX_SECURE_X509_MULTIBYTE_TAG_UNSUPPORTED 0x181
#define NX_SECURE_X509_ASN1_LENGTH_TOO_LONG 0x182
#define NX_SECURE_X509_FOUND_NON_ZERO_PADDING 0x183
#define NX_SECURE_X509_MISSING_PUBLIC_KEY 0x184
#define NX_SECURE_X509_INVALID_PUBLIC_KEY 0x185
#define NX_SECURE_X509_INVALID_CERTIFICATE_SEQUENCE 0x186
#define NX_SECURE_X509_MISSING_SIGNATURE_ALGORITHM 0x187
#define NX_SECURE_X509_INVALID_CERTIFICATE_DATA 0x188
#define NX_SECURE_X509_UNEXPECTED_ASN1_TAG 0x189
#define NX_SECURE_X509_CHAIN_TOO_SHORT 0x18B
#define NX_SECURE_X509_CHAIN_VERIFY_FAILURE 0x18C
#define NX_SECURE_X509_PKCS7_PARSING_FAILED 0x18D
#define NX_SECURE_X509_CERTIFICATE_NOT_FOUND 0x18E
#define NX_SECURE_X509_INVALID_VERSION 0x18F
#define NX_SECURE_X509_INVALID_TAG_CLASS 0x190
#define NX_SECURE_X509_INVALID_EXTENSIONS 0x191
#define NX_SECURE_X509_INVALID_EXTENSION_SEQUENCE 0x192
#define NX_SECURE_X509_CERTIFICATE_EXPIRED 0x193
#define NX_SECURE_X509_CERTIFICATE_NOT_YET_VALID 0x194
#define NX_SECURE_X509_CERTIFICATE_DNS_MISMATCH 0x195
#define NX_SECURE_X509_INVALID_DATE_FORMAT 0x196
#define NX_SECURE_X509_CRL_ISSUER_MISMATCH 0x197
#define NX_SECURE_X509_CRL_SIGNATURE_CHECK_FAILED 0x198
#define NX_SECURE_X509_CRL_CERTIFICATE_REVOKED 0x199
#define NX_SECURE_X509_WRONG_SIGNATURE_METHOD 0x19A
#define NX_SECURE_X509_EXTENSION_NOT_FOUND 0x19B
#define NX_SECURE_X509_ALT_NAME_NOT_FOUND 0x19C
#define NX_SECURE_X509_INVALID_PRIVATE_KEY_TYPE 0x19D
#define NX_SECURE_X509_NAME_STRING_TOO_LONG 0x19E
#define NX_SECURE_X509_EXT_KEY_USAGE_NOT_FOUND 0x19F
#define NX_SECURE_X509_KEY_USAGE_ERROR 0x1A0
#define NX_SECURE_X509_UNSUPPORTED_PUBLIC_CIPHER 0x1A1
#define NX_SECURE_X509_INVALID_CERTIFICATE 0x1A2
#define NX_SECURE_X509_UNKNOWN_CERT_SIG_ALGORITHM 0x1A3
#define NX_SECURE_X509_CERTIFICATE_SIG_CHECK_FAILED 0x1A4
#define NX_SECURE_X509_INVALID_SELF_SIGNED_CERT 0x1A5
#define NX_SECURE_X509_ISSUER_CERTIFICATE_NOT_FOUND 0x1A6
#define NX_SECURE_X509_NO_CERT_SPACE_ALLOCATED 0x1A7
#define NX_SECURE_X509_INSUFFICIENT_CERT_SPACE 0x1A8
#define NX_SECURE_X509_CERT_ID_DUPLICATE 0x1A9
#define NX_SECURE_X509_MISSING_CRYPTO_ROUTINE 0x1AA

#define NX_SECURE_X509_KEY_TYPE_NONE 0x00000000
#define NX_SECURE_X509_KEY_TYPE_RSA_PKCS1_DER 0x00000001
#define NX_SECURE_X509_KEY_TYPE_EC_DER 0x00000002
#define NX_SECURE_X509_KEY_TYPE_HARDWARE 0x00000003

#define NX_SECURE_X509_KEY_USAGE_DIGITAL_SIGNATURE 0x8000
#define NX_SECURE_X509_KEY_USAGE_NON_REPUDIATION 0x4000
#define NX_SECURE_X509_KEY_USAGE_KEY_ENCIPHERMENT 0x2000
#define NX_SECURE_X509_KEY_USAGE_DATA_ENCIPHERMENT 0x1000
#define NX_SECURE_X509_KEY_USAGE_KEY_AGREEMENT 0x0800
#define NX_SECURE_X509_KEY_USAGE_KEY_CERT_SIGN 0x0400
#define NX_SECURE_X509_KEY_USAGE_CRL_SIGN 0x0200
#define NX_SECURE_X509_KEY_USAGE_ENCIPHER_ONLY 0x0100
#define NX_SECURE_X509_KEY_USAGE_DECIPHER_ONLY 0x0080

#define NX_SECURE_TLS_X509_TYPE_PKIX_KP_SERVER_AUTH 51
#define NX_SECURE_TLS_X509_TYPE_PKIX_KP_CLIENT_AUTH 52
#define NX_SECURE_TLS_X509_TYPE_PKIX_KP_CODE_SIGNING 53
#define NX_SECURE_TLS_X509_TYPE_PKIX_KP_EMAIL_PROTECT 54
#define NX_SECURE_TLS_X509_TYPE_PKIX_KP_TIME_STAMPING 55
#define NX_SECURE_TLS_X509_TYPE_PKIX_KP_OCSP_SIGNING 56

#ifndef NX_SECURE_X509_DNS_NAME_MAX
#define NX_SECURE_X509_DNS_NAME_MAX (100)
#endif

typedef struct NX_SECURE_X509_DNS_NAME_STRUCT {
    UCHAR nx_secure_x509_dns_name[NX_SECURE_X509_DNS_NAME_MAX];
    USHORT nx_secure_x509_dns_name_length;
} NX_SECURE_X509_DNS_NAME;

/* Points into the certificate's data; not terminated by NUL. */
typedef struct NX_SECURE_X509_DISTINGUISHED_NAME_STRUCT {
    const UCHAR* nx_secure_x509_common_name;
    USHORT nx_secure_x509_common_name_length;
    const UCHAR* nx_secure_x509_organization;
    USHORT nx_secure_x509_organization_length;
} NX_SECURE_X509_DISTINGUISHED_NAME;

/* The data and the key stay the application's and must outlive the certificate. */
typedef struct NX_SECURE_X509_CERT_STRUCT {
    UCHAR* nx_secure_x509_certificate_raw_data;
    UINT nx_secure_x509_certificate_raw_data_length;
    UINT nx_secure_x509_certificate_raw_buffer_size;
    NX_SECURE_X509_DISTINGUISHED_NAME nx_secure_x509_distinguished_name;
    NX_SECURE_X509_DISTINGUISHED_NAME nx_secure_x509_issuer;
    const UCHAR* nx_secure_x509_hosted_private_key;
    USHORT nx_secure_x509_hosted_private_key_length;
    UINT nx_secure_x509_private_key_type;
    UINT nx_secure_x509_certificate_is_identity_cert;
    UINT nx_secure_x509_hosted_in_use;
    struct NX_SECURE_X509_CERT_STRUCT* nx_secure_x509_next_certificate;
} NX_SECURE_X509_CERT;

UINT _nx_secure_x509_certificate_initialize(NX_SECURE_X509_CERT* certificate, UCHAR* certificate_data,
                                            USHORT length, UCHAR* raw_data_buffer, USHORT buffer_size,
                                            const UCHAR* private_key, USHORT priv_len, UINT private_key_type);
UINT _nxe_secure_x509_certificate_initialize(NX_SECURE_X509_CERT* certificate, UCHAR* certificate_data,
                                             USHORT length, UCHAR* raw_data_buffer, USHORT buffer_size,
                                             const UCHAR* private_key, USHORT priv_len,
                                             UINT private_key_type);
UINT _nx_secure_x509_common_name_dns_check(NX_SECURE_X509_CERT* certificate, const UCHAR* dns_tld,
                                           UINT dns_tld_length);
UINT _nxe_secure_x509_common_name_dns_check(NX_SECURE_X509_CERT* certificate, const UCHAR* dns_tld,
                                            UINT dns_tld_length);
UINT _nx_secure_x509_dns_name_initialize(NX_SECURE_X509_DNS_NAME* dns_name, const UCHAR* name_string,
                                         USHORT length);
UINT _nxe_secure_x509_dns_name_initialize(NX_SECURE_X509_DNS_NAME* dns_name, const UCHAR* name_string,
                                          USHORT length);
UINT _nx_secure_x509_extended_key_usage_extension_parse(NX_SECURE_X509_CERT* certificate, UINT key_usage);
UINT _nxe_secure_x509_extended_key_usage_extension_parse(NX_SECURE_X509_CERT* certificate, UINT key_usage);
UINT _nx_secure_x509_key_usage_extension_parse(NX_SECURE_X509_CERT* certificate, USHORT* bitfield);
UINT _nxe_secure_x509_key_usage_extension_parse(NX_SECURE_X509_CERT* certificate, USHORT* bitfield);

#ifdef NX_SECURE_DISABLE_ERROR_CHECKING
#define nx_secure_x509_certificate_initialize _nx_secure_x509_certificate_initialize
#define nx_secure_x509_common_name_dns_check _nx_secure_x509_common_name_dns_check
#define nx_secure_x509_dns_name_initialize _nx_secure_x509_dns_name_initialize
#define nx_secure_x509_extended_key_usage_extension_parse _nx_secure_x509_extended_key_usage_extension_parse
#define nx_secure_x509_key_usage_extension_parse _nx_secure_x509_key_usage_extension_parse
#else
#define nx_secure_x509_certificate_initialize _nxe_secure_x509_certificate_initialize
#define nx_secure_x509_common_name_dns_check _nxe_secure_x509_common_name_dns_check
#define nx_secure_x509_dns_name_initialize _nxe_secure_x509_dns_name_initialize
#define nx_secure_x509_extended_key_usage_extension_parse _nxe_secure_x509_extended_key_usage_extension_parse
#define nx_secure_x509_key_usage_extension_parse _nxe_secure_x509_key_usage_extension_parse
#endif

#ifdef __cplusplus
}
#endif

/* NOLINTEND(bugprone-reserved-identifier) */

#endif
