/* nxd_smtp_client.h - the NetX Duo SMTP client API over Postrider's engine.
 *
 * Source compatible with applications written for the SMTP client of Azure RTOS NetX Duo: the same three
 * services, parameters, constants, return codes, macros and checks. Behind it stands one implementation of
 * SMTP: replies are read however TCP cut them, the content keeps every dot and every line, and the result is
 * what the server said. What goes beyond the original starts at "Extensions" below; nothing of it is needed.
 *
 * No static data, no heap: all state lives in NX_SMTP_CLIENT and, during a call, on the caller's stack. Any
 * number of clients may be used, each by one thread at a time. C and C++ callers; ThreadX threads only. */
#ifndef NXD_SMTP_CLIENT_H
#define NXD_SMTP_CLIENT_H

#include "nx_api.h"

#ifdef NX_SECURE_ENABLE
#include "nx_secure_tls_api.h"
#endif

/* NOLINTBEGIN(bugprone-reserved-identifier): the names are the interface's. */

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Configuration: define before this header, the same in every file. Times are ticks. ---- */

/* Receive window of the TCP socket, octets. */
#ifndef NX_SMTP_CLIENT_TCP_WINDOW_SIZE
#define NX_SMTP_CLIENT_TCP_WINDOW_SIZE 1460
#endif
/* How long to wait for a packet of the pool. */
#ifndef NX_SMTP_CLIENT_PACKET_TIMEOUT
#define NX_SMTP_CLIENT_PACKET_TIMEOUT (2 * NX_IP_PERIODIC_RATE)
#endif
/* How long to wait for the TCP connection, and for the TLS handshake. */
#ifndef NX_SMTP_CLIENT_CONNECTION_TIMEOUT
#define NX_SMTP_CLIENT_CONNECTION_TIMEOUT (10 * NX_IP_PERIODIC_RATE)
#endif
/* How long to wait for the server's side of the disconnect, and for the reply to QUIT. */
#ifndef NX_SMTP_CLIENT_DISCONNECT_TIMEOUT
#define NX_SMTP_CLIENT_DISCONNECT_TIMEOUT (5 * NX_IP_PERIODIC_RATE)
#endif
/* How long to wait for the server's greeting. */
#ifndef NX_SMTP_GREETING_TIMEOUT
#define NX_SMTP_GREETING_TIMEOUT (10 * NX_IP_PERIODIC_RATE)
#endif
/* How long to wait for the reply to a command. A slow trickle does not extend it. */
#ifndef NX_SMTP_ENVELOPE_TIMEOUT
#define NX_SMTP_ENVELOPE_TIMEOUT (10 * NX_IP_PERIODIC_RATE)
#endif
/* How long to wait for the reply to the message. RFC 5321 4.5.3.2.6 asks for ten minutes: giving up earlier
   on a slow server can deliver a message twice. */
#ifndef NX_SMTP_MESSAGE_TIMEOUT
#define NX_SMTP_MESSAGE_TIMEOUT (30 * NX_IP_PERIODIC_RATE)
#endif
/* How long one TCP send may take. */
#ifndef NX_SMTP_CLIENT_SEND_TIMEOUT
#define NX_SMTP_CLIENT_SEND_TIMEOUT (5 * NX_IP_PERIODIC_RATE)
#endif
/* Longest user name and client domain that nxd_smtp_client_create copies. */
#ifndef NX_SMTP_CLIENT_MAX_USERNAME
#define NX_SMTP_CLIENT_MAX_USERNAME 64
#endif
/* Longest password that nxd_smtp_client_create copies. nx_smtp_client_credentials_set has no such limit. */
#ifndef NX_SMTP_CLIENT_MAX_PASSWORD
#define NX_SMTP_CLIENT_MAX_PASSWORD 64
#endif
/* Octets kept of a reply's text, and of a challenge. */
#ifndef NX_SMTP_SERVER_CHALLENGE_MAX_STRING
#define NX_SMTP_SERVER_CHALLENGE_MAX_STRING 200
#endif
#define NX_SMTP_CLIENT_AUTH_CHALLENGE_SIZE                                                                   \
    (NX_SMTP_CLIENT_MAX_USERNAME + NX_SMTP_CLIENT_MAX_USERNAME + NX_SMTP_CLIENT_MAX_PASSWORD + 2)
#define NX_SMTP_CLIENT_AUTH_CHALLENGE_ENCODED_SIZE (NX_SMTP_CLIENT_AUTH_CHALLENGE_SIZE * 4 / 3 + 1)

