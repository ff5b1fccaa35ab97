/* NetX Secure TLS client sessions, over OpenSSL 3.
 *
 * TLS 1.2, and TLS 1.3 in builds with NX_SECURE_TLS_ENABLE_TLS_1_3. The peer's chain is verified against the
 * trusted certificates of the session, at the time its time function tells (without one, dates are not looked
 * at); who the peer is, is for the certificate call-back to decide, as on a device. */
#ifndef NX_SECURE_TLS_API_H
#define NX_SECURE_TLS_API_H

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the interface's. */

#include "nx_crypto.h"
#include "nx_secure_x509.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The elliptic-curve cipher suites are always there, as in NetX builds with this option. */
#ifndef NX_SECURE_ENABLE_ECC_CIPHERSUITE
#define NX_SECURE_ENABLE_ECC_CIPHERSUITE
#endif
#ifdef NX_SECURE_TLS_ENABLE_TLS_1_3
#define NX_SECURE_TLS_TLS_1_3_ENABLED (1)
#else
#define NX_SECURE_TLS_TLS_1_3_ENABLED (0)
#endif
#define NX_SECURE_TLS_TLS_1_2_ENABLED (1)

#define NX_SECURE_TLS_ID ((ULONG)0x544c5320)
#define NX_SECURE_TLS_SUCCESS 0x00
#define NX_SECURE_TLS_SESSION_UNINITIALIZED 0x101
#define NX_SECURE_TLS_UNRECOGNIZED_MESSAGE_TYPE 0x102
#define NX_SECURE_TLS_INVALID_STATE 0x103
#define NX_SECURE_TLS_INVALID_PACKET 0x104
#define NX_SECURE_TLS_UNKNOWN_CIPHERSUITE 0x105
#define NX_SECURE_TLS_UNSUPPORTED_CIPHER 0x106
#define NX_SECURE_TLS_HANDSHAKE_FAILURE 0x107
#define NX_SECURE_TLS_HASH_MAC_VERIFY_FAILURE 0x108
#define NX_SECURE_TLS_TCP_SEND_FAILED 0x109
#define NX_SECURE_TLS_INCORRECT_MESSAGE_LENGTH 0x10A
#define NX_SECURE_TLS_BAD_CIPHERSPEC 0x10B
#define NX_SECURE_TLS_INVALID_SERVER_CERT 0x10C
#define NX_SECURE_TLS_UNSUPPORTED_PUBLIC_CIPHER 0x10D
#define NX_SECURE_TLS_NO_SUPPORTED_CIPHERS 0x10E
#define NX_SECURE_TLS_UNKNOWN_TLS_VERSION 0x10F
#define NX_SECURE_TLS_UNSUPPORTED_TLS_VERSION 0x110
#define NX_SECURE_TLS_ALLOCATE_PACKET_FAILED 0x111
#define NX_SECURE_TLS_INVALID_CERTIFICATE 0x112
#define NX_SECURE_TLS_NO_CLOSE_RESPONSE 0x113
#define NX_SECURE_TLS_ALERT_RECEIVED 0x114
#define NX_SECURE_TLS_FINISHED_HASH_FAILURE 0x115
#define NX_SECURE_TLS_UNKNOWN_CERT_SIG_ALGORITHM 0x116
#define NX_SECURE_TLS_CERTIFICATE_SIG_CHECK_FAILED 0x117
#define NX_SECURE_TLS_BAD_COMPRESSION_METHOD 0x118
#define NX_SECURE_TLS_CERTIFICATE_NOT_FOUND 0x119
#define NX_SECURE_TLS_INVALID_SELF_SIGNED_CERT 0x11A
#define NX_SECURE_TLS_ISSUER_CERTIFICATE_NOT_FOUND 0x11B
#define NX_SECURE_TLS_OUT_OF_ORDER_MESSAGE 0x11C
#define NX_SECURE_TLS_INVALID_REMOTE_HOST 0x11D
#define NX_SECURE_TLS_INVALID_EPOCH 0x11E
#define NX_SECURE_TLS_REPEAT_MESSAGE_RECEIVED 0x11F
#define NX_SECURE_TLS_NEED_DTLS_SESSION 0x120
#define NX_SECURE_TLS_NEED_TLS_SESSION 0x121
#define NX_SECURE_TLS_SEND_ADDRESS_MISMATCH 0x122
#define NX_SECURE_TLS_NO_FREE_DTLS_SESSIONS 0x123
#define NX_SECURE_DTLS_SESSION_NOT_FOUND 0x124
#define NX_SECURE_TLS_NO_MORE_PSK_SPACE 0x125
#define NX_SECURE_TLS_NO_MATCHING_PSK 0x126
#define NX_SECURE_TLS_CLOSE_NOTIFY_RECEIVED 0x127
#define NX_SECURE_TLS_NO_AVAILABLE_SESSIONS 0x128
#define NX_SECURE_TLS_NO_CERT_SPACE_ALLOCATED 0x129
#define NX_SECURE_TLS_PADDING_CHECK_FAILED 0x12A
#define NX_SECURE_TLS_UNSUPPORTED_CERT_SIGN_TYPE 0x12B
#define NX_SECURE_TLS_UNSUPPORTED_CERT_SIGN_ALG 0x12C
#define NX_SECURE_TLS_INSUFFICIENT_CERT_SPACE 0x12D
#define NX_SECURE_TLS_PROTOCOL_VERSION_CHANGED 0x12E
#define NX_SECURE_TLS_NO_RENEGOTIATION_ERROR 0x12F
#define NX_SECURE_TLS_UNSUPPORTED_FEATURE 0x130
#define NX_SECURE_TLS_CERTIFICATE_VERIFY_FAILURE 0x131
#define NX_SECURE_TLS_EMPTY_REMOTE_CERTIFICATE_RECEIVED 0x132
#define NX_SECURE_TLS_RENEGOTIATION_EXTENSION_ERROR 0x133
#define NX_SECURE_TLS_RENEGOTIATION_SESSION_INACTIVE 0x134
#define NX_SECURE_TLS_PACKET_BUFFER_TOO_SMALL 0x135
#define NX_SECURE_TLS_EXTENSION_NOT_FOUND 0x136
#define NX_SECURE_TLS_SNI_EXTENSION_INVALID 0x137
#define NX_SECURE_TLS_CERT_ID_INVALID 0x138
#define NX_SECURE_TLS_CERT_ID_DUPLICATE 0x139
#define NX_SECURE_TLS_RENEGOTIATION_FAILURE 0x13A
#define NX_SECURE_TLS_MISSING_CRYPTO_ROUTINE 0x13B
#define NX_SECURE_TLS_EMPTY_EC_GROUP 0x13C
#define NX_SECURE_TLS_EMPTY_EC_POINT_FORMAT 0x13D
#define NX_SECURE_TLS_BAD_SERVERHELLO_KEYSHARE 0x13E
#define NX_SECURE_TLS_INSUFFICIENT_METADATA_SPACE 0x13F
#define NX_SECURE_TLS_POST_HANDSHAKE_RECEIVED 0x140
#define NX_SECURE_TLS_BAD_CLIENTHELLO_KEYSHARE 0x141
#define NX_SECURE_TLS_1_3_UNKNOWN_CIPHERSUITE 0x142
#define NX_SECURE_TLS_INVALID_SESSION_TICKET 0x143
#define NX_SECURE_TLS_MISSING_EXTENSION 0x144
#define NX_SECURE_TLS_CERTIFICATE_REQUIRED 0x145
#define NX_SECURE_TLS_UNEXPECTED_CLIENTHELLO 0x146
#define NX_SECURE_TLS_INAPPROPRIATE_FALLBACK 0x147
#define NX_SECURE_TLS_BAD_CLIENTHELLO_PSK_EXTENSION 0x148
#define NX_SECURE_TLS_PSK_BINDER_MISMATCH 0x149
#define NX_SECURE_TLS_CRYPTO_KEYS_TOO_LARGE 0x14A
#define NX_SECURE_TLS_UNSUPPORTED_ECC_CURVE 0x14B
#define NX_SECURE_TLS_UNSUPPORTED_ECC_FORMAT 0x14C
#define NX_SECURE_TLS_UNSUPPORTED_SIGNATURE_ALGORITHM 0x14D
#define NX_SECURE_TLS_SIGNATURE_VERIFICATION_ERROR 0x14E
#define NX_SECURE_TLS_UNEXPECTED_MESSAGE 0x14F
#define NX_SECURE_TLS_AEAD_DECRYPT_FAIL 0x150
#define NX_SECURE_TLS_RECORD_OVERFLOW 0x151
#define NX_SECURE_TLS_HANDSHAKE_FRAGMENT_RECEIVED 0x152
#define NX_SECURE_TLS_TRANSMIT_LOCKED 0x153
#define NX_SECURE_TLS_DOWNGRADE_DETECTED 0x154

