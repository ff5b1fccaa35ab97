/* The program of the NetX Duo SMTP client's guide: make a client, send a mail, delete the client. Nothing in
   it is Postrider's own: it compiles against NetX Duo's SMTP client as well. */
#include "board.h"
#include "netxduo/nxd_smtp_client.h"

#define PACKET_PAYLOAD 1536
#define PACKETS 12
#define IP_STACK_SIZE 2048
#define MAIL_STACK_SIZE 4096
#define PRIORITY 4

#define SUBJECT "NetX Duo SMTP Client Demo"
#define BODY                                                                                                 \
    "NetX Duo SMTP client is an easy to use protocol\r\n"                                                    \
    ".a line that begins with a dot stays as it is\r\n"

static NX_PACKET_POOL ip_pool, mail_pool;
static NX_IP ip;
static TX_THREAD mail_thread;
static NX_SMTP_CLIENT client;

static ULONG ip_pool_memory[PACKETS * (PACKET_PAYLOAD + sizeof(NX_PACKET)) / sizeof(ULONG)];
static ULONG mail_pool_memory[PACKETS * (PACKET_PAYLOAD + sizeof(NX_PACKET)) / sizeof(ULONG)];
static ULONG ip_stack[IP_STACK_SIZE / sizeof(ULONG)];
static ULONG arp_memory[1024 / sizeof(ULONG)];
static ULONG mail_stack[MAIL_STACK_SIZE / sizeof(ULONG)];

static VOID mail_thread_entry(ULONG input) {
    NXD_ADDRESS server;
    UINT port;
    UINT status;
    NX_PARAMETER_NOT_USED(input);

    board_mail_server(&server, &port);
    status = nxd_smtp_client_create(&client, &ip, &mail_pool, board_setting("MAIL_USER"),
                                    board_setting("MAIL_PASSWORD"), board_setting("MAIL_FROM"),
                                    "device.example", NX_SMTP_CLIENT_AUTH_PLAIN, &server, port);
    board_report("create", status);
    if (status != NX_SUCCESS)
        return;

    status = nx_smtp_mail_send(&client, board_setting("MAIL_TO"), NX_SMTP_MAIL_PRIORITY_NORMAL, SUBJECT, BODY,
                               sizeof(BODY) - 1);
    board_report("send", status);

    status = nx_smtp_client_delete(&client);
    board_report("delete", status);
}

VOID tx_application_define(VOID* first_unused_memory) {
    NX_PARAMETER_NOT_USED(first_unused_memory);

    nx_system_initialize();
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