/* NX_SMTP_DISABLE_ERROR_CHECKING     selects the services that check no arguments.
   NX_SMTP_CLIENT_REQUIRE_TLS_FOR_AUTH  credentials go out under TLS only. (Once TLS was asked for they always
   do.) NX_SMTP_CLIENT_MINIMAL             the three documented services only, in the least memory.
   NX_SMTP_CLIENT_ENABLE_CRAM_MD5, NX_SMTP_CLIENT_ENABLE_SCRAM_SHA_256, NX_SMTP_CLIENT_ENABLE_OAUTH
                                      further mechanisms (not in a minimal build). */

#if !defined(NX_SMTP_CLIENT_MINIMAL) &&                                                                      \
    (defined(NX_SMTP_CLIENT_ENABLE_CRAM_MD5) || defined(NX_SMTP_CLIENT_ENABLE_SCRAM_SHA_256) ||              \
     defined(NX_SMTP_CLIENT_ENABLE_OAUTH))
#define NX_SMTP_CLIENT_FURTHER_MECHANISM
#endif

/* The most work that a server may ask for with SCRAM, iterations of its hash. */
#ifndef NX_SMTP_CLIENT_SCRAM_MAX_ITERATIONS
#define NX_SMTP_CLIENT_SCRAM_MAX_ITERATIONS 100000
#endif

/* ---- Return codes ---- */

#define NX_SMTP_AUTHENTICATION_ERROR 0xA0
#define NX_SMTP_OVERSIZE_MAIL_DATA                                                                           \
    0xA1 /* The message is larger than the server takes (RFC 1870): nothing was sent. */
#define NX_SMTP_INVALID_SERVER_REPLY 0xA2
#define NX_SMTP_INTERNAL_ERROR 0xA3
#define NX_SMTP_SERVER_ERROR_CODE_RECEIVED 0xA4
#define NX_SMTP_INVALID_PARAM                                                                                \
    0xA5 /* An argument that cannot be sent: control characters, a stray bracket, too long. */
#define NX_SMTP_PACKET_ALLOCATE_ERROR 0xA6
#define NX_SMTP_GREET_REPLY_ERROR 0xA7
#define NX_SMTP_HELLO_REPLY_ERROR 0xA8
#define NX_SMTP_MAIL_REPLY_ERROR 0xA9
#define NX_SMTP_RCPT_REPLY_ERROR 0xAA
#define NX_SMTP_MESSAGE_REPLY_ERROR 0xAB
#define NX_SMTP_DATA_REPLY_ERROR 0xAC
#define NX_SMTP_AUTH_REPLY_ERROR 0xAD
#define NX_SMTP_SERVER_ERROR_REPLY 0xAE
#define NX_SMTP_TRANSMIT_ERROR 0xAF
#define NX_SMTP_INVALID_SERVER_CHALLENGE 0xB0
#define NX_SMTP_OVERSIZE_SERVER_REPLY 0xB1
#define NX_SMTP_CLIENT_NOT_INTIALIZED 0xB2
#define NX_SMTP_CLIENT_NOT_INITIALIZED NX_SMTP_CLIENT_NOT_INTIALIZED /* The guide's spelling. */
#define NX_SMTP_TLS_UNAVAILABLE 0xB3 /* TLS was asked for, and the server offers or grants no STARTTLS. */
#define NX_SMTP_TLS_ERROR 0xB4 /* The TLS handshake failed, or plaintext was slipped in behind STARTTLS. */
#define NX_SMTP_CONTENT_ERROR                                                                                \
    0xB5 /* The content holds a NUL, or its call-back failed: the message was not sent. */

/* ---- Constants ---- */

#define NX_SMTP_CLIENT_ID 0x534D5450UL

#define NX_SMTP_CLIENT_AUTH_NONE 0xFFFF
#define NX_SMTP_CLIENT_AUTH_LOGIN 1
#define NX_SMTP_CLIENT_AUTH_CRAM_MD5 2
#define NX_SMTP_CLIENT_AUTH_PLAIN 3
/* With these types and, where it is enabled, CRAM-MD5, the client uses that mechanism or none. The password
   of the last two is an OAuth 2.0 access token, which goes out under TLS only. */