#define NX_SECURE_TLS_ALERT_RECEIVED 0x114
#define NX_SECURE_TLS_ALERT_CLOSE_NOTIFY 0
#define NX_SECURE_TLS_ALERT_UNEXPECTED_MESSAGE 10
#define NX_SECURE_TLS_ALERT_BAD_RECORD_MAC 20
#define NX_SECURE_TLS_ALERT_DECRYPTION_FAILED_RESERVED 21
#define NX_SECURE_TLS_ALERT_RECORD_OVERFLOW 22
#define NX_SECURE_TLS_ALERT_DECOMPRESSION_FAILURE 30
#define NX_SECURE_TLS_ALERT_HANDSHAKE_FAILURE 40
#define NX_SECURE_TLS_ALERT_NO_CERTIFICATE_RESERVED 41
#define NX_SECURE_TLS_ALERT_BAD_CERTIFICATE 42
#define NX_SECURE_TLS_ALERT_UNSUPPORTED_CERTIFICATE 43
#define NX_SECURE_TLS_ALERT_CERTIFICATE_REVOKED 44
#define NX_SECURE_TLS_ALERT_CERTIFICATE_EXPIRED 45
#define NX_SECURE_TLS_ALERT_CERTIFICATE_UNKNOWN 46
#define NX_SECURE_TLS_ALERT_ILLEGAL_PARAMETER 47
#define NX_SECURE_TLS_ALERT_UNKNOWN_CA 48
#define NX_SECURE_TLS_ALERT_ACCESS_DENIED 49
#define NX_SECURE_TLS_ALERT_DECODE_ERROR 50
#define NX_SECURE_TLS_ALERT_DECRYPT_ERROR 51
#define NX_SECURE_TLS_ALERT_EXPORT_RESTRICTION_RESERVED 60
#define NX_SECURE_TLS_ALERT_PROTOCOL_VERSION 70
#define NX_SECURE_TLS_ALERT_INSUFFICIENT_SECURITY 71
#define NX_SECURE_TLS_ALERT_INTERNAL_ERROR 80
#define NX_SECURE_TLS_ALERT_INAPPROPRIATE_FALLBACK 86
#define NX_SECURE_TLS_ALERT_USER_CANCELED 90
#define NX_SECURE_TLS_ALERT_NO_RENEGOTIATION 100
#define NX_SECURE_TLS_ALERT_MISSING_EXTENSION 109
#define NX_SECURE_TLS_ALERT_UNSUPPORTED_EXTENSION 110
#define NX_SECURE_TLS_ALERT_UNKNOWN_PSK_IDENTITY 115
#define NX_SECURE_TLS_ALERT_CERTIFICATE_REQUIRED 116
#define NX_SECURE_TLS_ALERT_LEVEL_WARNING 0x1
#define NX_SECURE_TLS_ALERT_LEVEL_FATAL 0x2

