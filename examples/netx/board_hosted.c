/* A laptop as a board: settings are environment variables, storage is files (MAIL_CA, MAIL_LOG), and the
   network is the kernel's. */
#include "board.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int failures;

static void give_up(const char* what, const char* why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(64);
}

VOID board_network_driver(NX_IP_DRIVER* request) {
    request->nx_ip_driver_status = NX_SUCCESS; /* never called: the kernel is the network */
}

CHAR* board_setting(const CHAR* name) {
    CHAR* const value = getenv(name);
    if (value == NULL)
        give_up(name, "is not set; examples/netx/README.md lists what is needed");
    return value;
}

VOID board_mail_server(NXD_ADDRESS* address, UINT* port) {
    const char* const text = board_setting("MAIL_SERVER");
    struct in_addr v4;
    struct in6_addr v6;
    char* end;
    *port = (UINT)strtoul(board_setting("MAIL_PORT"), &end, 10);
    if (*port == 0 || *port > 65535 || *end != '\0')
        give_up("MAIL_PORT", "is no port number");
    if (inet_pton(AF_INET, text, &v4) == 1) {
        address->nxd_ip_version = NX_IP_VERSION_V4;
        address->nxd_ip_address.v4 = ntohl(v4.s_addr);
    } else if (inet_pton(AF_INET6, text, &v6) == 1) {
        UINT i;
        address->nxd_ip_version = NX_IP_VERSION_V6;
        for (i = 0; i < 4; ++i) {
            uint32_t word;
            memcpy(&word, &v6.s6_addr[4 * i], sizeof word);
            address->nxd_ip_address.v6[i] = ntohl(word);
        }
    } else {
        give_up("MAIL_SERVER", "is no IPv4 or IPv6 address");
    }
}

ULONG board_time(VOID) {
    return (ULONG)time(NULL);
}

ULONG board_storage_read(UINT area, ULONG offset, CHAR* to, ULONG size) {
    const char* const path = board_setting(area == BOARD_CA ? "MAIL_CA" : "MAIL_LOG");
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : pread(file, to, size, offset);
    if (got < 0)
        give_up(path, strerror(errno));
    close(file);
    return (ULONG)got;
}

VOID board_report(const CHAR* step, UINT status) {
    printf("%s: 0x%02X\n", step, status);
    failures += status != NX_SUCCESS;
}

int main(void) {
    srand((unsigned)time(NULL) ^ (unsigned)getpid()); /* what NX_RAND draws from; Message-IDs need it */
    tx_kernel_enter(); /* comes back on a hosted system, once all threads are over */
    return failures == 0 ? 0 : 1;
}
