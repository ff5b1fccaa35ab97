/* What only the hosted NetX has: running application code outside tx_kernel_enter, and making things go
 * wrong.
 *
 * All of it may be called from any thread at any time. Settings last until nx_hosted_reset. Statuses are NX
 * codes: NX_SUCCESS, or NX_PTR_ERROR for an argument that names nothing. */
#ifndef NX_HOSTED_H
#define NX_HOSTED_H

#include "nx_api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Back to defaults: tick rate, redirects, network permission, cuts, send limit, forced failures, call counts,
   foreign releases. Pools keep their own counters and faults (nx_hosted_pool_reset). */
VOID nx_hosted_reset(VOID);

/* ---- who is calling ---- */

/* Makes the calling Linux thread a ThreadX thread, so that a test may call services that only threads may
   call, without tx_kernel_enter. The control block is lent until the detach, which the same thread calls. */
UINT tx_hosted_thread_attach(TX_THREAD* thread_ptr, CHAR* name_ptr);
UINT tx_hosted_thread_detach(TX_THREAD* thread_ptr);

/* Calls function(input) in the calling Linux thread as if from context: TX_HOSTED_INITIALISATION, _THREAD
   (only sensible for an attached one), _TIMER or _INTERRUPT. */
VOID tx_hosted_call_as(UINT context, VOID (*function)(VOID*), VOID* input);

/* ---- time ---- */

/* Makes scale ticks pass where one would: a time-out of 1,000 ticks (10 s) takes 0.1 s at scale 100. 1 is the
   default, 0 means 1. tx_time_get never goes back. */
VOID nx_hosted_tick_scale(ULONG scale);

/* ---- where connections go ---- */

/* Connections to address:port go to the loopback port to_port instead, in the same address family. address
   NULL means any address, port 0 any port; the newest rule that fits is taken. The socket still reports the
   peer the application named. */
VOID nx_hosted_redirect(const NXD_ADDRESS* address, UINT port, UINT to_port);

/* 0 refuses connections that would leave the machine (NX_NOT_CONNECTED at once); anything else, the default,
   lets them go. */
VOID nx_hosted_allow_network(UINT allow);

/* ---- packet pools ---- */

typedef struct NX_HOSTED_POOL_STATS_STRUCT {
    ULONG total;           /* packets in the pool */
    ULONG available;       /* free now */
    ULONG allocated;       /* taken now: by the application, or waiting in a socket's queue */
    ULONG peak;            /* highest allocated so far */
    ULONG allocations;     /* packets given out, the stack's own included */
    ULONG failures;        /* allocations that failed, by time-out or by order */
    ULONG releases;        /* packets given back */
    ULONG double_releases; /* releases of a packet that was free, or that a socket owned */
    ULONG requests;        /* allocations asked for by calling threads: what nx_hosted_pool_fail counts */
} NX_HOSTED_POOL_STATS;

UINT nx_hosted_pool_stats_get(NX_PACKET_POOL* pool_ptr, NX_HOSTED_POOL_STATS* stats);

/* Clears the counters and the pool's faults; peak starts at what is allocated now. */
UINT nx_hosted_pool_reset(NX_PACKET_POOL* pool_ptr);

/* The pool behaves as empty for that long (real time); who waits long enough gets a packet afterwards. */
UINT nx_hosted_pool_dry(NX_PACKET_POOL* pool_ptr, ULONG milliseconds);

/* The nth allocation by a calling thread, counted from 1 from this call on, and the count - 1 after it fail
   with NX_NO_PACKET without waiting; count 0 means all from there on, nth 0 takes the order back. Packets for
   received data are not counted: when the stack takes those is a matter of timing. */
UINT nx_hosted_pool_fail(NX_PACKET_POOL* pool_ptr, ULONG nth, ULONG count);

/* Releases of pointers that lie in no pool. The checked release refuses them with NX_PTR_ERROR. */
ULONG nx_hosted_foreign_releases(VOID);

/* ---- received data ---- */

/* No received packet is longer than packet_size octets, and no part of it in one link of a chain longer than
   link_size; 0 takes that limit away. Where data is cut is this, the segment size and chance; with 1, at
   every octet. Without packet chains link_size is ignored. TLS data is cut below and above the TLS layer. */
VOID nx_hosted_receive_cut(ULONG packet_size, ULONG link_size);

/* On every connection a packet ends after the offset-th received octet; 0 takes it back. */
VOID nx_hosted_receive_cut_at(ULONG64 offset);

/* The connection breaks once that many octets were received: NX_HOSTED_BREAK_*. The octets before it arrive.
 */
#define NX_HOSTED_BREAK_NONE 0
#define NX_HOSTED_BREAK_RESET 1 /* as by RST */
#define NX_HOSTED_BREAK_END 2   /* as by FIN */
#define NX_HOSTED_BREAK_STALL 3 /* nothing more comes, nothing is noticed */
VOID nx_hosted_receive_break(UINT how, ULONG64 after);

/* The same for sent octets. With STALL the peer's window closes: sends wait and time out. */
VOID nx_hosted_send_break(UINT how, ULONG64 after);

/* The kernel buffers about that many octets per socket connected from now on (it rounds up to a few
   thousand); 0 leaves the choice to it. */
VOID nx_hosted_send_limit(ULONG octets);

/* ---- any service ---- */

/* The nth call of the named service ("nx_tcp_socket_send", "nx_secure_tls_session_start"), counted from 1
   from this call on, and the count - 1 after it return status and do nothing; count 0 means all from there
   on. A service keeps one order, nth 0 takes it back. */
VOID nx_hosted_fail(const CHAR* service, ULONG nth, ULONG count, UINT status);

/* Calls of the service since nx_hosted_reset, forced failures included; calls that the checked front end
   refused are not among them. */
ULONG nx_hosted_calls(const CHAR* service);

#ifdef __cplusplus
}
#endif

#endif