#define NX_SECURE_TLS_VERSION_TLS_1_0 0x0301
#define NX_SECURE_TLS_VERSION_TLS_1_1 0x0302
#define NX_SECURE_TLS_VERSION_TLS_1_2 0x0303
#define NX_SECURE_TLS_VERSION_TLS_1_3 0x0304

#define NX_SECURE_TLS_MAX_PLAINTEXT_LENGTH (16384)
#ifndef NX_SECURE_TLS_MINIMUM_MESSAGE_BUFFER_SIZE
#define NX_SECURE_TLS_MINIMUM_MESSAGE_BUFFER_SIZE (4000)
#endif
#ifndef NX_SECURE_TLS_MINIMUM_CERTIFICATE_SIZE
#define NX_SECURE_TLS_MINIMUM_CERTIFICATE_SIZE (256)
#endif

typedef struct NX_SECURE_TLS_SESSION_STRUCT {
    ULONG nx_secure_tls_id;
    const NX_SECURE_TLS_CRYPTO* nx_secure_tls_crypto_table;
    NX_TCP_SOCKET* nx_secure_tls_tcp_socket;
    NX_PACKET_POOL* nx_secure_tls_packet_pool;
    UCHAR* nx_secure_tls_packet_buffer;
    ULONG nx_secure_tls_packet_buffer_size;
    NX_SECURE_X509_DNS_NAME* nx_secure_tls_sni_extension_server_name;
    NX_SECURE_X509_CERT* nx_secure_tls_hosted_trusted;
    NX_SECURE_X509_CERT* nx_secure_tls_hosted_remote;
    NX_SECURE_X509_CERT* nx_secure_tls_hosted_local;
    ULONG(*nx_secure_tls_session_certificate_callback)
    (struct NX_SECURE_TLS_SESSION_STRUCT*, NX_SECURE_X509_CERT*);
    ULONG (*nx_secure_tls_session_time_function)(VOID);
    USHORT nx_secure_tls_protocol_version_override;
    USHORT nx_secure_tls_hosted_verify_disabled;
    UINT nx_secure_tls_hosted_ecc;
    UINT nx_secure_tls_received_alert_level;
    UINT nx_secure_tls_received_alert_value;
    UINT nx_secure_tls_hosted_status; /* why verification failed */
    VOID* nx_secure_tls_hosted;
    struct NX_SECURE_TLS_SESSION_STRUCT* nx_secure_tls_created_next;
} NX_SECURE_TLS_SESSION;

