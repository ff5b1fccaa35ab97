/* A device's mail program: sends each file, over one kept session, and prints what became of it.

   netx_mailer HOST PORT USER PASSWORD FROM TO CA.der|- text|raw|stream FILE...

   HOST is 127.0.0.1 or ::1. With a CA the session is under STARTTLS. "stream" gives the body in parts of 7
   octets. */
#include "netxduo/nxd_smtp_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PACKET_SIZE 1536
#define PACKETS 8
#define STACK_SIZE 8192
#define PART 7

static NX_PACKET_POOL pool;
static NX_IP ip;
static TX_THREAD thread;
static NX_SMTP_CLIENT mail;
static UCHAR tls_metadata[10240];
static UCHAR tls_buffer[4000];
static NX_SECURE_X509_CERT trusted;
static char** arguments;
static int argument_count;
static int failures;

struct content {
    CHAR* data;
    ULONG size;
    ULONG given;
};

static void driver(NX_IP_DRIVER* request) {
    NX_PARAMETER_NOT_USED(request);
}

static void expect(const char* what, UINT status) {
    if (status != NX_SUCCESS) {
        printf("%s: 0x%02X\n", what, status);
        ++failures;
    }
}

static struct content read_file(const char* path) {
    struct content c = {NX_NULL, 0, 0};
    FILE* file = fopen(path, "rb");
    long size;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        printf("cannot read %s\n", path);
        exit(66);
    }
    rewind(file);
    c.data = malloc((size_t)size + 1);
    c.size = (ULONG)fread(c.data, 1, (size_t)size, file);
    fclose(file);
    return c;
}

static ULONG now(VOID) {
    return (ULONG)time(NULL);
}

static ULONG check_name(NX_SECURE_TLS_SESSION* session, NX_SECURE_X509_CERT* certificate) {
    static const UCHAR name[] = "mail.test";
    NX_PARAMETER_NOT_USED(session);
    return nx_secure_x509_common_name_dns_check(certificate, name, sizeof(name) - 1);
}

static UINT tls_setup(NX_SMTP_CLIENT* client, NX_SECURE_TLS_SESSION* session) {
    static struct content authority;
    NX_PARAMETER_NOT_USED(client);
    if (authority.data == NX_NULL)
        authority = read_file(arguments[7]);
    expect("session", nx_secure_tls_session_create(session, &nx_crypto_tls_ciphers_ecc, tls_metadata,
                                                   sizeof(tls_metadata)));
    expect("ecc",
           nx_secure_tls_ecc_initialize(session, nx_crypto_ecc_supported_groups,
                                        (USHORT)nx_crypto_ecc_supported_groups_size, nx_crypto_ecc_curves));
    expect("buffer", nx_secure_tls_session_packet_buffer_set(session, tls_buffer, sizeof(tls_buffer)));
    expect("certificate",
           nx_secure_x509_certificate_initialize(&trusted, (UCHAR*)authority.data, (USHORT)authority.size,
                                                 NX_NULL, 0, NX_NULL, 0, NX_SECURE_X509_KEY_TYPE_NONE));
    expect("trust", nx_secure_tls_trusted_certificate_add(session, &trusted));
    expect("time", nx_secure_tls_session_time_function_set(session, now));
    return nx_secure_tls_session_certificate_callback_set(session, check_name);
}

static UINT give_part(VOID* context, CHAR** data, ULONG* length) {
    struct content* c = (struct content*)context;
    const ULONG left = c->size - c->given;
    *data = c->data + c->given;
    *length = left < PART ? left : PART;
    c->given += *length;
    return NX_SUCCESS;
}

static UINT send_file(const char* mode, struct content* c) {
    if (strcmp(mode, "raw") == 0)
        return nx_smtp_mail_send_raw(&mail, arguments[6], c->data, c->size);
    if (strcmp(mode, "stream") == 0)
        return nx_smtp_mail_send_stream(&mail, arguments[6], NX_SMTP_MAIL_PRIORITY_HIGH, "A subject",
                                        give_part, c);
    return nx_smtp_mail_send(&mail, arguments[6], NX_SMTP_MAIL_PRIORITY_NORMAL, "A subject", c->data,
                             (UINT)c->size);
}

static void send_all(ULONG input) {
    NXD_ADDRESS server;
    int i;
    NX_PARAMETER_NOT_USED(input);
    memset(&server, 0, sizeof(server));
    if (strchr(arguments[1], ':') != NULL) {
        server.nxd_ip_version = NX_IP_VERSION_V6;
        server.nxd_ip_address.v6[3] = 1;
    } else {
        server.nxd_ip_version = NX_IP_VERSION_V4;
        server.nxd_ip_address.v4 = IP_ADDRESS(127, 0, 0, 1);
    }
    expect("create",
           nxd_smtp_client_create(&mail, &ip, &pool, arguments[3], arguments[4], arguments[5], "device.test",
                                  NX_SMTP_CLIENT_AUTH_PLAIN, &server, (UINT)atoi(arguments[2])));
    expect("keep", nx_smtp_client_session_keep(&mail, NX_TRUE));
    expect("date", nx_smtp_client_time_set(&mail, now));
    if (strcmp(arguments[7], "-") != 0)
        expect("secure", nx_smtp_client_secure_set(&mail, NX_SMTP_CLIENT_STARTTLS, tls_setup));
    for (i = 9; i < argument_count; ++i) {
        struct content c = read_file(arguments[i]);
        UINT code = 0;
        CHAR* text = NX_NULL;
        UINT length = 0;
        const UINT status = send_file(arguments[8], &c);
        expect("reply", nx_smtp_client_reply_get(&mail, &code, &text, &length));
        printf("%s: 0x%02X %u %.*s\n", arguments[i], status, code, (int)length, text);
        failures += status != NX_SUCCESS;
        free(c.data);
    }
    expect("delete", nx_smtp_client_delete(&mail));
    if (pool.nx_packet_pool_available != pool.nx_packet_pool_total) {
        printf("packets leaked\n");
        ++failures;
    }
}

VOID tx_application_define(VOID* first_unused_memory) {
    CHAR* memory = (CHAR*)first_unused_memory;
    const ULONG pool_size = (ULONG)((PACKET_SIZE + sizeof(NX_PACKET)) * PACKETS);
    nx_system_initialize();
    nx_secure_tls_initialize();
    expect("pool", nx_packet_pool_create(&pool, "pool", PACKET_SIZE, memory, pool_size));
    memory += pool_size;
    expect("ip",
           nx_ip_create(&ip, "ip", IP_ADDRESS(192, 0, 2, 2), 0xFFFFFF00UL, &pool, driver, memory, 2048, 1));
    memory += 2048;
    expect("ipv6", nxd_ipv6_enable(&ip));
    expect("tcp", nx_tcp_enable(&ip));
    expect("thread", tx_thread_create(&thread, "mail", send_all, 0, memory, STACK_SIZE, 16, 16,
                                      TX_NO_TIME_SLICE, TX_AUTO_START));
}

int main(int argc, char** argv) {
    if (argc < 10) {
        puts("netx_mailer HOST PORT USER PASSWORD FROM TO CA.der|- text|raw|stream FILE...");
        return 64;
    }
    arguments = argv;
    argument_count = argc;
    tx_kernel_enter();
    return failures == 0 ? 0 : 1;
}
