/* An application as one writes it for a device, in C: pool, IP instance and thread made at the start, one
   dialogue with a server, end. Arguments: port. Prints what the server said; the exit code tells whether all
   of it worked. */
#include "nx_api.h"
#include "nx_secure_tls_api.h"

#include <stdio.h>
#include <stdlib.h>

#define PACKET_SIZE 1536
#define PACKETS 8

static NX_PACKET_POOL pool;
static NX_IP ip;
static TX_THREAD thread;
static NX_TCP_SOCKET tcp;
static UINT port;
static int failures;

static void driver(NX_IP_DRIVER* request) {
    NX_PARAMETER_NOT_USED(request);
}

static void expect(const char* what, UINT status) {
    if (status == NX_SUCCESS)
        return;
    printf("%s: 0x%02X\n", what, status);
    ++failures;
}

static void dialogue(ULONG input) {
    NX_PACKET* packet;
    UCHAR text[64];
    ULONG length = 0;
    NXD_ADDRESS server;
    static const char greeting[] = "EHLO device\r\n";
    NX_PARAMETER_NOT_USED(input);
    server.nxd_ip_version = NX_IP_VERSION_V4;
    server.nxd_ip_address.v4 = IP_ADDRESS(127, 0, 0, 1);
    expect("create", nx_tcp_socket_create(&ip, &tcp, "client", NX_IP_NORMAL, NX_FRAGMENT_OKAY, 128, 1460,
                                          NX_NULL, NX_NULL));
    expect("bind", nx_tcp_client_socket_bind(&tcp, NX_ANY_PORT, NX_IP_PERIODIC_RATE));
    expect("connect", nxd_tcp_client_socket_connect(&tcp, &server, port, 5 * NX_IP_PERIODIC_RATE));
    expect("allocate", nx_packet_allocate(&pool, &packet, NX_IPv4_TCP_PACKET, NX_WAIT_FOREVER));
    expect("append",
           nx_packet_data_append(packet, (VOID*)greeting, sizeof(greeting) - 1, &pool, NX_WAIT_FOREVER));
    expect("send", nx_tcp_socket_send(&tcp, packet, NX_IP_PERIODIC_RATE));
    expect("receive", nx_tcp_socket_receive(&tcp, &packet, 5 * NX_IP_PERIODIC_RATE));
    if (failures == 0 && packet->nx_packet_length < sizeof(text)) {
        expect("retrieve", nx_packet_data_retrieve(packet, text, &length));
        text[length] = 0;
        printf("%s", (char*)text);
        expect("release", nx_packet_release(packet));
    }
    expect("disconnect", nx_tcp_socket_disconnect(&tcp, 5 * NX_IP_PERIODIC_RATE));
    expect("unbind", nx_tcp_client_socket_unbind(&tcp));
    expect("delete", nx_tcp_socket_delete(&tcp));
}

VOID tx_application_define(VOID* first_unused_memory) {
    CHAR* memory = (CHAR*)first_unused_memory;
    const ULONG pool_size = (ULONG)((PACKET_SIZE + sizeof(NX_PACKET)) * PACKETS);
    nx_system_initialize();
    expect("pool", nx_packet_pool_create(&pool, "pool", PACKET_SIZE, memory, pool_size));
    memory += pool_size;
    expect("ip",
           nx_ip_create(&ip, "ip", IP_ADDRESS(192, 0, 2, 2), 0xFFFFFF00UL, &pool, driver, memory, 2048, 1));
    memory += 2048;
    expect("arp", nx_arp_enable(&ip, memory, 1024));
    memory += 1024;
    expect("icmp", nx_icmp_enable(&ip));
    expect("tcp", nx_tcp_enable(&ip));
    expect("thread", tx_thread_create(&thread, "main", dialogue, 0, memory, 2048, 16, 16, TX_NO_TIME_SLICE,
                                      TX_AUTO_START));
}

int main(int argc, char** argv) {
    if (argc != 2)
        return 64;
    port = (UINT)atoi(argv[1]);
    tx_kernel_enter();
    return failures == 0 ? 0 : 1;
}