#ifdef NX_SMTP_CLIENT_ENABLE_SCRAM_SHA_256
#define NX_SMTP_CLIENT_AUTH_SCRAM_SHA_256 4
#endif
#ifdef NX_SMTP_CLIENT_ENABLE_OAUTH
#define NX_SMTP_CLIENT_AUTH_OAUTHBEARER 5
#define NX_SMTP_CLIENT_AUTH_XOAUTH2 6
#endif

#define NX_SMTP_MAIL_PRIORITY_LOW 0x01
#define NX_SMTP_MAIL_PRIORITY_NORMAL 0x02
#define NX_SMTP_MAIL_PRIORITY_HIGH 0x04

#define NX_SMTP_RECIPIENT_TO 0x01
#define NX_SMTP_RECIPIENT_CC 0x02
#define NX_SMTP_RECIPIENT_BCC 0x04

#define NX_SMTP_CODE_GREETING_OK 220
#define NX_SMTP_CODE_ACKNOWLEDGE_QUIT 221
#define NX_SMTP_CODE_AUTHENTICATION_SUCCESSFUL 235
#define NX_SMTP_CODE_OK_TO_CONTINUE 250
#define NX_SMTP_CODE_CANNOT_VERIFY_RECIPIENT 252
#define NX_SMTP_CODE_AUTHENTICATION_TYPE_ACCEPTED 334
#define NX_SMTP_CODE_SEND_MAIL_INPUT 354
#define NX_SMTP_CODE_SERVICE_NOT_AVAILABLE 421
#define NX_SMTP_CODE_SERVICE_INTERNAL_SERVER_ERROR 451
#define NX_SMTP_CODE_INSUFFICIENT_STORAGE 452
#define NX_SMTP_CODE_AUTH_FAILED_INTERNAL_SERVER_ERROR 454
#define NX_SMTP_CODE_COMMAND_SYNTAX_ERROR 500
#define NX_SMTP_CODE_PARAMETER_SYNTAX_ERROR 501
#define NX_SMTP_CODE_COMMAND_NOT_IMPLEMENTED 502
#define NX_SMTP_CODE_BAD_SEQUENCE 503
#define NX_SMTP_CODE_PARAMETER_NOT_IMPLEMENTED 504
#define NX_SMTP_CODE_AUTH_REQUIRED 530
#define NX_SMTP_CODE_AUTH_FAILED 535
#define NX_SMTP_CODE_REQUESTED_ACTION_NOT_TAKEN 550
#define NX_SMTP_CODE_USER_NOT_LOCAL 551
#define NX_SMTP_CODE_OVERSIZE_MAIL_DATA 552
#define NX_SMTP_CODE_BAD_MAILBOX 553
#define NX_SMTP_CODE_TRANSACTION_FAILED 554
#define NX_SMTP_CODE_BAD_SERVER_CODE_RECEIVED 555

/* How a line is protected (nx_smtp_client_secure_set). */
#define NX_SMTP_CLIENT_NO_TLS 0
#define NX_SMTP_CLIENT_STARTTLS 1     /* Required: a server without it gets nothing (port 587). */
#define NX_SMTP_CLIENT_IMPLICIT_TLS 2 /* From the first octet (port 465). */

/* What became of a message for one recipient (nx_smtp_client_outcome_get). */
#define NX_SMTP_OUTCOME_NOT_SENT 0  /* No message was on its way. */
#define NX_SMTP_OUTCOME_ACCEPTED 1  /* The server took the recipient, the message is not settled. */
#define NX_SMTP_OUTCOME_DELIVERED 2 /* The server took responsibility for the message. */
#define NX_SMTP_OUTCOME_TRANSIENT 3 /* Not accepted; trying again later may help. */
#define NX_SMTP_OUTCOME_PERMANENT 4 /* Not accepted; trying again unchanged will not help. */
#define NX_SMTP_OUTCOME_IN_DOUBT 5  /* It may have been accepted: the line was lost before the reply. */

/* ---- The control block ---- */

struct NX_SMTP_CLIENT_STRUCT;

