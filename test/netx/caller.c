/* A caller in C, as the guide shows one: compiled as C, with the checks of a C compiler. */
#include "netxduo/nxd_smtp_client.h"

UINT netx_c_caller(NX_IP* ip, NX_PACKET_POOL* pool, NXD_ADDRESS* address, UINT port, UINT* step);
UINT netx_c_constants(void);

static NX_SMTP_CLIENT demo_client;

UINT netx_c_caller(NX_IP* ip, NX_PACKET_POOL* pool, NXD_ADDRESS* address, UINT port, UINT* step) {
    UINT status;
    *step = 1;
    status = nxd_smtp_client_create(&demo_client, ip, pool, "username", "password", "<sender@example.org>",
                                    "example.org", NX_SMTP_CLIENT_AUTH_PLAIN, address, port);
    if (status != NX_SUCCESS)
        return status;
    *step = 2;
    status = nx_smtp_mail_send(&demo_client, "<receiver@example.org>", NX_SMTP_MAIL_PRIORITY_NORMAL,
                               "A subject", "This is a text.\r\n", sizeof("This is a text.\r\n") - 1);
    if (status != NX_SUCCESS)
        return status;
    *step = 3;
    return nx_smtp_client_delete(&demo_client);
}

/* What applications were compiled with must not change. */
static const struct {
    unsigned long ours;
    unsigned long documented;
} constants[] = {
    {NX_SMTP_CLIENT_AUTH_NONE, 0xFFFF},
    {NX_SMTP_CLIENT_AUTH_LOGIN, 1},
    {NX_SMTP_CLIENT_AUTH_CRAM_MD5, 2},
    {NX_SMTP_CLIENT_AUTH_PLAIN, 3},
    {NX_SMTP_MAIL_PRIORITY_LOW, 1},
    {NX_SMTP_MAIL_PRIORITY_NORMAL, 2},
    {NX_SMTP_MAIL_PRIORITY_HIGH, 4},
    {NX_SMTP_RECIPIENT_TO, 1},
    {NX_SMTP_RECIPIENT_CC, 2},
    {NX_SMTP_RECIPIENT_BCC, 4},
    {NX_SMTP_AUTHENTICATION_ERROR, 0xA0},
    {NX_SMTP_OVERSIZE_MAIL_DATA, 0xA1},
    {NX_SMTP_INVALID_SERVER_REPLY, 0xA2},
    {NX_SMTP_INTERNAL_ERROR, 0xA3},
    {NX_SMTP_SERVER_ERROR_CODE_RECEIVED, 0xA4},
    {NX_SMTP_INVALID_PARAM, 0xA5},
    {NX_SMTP_PACKET_ALLOCATE_ERROR, 0xA6},
    {NX_SMTP_GREET_REPLY_ERROR, 0xA7},
    {NX_SMTP_HELLO_REPLY_ERROR, 0xA8},
    {NX_SMTP_MAIL_REPLY_ERROR, 0xA9},
    {NX_SMTP_RCPT_REPLY_ERROR, 0xAA},
    {NX_SMTP_MESSAGE_REPLY_ERROR, 0xAB},
    {NX_SMTP_DATA_REPLY_ERROR, 0xAC},
    {NX_SMTP_AUTH_REPLY_ERROR, 0xAD},
    {NX_SMTP_SERVER_ERROR_REPLY, 0xAE},
    {NX_SMTP_TRANSMIT_ERROR, 0xAF},
    {NX_SMTP_INVALID_SERVER_CHALLENGE, 0xB0},
    {NX_SMTP_OVERSIZE_SERVER_REPLY, 0xB1},
    {NX_SMTP_CLIENT_NOT_INTIALIZED, 0xB2},
    {NX_SMTP_CLIENT_NOT_INITIALIZED, 0xB2},
    {NX_SMTP_CLIENT_TCP_WINDOW_SIZE, 1460},
    {NX_SMTP_CLIENT_PACKET_TIMEOUT, 2 * NX_IP_PERIODIC_RATE},
    {NX_SMTP_CLIENT_CONNECTION_TIMEOUT, 10 * NX_IP_PERIODIC_RATE},
    {NX_SMTP_CLIENT_DISCONNECT_TIMEOUT, 5 * NX_IP_PERIODIC_RATE},
    {NX_SMTP_GREETING_TIMEOUT, 10 * NX_IP_PERIODIC_RATE},
    {NX_SMTP_ENVELOPE_TIMEOUT, 10 * NX_IP_PERIODIC_RATE},
    {NX_SMTP_MESSAGE_TIMEOUT, 30 * NX_IP_PERIODIC_RATE},
    {NX_SMTP_CLIENT_SEND_TIMEOUT, 5 * NX_IP_PERIODIC_RATE},
    {NX_SMTP_SERVER_CHALLENGE_MAX_STRING, 200},
    {NX_SMTP_CLIENT_AUTH_CHALLENGE_SIZE, 2 * NX_SMTP_CLIENT_MAX_USERNAME + NX_SMTP_CLIENT_MAX_PASSWORD + 2},
    {NX_SMTP_CLIENT_AUTH_CHALLENGE_ENCODED_SIZE, NX_SMTP_CLIENT_AUTH_CHALLENGE_SIZE * 4 / 3 + 1},
    {NX_SMTP_CODE_GREETING_OK, 220},
    {NX_SMTP_CODE_OK_TO_CONTINUE, 250},
    {NX_SMTP_CODE_SEND_MAIL_INPUT, 354}};

/* The index, counted from 1, of the first constant that is not as documented; 0 when all are. */
UINT netx_c_constants(void) {
    UINT i;
    for (i = 0; i < sizeof(constants) / sizeof(constants[0]); ++i) {
        if (constants[i].ours != constants[i].documented)
            return i + 1;
    }
    return 0;
}
