/* An alarm by mail: over STARTTLS to a server that proves who it is, with a password, to three people (To, Cc
   and Bcc), with a sensor log of any length as its body. Memory is what is declared below, however long the
   log is: it is read from storage in pieces and goes out packet by packet. */
#include "board.h"
#include "netxduo/nxd_smtp_client.h"

#include <stdlib.h>
#include <string.h>

#define PACKET_PAYLOAD 1536
#define PACKETS 16
#define IP_STACK_SIZE 2048
#define MAIL_STACK_SIZE 8192 /* certificate checks need most of it */
#define PRIORITY 4

#define RECIPIENTS 3
#define LOG_PIECE 256
#define ATTEMPTS 3
#define PAUSE (NX_IP_PERIODIC_RATE * 2) /* before another attempt; longer on a real device */

#define METADATA_SIZE 16384      /* nx_secure_tls_metadata_size_calculate tells what a cipher table needs */
#define RECORD_BUFFER_SIZE 16384 /* holds the largest record that the server sends */
#define REMOTE_CERTIFICATES 3    /* how long a chain the server may send */
#define REMOTE_CERTIFICATE_SIZE 2000
#define CA_SIZE 2000

static NX_PACKET_POOL ip_pool, mail_pool;
static NX_IP ip;
static TX_THREAD mail_thread;

static ULONG ip_pool_memory[PACKETS * (PACKET_PAYLOAD + sizeof(NX_PACKET)) / sizeof(ULONG)];
static ULONG mail_pool_memory[PACKETS * (PACKET_PAYLOAD + sizeof(NX_PACKET)) / sizeof(ULONG)];
static ULONG ip_stack[IP_STACK_SIZE / sizeof(ULONG)];
static ULONG arp_memory[1024 / sizeof(ULONG)];
static ULONG mail_stack[MAIL_STACK_SIZE / sizeof(ULONG)];

static NX_SMTP_CLIENT client;
static NX_SMTP_RECIPIENT recipients[RECIPIENTS];

/* TLS: one handshake at a time, so one of each. */
static ULONG tls_metadata[METADATA_SIZE / sizeof(ULONG)];
static UCHAR tls_record_buffer[RECORD_BUFFER_SIZE];
static NX_SECURE_X509_CERT remote_certificates[REMOTE_CERTIFICATES];
static UCHAR remote_certificate_memory[REMOTE_CERTIFICATES][REMOTE_CERTIFICATE_SIZE];
static NX_SECURE_X509_CERT ca_certificate;
static UCHAR ca_memory[CA_SIZE];
static NX_SECURE_X509_DNS_NAME server_name;

extern const NX_SECURE_TLS_CRYPTO nx_crypto_tls_ciphers_ecc;
extern const USHORT nx_crypto_ecc_supported_groups[];
extern const UINT nx_crypto_ecc_supported_groups_size;
extern const NX_CRYPTO_METHOD* nx_crypto_ecc_curves[];

/* The log, a piece at a time. A piece is lent until the next call. */
typedef struct LOG_READER_STRUCT {
    ULONG offset;
    CHAR piece[LOG_PIECE];
} LOG_READER;

static LOG_READER log_reader;

static UINT read_log(VOID* context, CHAR** data, ULONG* length) {
    LOG_READER* const reader = (LOG_READER*)context;
    *length = board_storage_read(BOARD_LOG, reader->offset, reader->piece, LOG_PIECE);
    *data = reader->piece;
    reader->offset += *length;
    return NX_SUCCESS;
}

/* That the chain leads to our CA has been checked when this is called; that the certificate is this server's,
   and not another customer's of the same CA, is for us to say. */
static ULONG check_server(NX_SECURE_TLS_SESSION* session, NX_SECURE_X509_CERT* certificate) {
    NX_PARAMETER_NOT_USED(session);
    return nx_secure_x509_common_name_dns_check(certificate, server_name.nx_secure_x509_dns_name,
                                                server_name.nx_secure_x509_dns_name_length);
}

static UINT add_certificates(NX_SECURE_TLS_SESSION* session) {
    const ULONG ca_size = board_storage_read(BOARD_CA, 0, (CHAR*)ca_memory, CA_SIZE);
    UINT status = NX_SUCCESS;
    UINT i;
    for (i = 0; i < REMOTE_CERTIFICATES && status == NX_SUCCESS; ++i)
        status = nx_secure_tls_remote_certificate_allocate(
            session, &remote_certificates[i], remote_certificate_memory[i], REMOTE_CERTIFICATE_SIZE);
    if (status == NX_SUCCESS)
        status = nx_secure_x509_certificate_initialize(&ca_certificate, ca_memory, (USHORT)ca_size, NX_NULL,
                                                       0, NX_NULL, 0, NX_SECURE_X509_KEY_TYPE_NONE);
    if (status == NX_SUCCESS)
        status = nx_secure_tls_trusted_certificate_add(session, &ca_certificate);
    return status;
}