/* Octets for the engine of one client: its session, its settings and the text of the last reply. */
#ifndef NX_SMTP_CLIENT_MINIMAL
#if defined(NX_SMTP_CLIENT_ENABLE_SCRAM_SHA_256)
#define NX_SMTP_CLIENT_MECHANISM_SIZE (14 * sizeof(VOID*) + 240)
#elif defined(NX_SMTP_CLIENT_ENABLE_CRAM_MD5)
#define NX_SMTP_CLIENT_MECHANISM_SIZE (8 * sizeof(VOID*) + 48)
#elif defined(NX_SMTP_CLIENT_ENABLE_OAUTH)
#define NX_SMTP_CLIENT_MECHANISM_SIZE (10 * sizeof(VOID*))
#else
#define NX_SMTP_CLIENT_MECHANISM_SIZE 0
#endif
#define NX_SMTP_CLIENT_ENGINE_SIZE                                                                           \
    (64 * sizeof(VOID*) + 480 + NX_SMTP_SERVER_CHALLENGE_MAX_STRING + NX_SMTP_CLIENT_MECHANISM_SIZE)
#endif

/* Memory for one more recipient; see nx_smtp_client_recipients_set. Its inside is not for the application.
   (Many ports of ThreadX have no ULONG64.) */
typedef struct NX_SMTP_RECIPIENT_STRUCT {
    unsigned long long nx_smtp_recipient_engine[(13 * sizeof(VOID*) + 20 + 7) / 8];
} NX_SMTP_RECIPIENT;

/* Hashes and random octets for CRAM-MD5 and SCRAM-SHA-256, by whatever the device has. Each function returns
   NX_SUCCESS, or anything else to give up; the context goes to each. */
#define NX_SMTP_HASH_MD5 1
#define NX_SMTP_HASH_SHA256 2
typedef struct NX_SMTP_CLIENT_CRYPTO_STRUCT {
    VOID* nx_smtp_crypto_context;
    /* HMAC (RFC 2104), one at a time: begin, the text in parts, end, which gives 16 or 32 octets. */
    UINT (*nx_smtp_crypto_hmac_begin)(VOID* context, UINT hash, const UCHAR* key, UINT key_length);
    UINT (*nx_smtp_crypto_hmac_update)(VOID* context, const UCHAR* text, UINT length);
    UINT (*nx_smtp_crypto_hmac_end)(VOID* context, UCHAR* mac);
    /* For SCRAM-SHA-256 only; NX_NULL without it. */
    UINT (*nx_smtp_crypto_sha256)(VOID* context, const UCHAR* text, UINT length, UCHAR* digest);
    UINT (*nx_smtp_crypto_random)(VOID* context, UCHAR* to, UINT length);
} NX_SMTP_CLIENT_CRYPTO;

typedef struct NX_SMTP_CLIENT_STRUCT {
    ULONG nx_smtp_client_id;
    CHAR nx_smtp_username[NX_SMTP_CLIENT_MAX_USERNAME + 1];
    CHAR nx_smtp_password[NX_SMTP_CLIENT_MAX_PASSWORD + 1];
    CHAR nx_smtp_client_domain[NX_SMTP_CLIENT_MAX_USERNAME + 1];
    UINT nx_smtp_client_authentication_type;
    CHAR* nx_smtp_client_from_address;
    NX_IP* nx_smtp_client_ip_ptr;
    NX_PACKET_POOL* nx_smtp_client_packet_pool_ptr;
    NXD_ADDRESS nx_smtp_server_address;
    USHORT nx_smtp_server_port;
    USHORT nx_smtp_client_reply_code_status; /* The code of the last reply that mattered. */
    NX_TCP_SOCKET nx_smtp_client_socket;
#ifdef NX_SMTP_CLIENT_MINIMAL
    CHAR nx_smtp_client_reply_text[56]; /* A line of a reply, as far as it goes. */
#else
    CHAR* nx_smtp_client_user_ptr; /* What is used for authentication: the copies above, or what was lent. */
    CHAR* nx_smtp_client_password_ptr;
    NX_SMTP_RECIPIENT* nx_smtp_client_recipients;
    NX_SMTP_RECIPIENT nx_smtp_client_first_recipient; /* Used while no memory for more is lent. */
    UINT nx_smtp_client_recipients_capacity;
    UINT nx_smtp_client_recipients_count; /* Added ones; the one of the send call comes first and is not
                                             counted. */
    ULONG (*nx_smtp_client_time)(VOID);
    const NX_SMTP_CLIENT_CRYPTO* nx_smtp_client_crypto;
    UINT nx_smtp_client_sent; /* The outcomes are those of a message. */
    CHAR nx_smtp_client_reply_text[NX_SMTP_SERVER_CHALLENGE_MAX_STRING];
    UINT nx_smtp_client_reply_length;
    UINT nx_smtp_client_keep;
    UINT nx_smtp_client_connected; /* A kept session is there. */
    UINT nx_smtp_client_secure;
    UINT nx_smtp_client_two_steps; /* The server cannot take AUTH with an initial response. */
#ifdef NX_SECURE_ENABLE
    UINT(*nx_smtp_client_tls_setup)
    (struct NX_SMTP_CLIENT_STRUCT* client_ptr, NX_SECURE_TLS_SESSION* session_ptr);
    NX_SECURE_TLS_SESSION nx_smtp_client_tls_session;
#endif
    unsigned long long nx_smtp_client_engine[(NX_SMTP_CLIENT_ENGINE_SIZE + 7) / 8];
#endif
} NX_SMTP_CLIENT;

