/* Names of cipher tables. What a table holds is OpenSSL's affair here: it only tells which suites may be
 * offered. */
#ifndef NX_CRYPTO_H
#define NX_CRYPTO_H

#include "nx_api.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NX_CRYPTO_SUCCESS 0
#define NX_CRYPTO_PTR_ERROR NX_PTR_ERROR

typedef struct NX_CRYPTO_METHOD_STRUCT {
    ULONG nx_crypto_algorithm;
} NX_CRYPTO_METHOD;

typedef struct NX_SECURE_TLS_CRYPTO_STRUCT {
    const CHAR* nx_secure_tls_hosted_suites; /* OpenSSL's names, TLS 1.2 */
    ULONG nx_secure_tls_hosted_metadata_size;
    UINT nx_secure_tls_hosted_ecc;
} NX_SECURE_TLS_CRYPTO;

extern const NX_SECURE_TLS_CRYPTO nx_crypto_tls_ciphers;
extern const NX_SECURE_TLS_CRYPTO nx_crypto_tls_ciphers_ecc;
extern const USHORT nx_crypto_ecc_supported_groups[];
extern const UINT nx_crypto_ecc_supported_groups_size;
extern const NX_CRYPTO_METHOD* nx_crypto_ecc_curves[];

UINT nx_crypto_initialize(VOID);

#ifdef __cplusplus
}
#endif

#endif