/* Called before every handshake. The client deletes the session afterwards. */
static UINT set_up_tls(NX_SMTP_CLIENT* client_ptr, NX_SECURE_TLS_SESSION* session) {
    const CHAR* const name = board_setting("MAIL_SERVER_NAME");
    UINT status;
    NX_PARAMETER_NOT_USED(client_ptr);

    status =
        nx_secure_tls_session_create(session, &nx_crypto_tls_ciphers_ecc, tls_metadata, sizeof(tls_metadata));
    if (status == NX_SUCCESS)
        status =
            nx_secure_tls_ecc_initialize(session, nx_crypto_ecc_supported_groups,
                                         (USHORT)nx_crypto_ecc_supported_groups_size, nx_crypto_ecc_curves);
    if (status == NX_SUCCESS)
        status = nx_secure_tls_session_packet_buffer_set(session, tls_record_buffer, RECORD_BUFFER_SIZE);
    if (status == NX_SUCCESS)
        status = add_certificates(session);
    if (status == NX_SUCCESS)
        status = nx_secure_x509_dns_name_initialize(&server_name, (const UCHAR*)name, (USHORT)strlen(name));
    if (status == NX_SUCCESS)
        status = nx_secure_tls_session_sni_extension_set(session, &server_name);
    if (status == NX_SUCCESS)
        status = nx_secure_tls_session_time_function_set(session, board_time);
    if (status == NX_SUCCESS)
        status = nx_secure_tls_session_certificate_callback_set(session, check_server);
    return status;
}

static UINT set_up_client(VOID) {
    NXD_ADDRESS server;
    UINT port;
    UINT status;
    board_mail_server(&server, &port);
    status = nxd_smtp_client_create(&client, &ip, &mail_pool, "", "", board_setting("MAIL_FROM"),
                                    "device.example", NX_SMTP_CLIENT_AUTH_PLAIN, &server, port);
    if (status != NX_SUCCESS)
        return status;
    /* From here on errors are mistakes in this program or its settings, and they show. */
    board_report("credentials", nx_smtp_client_credentials_set(&client, board_setting("MAIL_USER"),
                                                               board_setting("MAIL_PASSWORD")));
    board_report("time", nx_smtp_client_time_set(&client, board_time));
    board_report("TLS", nx_smtp_client_secure_set(&client, NX_SMTP_CLIENT_STARTTLS, set_up_tls));
    board_report("recipients", nx_smtp_client_recipients_set(&client, recipients, RECIPIENTS));
    board_report("Cc", nx_smtp_client_recipient_add(&client, board_setting("MAIL_CC"), NX_SMTP_RECIPIENT_CC));
    board_report("Bcc",
                 nx_smtp_client_recipient_add(&client, board_setting("MAIL_BCC"), NX_SMTP_RECIPIENT_BCC));
    return NX_SUCCESS;
}

/* Another attempt helps when nobody has the alarm and nobody refused it for good. */
static UINT is_worth_another_attempt(VOID) {
    UINT i;
    for (i = 0; i < RECIPIENTS; ++i) {
        UINT outcome = NX_SMTP_OUTCOME_PERMANENT;
        nx_smtp_client_outcome_get(&client, i, &outcome, NX_NULL);
        if (outcome != NX_SMTP_OUTCOME_NOT_SENT && outcome != NX_SMTP_OUTCOME_TRANSIENT)
            return NX_FALSE;
    }
    return NX_TRUE;
}

static UINT send_alarm(VOID) {
    UINT status;
    UINT attempt = 0;
    do {
        if (attempt > 0)
            tx_thread_sleep(PAUSE);
        log_reader.offset = 0;
        status = nx_smtp_mail_send_stream(&client, board_setting("MAIL_TO"), NX_SMTP_MAIL_PRIORITY_HIGH,
                                          "Alarm: limit exceeded", read_log, &log_reader);
        ++attempt;
    } while (status != NX_SUCCESS && attempt < ATTEMPTS && is_worth_another_attempt());
    return status;
}

static VOID mail_thread_entry(ULONG input) {
    UINT status;
    NX_PARAMETER_NOT_USED(input);
    status = set_up_client();
    board_report("create", status);
    if (status == NX_SUCCESS) {
        board_report("send", send_alarm());
        board_report("delete", nx_smtp_client_delete(&client));
    }
}

VOID tx_application_define(VOID* first_unused_memory) {
    NX_PARAMETER_NOT_USED(first_unused_memory);

    nx_system_initialize();
    nx_secure_tls_initialize();
    board_report("IP pool", nx_packet_pool_create(&ip_pool, "IP pool", PACKET_PAYLOAD, ip_pool_memory,
                                                  sizeof(ip_pool_memory)));
    board_report("mail pool", nx_packet_pool_create(&mail_pool, "mail pool", PACKET_PAYLOAD, mail_pool_memory,
                                                    sizeof(mail_pool_memory)));
    board_report("IP instance", nx_ip_create(&ip, "IP", IP_ADDRESS(192, 0, 2, 2), 0xFFFFFF00UL, &ip_pool,
                                             board_network_driver, ip_stack, sizeof(ip_stack), PRIORITY - 1));
    board_report("ARP", nx_arp_enable(&ip, arp_memory, sizeof(arp_memory)));
    board_report("IPv6", nxd_ipv6_enable(&ip));
    board_report("ICMP", nxd_icmp_enable(&ip));
    board_report("TCP", nx_tcp_enable(&ip));
    board_report("thread",
                 tx_thread_create(&mail_thread, "mail", mail_thread_entry, 0, mail_stack, sizeof(mail_stack),
                                  PRIORITY, PRIORITY, TX_NO_TIME_SLICE, TX_AUTO_START));
}