/* ---- The documented services ---- */

#ifdef NX_SMTP_DISABLE_ERROR_CHECKING
#define nxd_smtp_client_create _nxd_smtp_client_create
#define nx_smtp_client_delete _nx_smtp_client_delete
#define nx_smtp_mail_send _nx_smtp_mail_send
#else
#define nxd_smtp_client_create _nxde_smtp_client_create
#define nx_smtp_client_delete _nxe_smtp_client_delete
#define nx_smtp_mail_send _nxe_smtp_mail_send
#endif

/* Makes a client. user name, password and domain are copied; from_address is lent for the client's life. A
   type other than LOGIN, PLAIN or NONE counts as PLAIN. May be called from initialisation and from threads.
   NX_PTR_ERROR, NX_SMTP_INVALID_PARAM (ip_ptr), NX_IP_ADDRESS_ERROR, NX_SIZE_ERROR. */
UINT nxd_smtp_client_create(NX_SMTP_CLIENT* client_ptr, NX_IP* ip_ptr, NX_PACKET_POOL* client_packet_pool_ptr,
                            CHAR* username, CHAR* password, CHAR* from_address, CHAR* client_domain,
                            UINT authentication_type, NXD_ADDRESS* server_address, UINT port);

/* Closes the connection if one is kept, deletes the socket and wipes the block. NX_PTR_ERROR for no client.
 */
UINT nx_smtp_client_delete(NX_SMTP_CLIENT* client_ptr);

/* Sends a text: connects, sends, disconnects, in the caller's thread. The texts are used in place. The
   recipient and the sender may stand in angle brackets. NX_SUCCESS exactly when the server accepted the
   message for every recipient. After an error the client is ready for the next send. */
UINT nx_smtp_mail_send(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, UINT priority, CHAR* subject,
                       CHAR* mail_body, UINT mail_body_length);

UINT _nxd_smtp_client_create(NX_SMTP_CLIENT* client_ptr, NX_IP* ip_ptr,
                             NX_PACKET_POOL* client_packet_pool_ptr, CHAR* username, CHAR* password,
                             CHAR* from_address, CHAR* client_domain, UINT authentication_type,
                             NXD_ADDRESS* server_address, UINT port);
UINT _nxde_smtp_client_create(NX_SMTP_CLIENT* client_ptr, NX_IP* ip_ptr,
                              NX_PACKET_POOL* client_packet_pool_ptr, CHAR* username, CHAR* password,
                              CHAR* from_address, CHAR* client_domain, UINT authentication_type,
                              NXD_ADDRESS* server_address, UINT port);
UINT _nx_smtp_client_delete(NX_SMTP_CLIENT* client_ptr);
UINT _nxe_smtp_client_delete(NX_SMTP_CLIENT* client_ptr);
UINT _nx_smtp_mail_send(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, UINT priority, CHAR* subject,
                        CHAR* mail_body, UINT mail_body_length);
UINT _nxe_smtp_mail_send(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, UINT priority, CHAR* subject,
                         CHAR* mail_body, UINT mail_body_length);

#ifndef NX_SMTP_CLIENT_MINIMAL

/* ---- Extensions. All of them: NX_PTR_ERROR for a null pointer, NX_SMTP_CLIENT_NOT_INTIALIZED for no client;
   those that talk to the server: NX_CALLER_ERROR outside of threads. ---- */

/* Lends memory for `capacity` recipients: the one of the send call and those added. Lent until it is replaced
   (by NX_NULL and 0) or the client is deleted. */
UINT nx_smtp_client_recipients_set(NX_SMTP_CLIENT* client_ptr, NX_SMTP_RECIPIENT* recipients, UINT capacity);