VOID nx_secure_tls_initialize(VOID);
UINT nx_secure_tls_shutdown(VOID);
UINT nx_secure_tls_ecc_initialize(NX_SECURE_TLS_SESSION* tls_session, const USHORT* supported_groups,
                                  USHORT supported_group_count, const NX_CRYPTO_METHOD** curves);

UINT _nx_secure_tls_active_certificate_set(NX_SECURE_TLS_SESSION* tls_session,
                                           NX_SECURE_X509_CERT* certificate);
UINT _nxe_secure_tls_active_certificate_set(NX_SECURE_TLS_SESSION* tls_session,
                                            NX_SECURE_X509_CERT* certificate);
UINT _nx_secure_tls_local_certificate_add(NX_SECURE_TLS_SESSION* tls_session,
                                          NX_SECURE_X509_CERT* certificate);
UINT _nxe_secure_tls_local_certificate_add(NX_SECURE_TLS_SESSION* tls_session,
                                           NX_SECURE_X509_CERT* certificate);
UINT _nx_secure_tls_metadata_size_calculate(const NX_SECURE_TLS_CRYPTO* cipher_table, ULONG* metadata_size);
UINT _nxe_secure_tls_metadata_size_calculate(const NX_SECURE_TLS_CRYPTO* cipher_table, ULONG* metadata_size);
UINT _nx_secure_tls_packet_allocate(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET_POOL* pool_ptr,
                                    NX_PACKET** packet_ptr, ULONG wait_option);
