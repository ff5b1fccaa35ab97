/* What the examples need of the board they run on. board_hosted.c is a laptop as a board; on a device these
   are the network driver of the board's support package, its settings, its clock and its flash. */
#ifndef BOARD_H
#define BOARD_H

#include "nx_api.h"

/* The network driver, for nx_ip_create. */
VOID board_network_driver(NX_IP_DRIVER* request);

/* A text of the board's settings; ends the program with a message that names it when it is not set. */
CHAR* board_setting(const CHAR* name);

/* Where the mail server is: the settings MAIL_SERVER (an IPv4 or IPv6 address) and MAIL_PORT. */
VOID board_mail_server(NXD_ADDRESS* address, UINT* port);

/* Seconds since 1970-01-01 00:00 UTC; 0 while the clock is not set. */
ULONG board_time(VOID);

/* Reads from the board's storage at an offset; returns how many octets there were, 0 at the end. */
#define BOARD_CA 0  /* the trusted certificate, DER */
#define BOARD_LOG 1 /* the sensor log, lines of text */
ULONG board_storage_read(UINT area, ULONG offset, CHAR* to, ULONG size);

/* Tells how a step went, on the console; an error is remembered as the program's result. */
VOID board_report(const CHAR* step, UINT status);

#endif