/* Adds a recipient for this and the following sends. The address is lent until it is cleared. Bcc recipients
   are in no header. NX_SMTP_INVALID_PARAM (address or type), NX_SIZE_ERROR (no room: see
   nx_smtp_client_recipients_set). */
UINT nx_smtp_client_recipient_add(NX_SMTP_CLIENT* client_ptr, CHAR* address, UINT type);
UINT nx_smtp_client_recipients_clear(NX_SMTP_CLIENT* client_ptr);

/* What became of the last message: index 0 is the recipient of the send call, then those added in order.
   `code` is the reply that settled it, 0 when none did; either pointer may be NX_NULL. NX_SMTP_INVALID_PARAM
   for an index too high. */
UINT nx_smtp_client_outcome_get(NX_SMTP_CLIENT* client_ptr, UINT index, UINT* outcome, UINT* code);

/* Keeps the connection between sends. A connection that died meanwhile is made anew. NX_FALSE closes it. */
UINT nx_smtp_client_session_keep(NX_SMTP_CLIENT* client_ptr, UINT keep);

/* User name and password of any length, lent for the client's life, instead of the copies. */
UINT nx_smtp_client_credentials_set(NX_SMTP_CLIENT* client_ptr, CHAR* username, CHAR* password);

/* Gives the time, in seconds since 1970-01-01 00:00 UTC, for the Date field; 0 means not known. Without it a
   message has no Date, and the submission server adds one (RFC 6409 8). */
UINT nx_smtp_client_time_set(NX_SMTP_CLIENT* client_ptr, ULONG (*time_function)(VOID));

/* Lends what CRAM-MD5 and SCRAM-SHA-256 need, for the client's life; without it they fail. NX_NOT_SUPPORTED
   in builds that have neither. */
UINT nx_smtp_client_crypto_set(NX_SMTP_CLIENT* client_ptr, const NX_SMTP_CLIENT_CRYPTO* crypto);

#ifdef NX_SECURE_ENABLE
/* How the line is protected. tls_setup prepares the session before each handshake:
   nx_secure_tls_session_create, trusted certificates, packet buffer, and the call-back that checks the
   server's name. The client deletes the session. */
UINT nx_smtp_client_secure_set(NX_SMTP_CLIENT* client_ptr, UINT mode,
                               UINT (*tls_setup)(NX_SMTP_CLIENT* client_ptr,
                                                 NX_SECURE_TLS_SESSION* session_ptr));
#endif

/* As nx_smtp_mail_send, with a whole RFC 5322 message: header, empty line, body. */
UINT nx_smtp_mail_send_raw(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, CHAR* message,
                           ULONG message_length);

/* As nx_smtp_mail_send, with a body of any length that the call-back gives part by part: it sets *data and
   *length (0 ends the body) and returns NX_SUCCESS, or anything else to give up: then the message is not
   sent. A part is lent until the next call. */
UINT nx_smtp_mail_send_stream(NX_SMTP_CLIENT* client_ptr, CHAR* recipient_address, UINT priority,
                              CHAR* subject, UINT (*read_callback)(VOID* context, CHAR** data, ULONG* length),
                              VOID* context);

/* VRFY, EXPN (RFC 5321 3.5) and ETRN (RFC 1985). NX_SUCCESS when the server answered with 2yz; the answer is
   in nx_smtp_client_reply_get. NX_SMTP_SERVER_ERROR_CODE_RECEIVED when it refused. */
UINT nx_smtp_client_verify(NX_SMTP_CLIENT* client_ptr, CHAR* name);
UINT nx_smtp_client_expand(NX_SMTP_CLIENT* client_ptr, CHAR* name);
UINT nx_smtp_client_etrn(NX_SMTP_CLIENT* client_ptr, CHAR* name);

/* The last reply that mattered: its code (0: none came) and its text, cut to
   NX_SMTP_SERVER_CHALLENGE_MAX_STRING octets, without a final NUL. Text of the server: do not trust it. Valid
   until the next call for this client. Pointers may be NX_NULL. */
UINT nx_smtp_client_reply_get(NX_SMTP_CLIENT* client_ptr, UINT* code, CHAR** text, UINT* length);

/* For the services above: NX_CALLER_ERROR unless a thread calls. */
UINT _nx_smtp_client_caller_check(VOID);

#endif /* NX_SMTP_CLIENT_MINIMAL */

#ifdef __cplusplus
}
#endif

/* NOLINTEND(bugprone-reserved-identifier) */

#endif /* NXD_SMTP_CLIENT_H */