UINT _nxe_secure_tls_packet_allocate(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET_POOL* pool_ptr,
                                     NX_PACKET** packet_ptr, ULONG wait_option);
UINT _nx_secure_tls_remote_certificate_allocate(NX_SECURE_TLS_SESSION* tls_session,
                                                NX_SECURE_X509_CERT* certificate,
                                                UCHAR* raw_certificate_buffer, UINT buffer_size);
UINT _nxe_secure_tls_remote_certificate_allocate(NX_SECURE_TLS_SESSION* tls_session,
                                                 NX_SECURE_X509_CERT* certificate,
                                                 UCHAR* raw_certificate_buffer, UINT buffer_size);
UINT _nx_secure_tls_remote_certificate_buffer_allocate(NX_SECURE_TLS_SESSION* tls_session, UINT certs_number,
                                                       VOID* certificate_buffer, ULONG buffer_size);
UINT _nxe_secure_tls_remote_certificate_buffer_allocate(NX_SECURE_TLS_SESSION* tls_session, UINT certs_number,
                                                        VOID* certificate_buffer, ULONG buffer_size);
UINT _nx_secure_tls_remote_certificate_free_all(NX_SECURE_TLS_SESSION* tls_session);
UINT _nxe_secure_tls_remote_certificate_free_all(NX_SECURE_TLS_SESSION* tls_session);
UINT _nx_secure_tls_session_alert_value_get(NX_SECURE_TLS_SESSION* tls_session, UINT* alert_level,
                                            UINT* alert_value);
UINT _nxe_secure_tls_session_alert_value_get(NX_SECURE_TLS_SESSION* tls_session, UINT* alert_level,
                                             UINT* alert_value);
UINT _nx_secure_tls_session_certificate_callback_set(NX_SECURE_TLS_SESSION* tls_session,
                                                     ULONG (*func_ptr)(NX_SECURE_TLS_SESSION*,
                                                                       NX_SECURE_X509_CERT*));
UINT _nxe_secure_tls_session_certificate_callback_set(NX_SECURE_TLS_SESSION* tls_session,
                                                      ULONG (*func_ptr)(NX_SECURE_TLS_SESSION*,
                                                                        NX_SECURE_X509_CERT*));
UINT _nx_secure_tls_session_client_verify_disable(NX_SECURE_TLS_SESSION* tls_session);
UINT _nxe_secure_tls_session_client_verify_disable(NX_SECURE_TLS_SESSION* tls_session);
UINT _nx_secure_tls_session_client_verify_enable(NX_SECURE_TLS_SESSION* tls_session);
UINT _nxe_secure_tls_session_client_verify_enable(NX_SECURE_TLS_SESSION* tls_session);
UINT _nx_secure_tls_session_create(NX_SECURE_TLS_SESSION* session_ptr,
                                   const NX_SECURE_TLS_CRYPTO* cipher_table, VOID* metadata_area,
                                   ULONG metadata_size);
UINT _nxe_secure_tls_session_create(NX_SECURE_TLS_SESSION* session_ptr,
                                    const NX_SECURE_TLS_CRYPTO* cipher_table, VOID* metadata_area,
                                    ULONG metadata_size);
UINT _nx_secure_tls_session_delete(NX_SECURE_TLS_SESSION* tls_session);
UINT _nxe_secure_tls_session_delete(NX_SECURE_TLS_SESSION* tls_session);
UINT _nx_secure_tls_session_end(NX_SECURE_TLS_SESSION* tls_session, UINT wait_option);
UINT _nxe_secure_tls_session_end(NX_SECURE_TLS_SESSION* tls_session, UINT wait_option);
UINT _nx_secure_tls_session_packet_buffer_set(NX_SECURE_TLS_SESSION* session_ptr, UCHAR* buffer_ptr,
                                              ULONG buffer_size);
UINT _nxe_secure_tls_session_packet_buffer_set(NX_SECURE_TLS_SESSION* session_ptr, UCHAR* buffer_ptr,
                                               ULONG buffer_size);
UINT _nx_secure_tls_session_packet_pool_set(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET_POOL* packet_pool);
UINT _nxe_secure_tls_session_packet_pool_set(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET_POOL* packet_pool);
UINT _nx_secure_tls_session_protocol_version_override(NX_SECURE_TLS_SESSION* tls_session,
                                                      USHORT protocol_version);
UINT _nxe_secure_tls_session_protocol_version_override(NX_SECURE_TLS_SESSION* tls_session,
                                                       USHORT protocol_version);
UINT _nx_secure_tls_session_receive(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET** packet_ptr_ptr,
                                    ULONG wait_option);
UINT _nxe_secure_tls_session_receive(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET** packet_ptr_ptr,
                                     ULONG wait_option);
UINT _nx_secure_tls_session_reset(NX_SECURE_TLS_SESSION* tls_session);
UINT _nxe_secure_tls_session_reset(NX_SECURE_TLS_SESSION* tls_session);
UINT _nx_secure_tls_session_send(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET* packet_ptr,
                                 ULONG wait_option);
UINT _nxe_secure_tls_session_send(NX_SECURE_TLS_SESSION* tls_session, NX_PACKET* packet_ptr,
                                  ULONG wait_option);
UINT _nx_secure_tls_session_sni_extension_set(NX_SECURE_TLS_SESSION* tls_session,
                                              NX_SECURE_X509_DNS_NAME* dns_name);
UINT _nxe_secure_tls_session_sni_extension_set(NX_SECURE_TLS_SESSION* tls_session,
                                               NX_SECURE_X509_DNS_NAME* dns_name);
UINT _nx_secure_tls_session_start(NX_SECURE_TLS_SESSION* tls_session, NX_TCP_SOCKET* tcp_socket,
                                  UINT wait_option);
UINT _nxe_secure_tls_session_start(NX_SECURE_TLS_SESSION* tls_session, NX_TCP_SOCKET* tcp_socket,
                                   UINT wait_option);
UINT _nx_secure_tls_session_time_function_set(NX_SECURE_TLS_SESSION* tls_session,
                                              ULONG (*time_func_ptr)(VOID));
UINT _nxe_secure_tls_session_time_function_set(NX_SECURE_TLS_SESSION* tls_session,
                                               ULONG (*time_func_ptr)(VOID));
UINT _nx_secure_tls_trusted_certificate_add(NX_SECURE_TLS_SESSION* tls_session,
                                            NX_SECURE_X509_CERT* certificate);
UINT _nxe_secure_tls_trusted_certificate_add(NX_SECURE_TLS_SESSION* tls_session,
                                             NX_SECURE_X509_CERT* certificate);

#ifdef NX_SECURE_DISABLE_ERROR_CHECKING
#define nx_secure_tls_active_certificate_set _nx_secure_tls_active_certificate_set
#define nx_secure_tls_local_certificate_add _nx_secure_tls_local_certificate_add
#define nx_secure_tls_metadata_size_calculate _nx_secure_tls_metadata_size_calculate
#define nx_secure_tls_packet_allocate _nx_secure_tls_packet_allocate
#define nx_secure_tls_remote_certificate_allocate _nx_secure_tls_remote_certificate_allocate
#define nx_secure_tls_remote_certificate_buffer_allocate _nx_secure_tls_remote_certificate_buffer_allocate
#define nx_secure_tls_remote_certificate_free_all _nx_secure_tls_remote_certificate_free_all
#define nx_secure_tls_session_alert_value_get _nx_secure_tls_session_alert_value_get
#define nx_secure_tls_session_certificate_callback_set _nx_secure_tls_session_certificate_callback_set
#define nx_secure_tls_session_client_verify_disable _nx_secure_tls_session_client_verify_disable
#define nx_secure_tls_session_client_verify_enable _nx_secure_tls_session_client_verify_enable
#define nx_secure_tls_session_create _nx_secure_tls_session_create
#define nx_secure_tls_session_delete _nx_secure_tls_session_delete
#define nx_secure_tls_session_end _nx_secure_tls_session_end
#define nx_secure_tls_session_packet_buffer_set _nx_secure_tls_session_packet_buffer_set
#define nx_secure_tls_session_packet_pool_set _nx_secure_tls_session_packet_pool_set
#define nx_secure_tls_session_protocol_version_override _nx_secure_tls_session_protocol_version_override
#define nx_secure_tls_session_receive _nx_secure_tls_session_receive
#define nx_secure_tls_session_reset _nx_secure_tls_session_reset
#define nx_secure_tls_session_send _nx_secure_tls_session_send
#define nx_secure_tls_session_sni_extension_set _nx_secure_tls_session_sni_extension_set
#define nx_secure_tls_session_start _nx_secure_tls_session_start
#define nx_secure_tls_session_time_function_set _nx_secure_tls_session_time_function_set
#define nx_secure_tls_trusted_certificate_add _nx_secure_tls_trusted_certificate_add
#else
#define nx_secure_tls_active_certificate_set _nxe_secure_tls_active_certificate_set
#define nx_secure_tls_local_certificate_add _nxe_secure_tls_local_certificate_add
#define nx_secure_tls_metadata_size_calculate _nxe_secure_tls_metadata_size_calculate
#define nx_secure_tls_packet_allocate _nxe_secure_tls_packet_allocate
#define nx_secure_tls_remote_certificate_allocate _nxe_secure_tls_remote_certificate_allocate
#define nx_secure_tls_remote_certificate_buffer_allocate _nxe_secure_tls_remote_certificate_buffer_allocate
#define nx_secure_tls_remote_certificate_free_all _nxe_secure_tls_remote_certificate_free_all
#define nx_secure_tls_session_alert_value_get _nxe_secure_tls_session_alert_value_get
#define nx_secure_tls_session_certificate_callback_set _nxe_secure_tls_session_certificate_callback_set
#define nx_secure_tls_session_client_verify_disable _nxe_secure_tls_session_client_verify_disable
#define nx_secure_tls_session_client_verify_enable _nxe_secure_tls_session_client_verify_enable
#define nx_secure_tls_session_create _nxe_secure_tls_session_create
#define nx_secure_tls_session_delete _nxe_secure_tls_session_delete
#define nx_secure_tls_session_end _nxe_secure_tls_session_end
#define nx_secure_tls_session_packet_buffer_set _nxe_secure_tls_session_packet_buffer_set
#define nx_secure_tls_session_packet_pool_set _nxe_secure_tls_session_packet_pool_set
#define nx_secure_tls_session_protocol_version_override _nxe_secure_tls_session_protocol_version_override
#define nx_secure_tls_session_receive _nxe_secure_tls_session_receive
#define nx_secure_tls_session_reset _nxe_secure_tls_session_reset
#define nx_secure_tls_session_send _nxe_secure_tls_session_send
#define nx_secure_tls_session_sni_extension_set _nxe_secure_tls_session_sni_extension_set
#define nx_secure_tls_session_start _nxe_secure_tls_session_start
#define nx_secure_tls_session_time_function_set _nxe_secure_tls_session_time_function_set
#define nx_secure_tls_trusted_certificate_add _nxe_secure_tls_trusted_certificate_add
#endif

#ifdef __cplusplus
}
#endif

/* NOLINTEND(bugprone-reserved-identifier) */

#endif
